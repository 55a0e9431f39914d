"""MindOCR's tensors read into our networks give what MindOCR's own code gives: inputs, probabilities, texts, logits.

`fixtures/mindocr.json` and `.npz` hold names, shapes and numbers of MindOCR 6dd7792 under MindSpore 2.10.0 (CPU), in
evaluation, its networks filled by `mindocr_rule`, each image alone.
"""

import functools
import json
import pathlib

import keras
import numpy as np
import pytest

from keras_textrec.backbones import VGG7, ResNet31, ResNetVD
from keras_textrec.converters.checkpoint import read_checkpoint
from keras_textrec.converters.mindocr import to_paddle
from keras_textrec.converters.paddle import load_paddle_weights
from keras_textrec.models import CRNN, RARE, RobustScanner
from keras_textrec.presets import build
from keras_textrec.text.attention_tokenizers import remove_symbols
from keras_textrec.zoo import describe
from tests.converters.mindocr_rule import fill, image

FIXTURES = pathlib.Path(__file__).parent / "fixtures"
NAMES = [
    "crnn_vgg7_en",
    # Its parts are compared on every backend in tests/parity.
    pytest.param("rare_r34_notps_en", marks=pytest.mark.one_backend),
    # The other networks of ResNet34-vd, and the largest one.
    pytest.param("crnn_r34_mindocr_en", marks=pytest.mark.slow),
    pytest.param("rare_r34_notps_ch", marks=pytest.mark.slow),
    pytest.param("robust_scanner_r31_mindocr_en", marks=pytest.mark.slow),
]
# Noise of 1e-6 N(0, 1) on the input moves probabilities by 1e-5, 4e-3 and 5e-4, and logits by 3e-2 and 6e-3 (torch).
PROBABILITIES = {"crnn": 1e-4, "rare": 4e-3, "robust": 1e-3}
LOGITS = {"rare": 2e-2, "robust": 1e-2}


@pytest.fixture(scope="module", params=NAMES)
def published(request):
    """name, our network with MindOCR's tensors, its images (uint8), and what MindOCR computes of them."""
    name = request.param
    expected = json.loads((FIXTURES / "mindocr.json").read_text(encoding="utf-8"))[name]
    with np.load(FIXTURES / "mindocr.npz") as file:
        expected |= {key.removeprefix(f"{name}."): file[key] for key in file if key.startswith(f"{name}.")}
    model = build(describe(name), initialize=False)
    tensors = {tensor: fill(tensor, shape) for tensor, shape in expected["tensors"].items()}
    load_paddle_weights(model, to_paddle(tensors, model))
    images = [image(*size, seed) for size, seed in zip(expected["sizes"], expected["seeds"], strict=True)]
    return name, model, images, expected


def published_ids(model) -> np.ndarray:
    """MindOCR's class of each of ours: the blank is its last one, the end its second."""
    count = model.tokenizer.vocabulary_size
    if isinstance(model, CRNN):
        return np.array([count - 1, *range(count - 1)])
    return np.array([0, *range(2, count), 1]) if isinstance(model, RARE) else np.arange(count + 1)  # and the padding


def in_published_order(model, ours: np.ndarray) -> np.ndarray:
    return ours[..., np.argsort(published_ids(model)[: ours.shape[-1]])]


def assert_equals_sample(ours: np.ndarray, expected: dict, key: str, tolerance: float, where=True) -> None:
    assert list(ours.shape) == expected[f"{key}_shape"]
    step = expected[f"{key}_step"]
    compared = np.broadcast_to(where, ours.shape).reshape(-1)[::step]
    difference = np.abs(ours.reshape(-1)[::step] - expected[key])[compared].max()
    print(f"\n{key} on {keras.backend.backend()}: within {difference:.1e}")
    assert difference <= tolerance


def test_parameter_counts(published):
    """Ours lack the LSTMs' second biases: of two layers in two directions, or of two stacks in one."""
    _, model, _, expected = published
    second_biases = 4 * 4 * model.hidden_size
    assert model.count_params() == expected["parameters"] - second_biases
    trainable = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert trainable == expected["trainable"] - second_biases


def test_preprocessing(published):
    """Resized, turned where MindOCR turns, padded and normalised, to the last bits of float32."""
    _, model, images, expected = published
    x = model.converter.convert(images, model.converter.width)
    assert_equals_sample(x.transpose(0, 3, 1, 2), expected, "input", 1e-6)
    if "valid_ratios" in expected:
        ours = [model.converter.valid_ratio(image.shape) for image in images]
        np.testing.assert_allclose(ours, expected["valid_ratios"], atol=1e-6)


def test_reading(published):
    name, model, images, expected = published
    x = model.converter.convert(images, model.converter.width)
    ratios = np.array([model.converter.valid_ratio(image.shape) for image in images], "float32")
    inputs = (x, ratios) if isinstance(model, RobustScanner) else x
    probabilities = keras.ops.convert_to_numpy(model.reader.predict_on_batch(inputs))
    ordered = in_published_order(model, probabilities)
    tolerance = PROBABILITIES[name.partition("_")[0]]
    np.testing.assert_array_equal(ordered.argmax(-1), expected["best"])
    np.testing.assert_allclose(ordered.max(-1), expected["best_probability"], atol=tolerance)
    assert_equals_sample(ordered, expected, "probabilities", tolerance)

    readings = model.tokenizer.decode(probabilities)
    texts = [reading.text for reading in readings]
    if isinstance(model, RARE):  # MindOCR makes nothing of a text without its end
        ends = [row.index("<STOP>") if "<STOP>" in row else len(row) for row in expected["written"]]
        assert texts == ["".join(row[:end]) for row, end in zip(expected["written"], ends, strict=True)]
        ended = [end < len(row) for row, end in zip(expected["written"], ends, strict=True)]
    else:
        texts = [remove_symbols(text) for text in texts]
        ended = [True] * len(texts)
    assert [text for text, end in zip(texts, ended, strict=True) if end] == [t for t in expected["texts"] if t]
    if "confidences" in expected:
        ours = [reading.confidence if end else 0.0 for reading, end in zip(readings, ended, strict=True)]
        np.testing.assert_allclose(ours, expected["confidences"], atol=tolerance)


def test_labels_and_teacher_forcing(published):
    """The label arrays, and the logits of a decoder that is told what it reads."""
    name, model, images, expected = published
    ids, keep = model.tokenizer.encode_batch(expected["labels"], 40)
    # MindOCR leaves a label empty that is too long before unknown characters are taken out.
    padding = expected["label"].max() if isinstance(model, CRNN) else None
    rows = keep & (True if padding is None else (expected["label"] != padding).any(-1))
    assert rows.sum() >= 2
    if isinstance(model, CRNN):
        wanted = np.where(ids >= 0, published_ids(model)[ids], padding)[:, : expected["label"].shape[1]]
        np.testing.assert_array_equal(wanted[rows], expected["label"][rows])
        return
    tokens = model.tokens(ids)
    np.testing.assert_array_equal(published_ids(model)[tokens], expected["label"][:, : model.steps])
    x = model.converter.convert(images, model.converter.width)
    ratios = np.array([model.converter.valid_ratio(image.shape) for image in images], "float32")
    inputs, where = [x, tokens], True
    if isinstance(model, RobustScanner):
        # After the end comes padding, which has an embedding there and none here; no loss asks for that.
        inputs, where = [x, ratios, tokens], (tokens != model.tokenizer.padding_id)[..., None]
    logits = in_published_order(model, keras.ops.convert_to_numpy(model.predict_on_batch(inputs)))
    assert_equals_sample(logits, expected, "logits", LOGITS[name.partition("_")[0]], where)


# === Without the large networks ===


def test_a_file_that_mindspore_wrote():
    """By `mindspore.save_checkpoint(..., crc_check=True)`."""
    checkpoint = read_checkpoint(FIXTURES / "mindspore.ckpt")
    assert checkpoint.framework == "mindspore"
    rng = np.random.RandomState(0)
    weight = rng.standard_normal((3, 4)).astype("float32")
    expected = {
        "head.dense1.weight": weight,
        "half": rng.standard_normal((2, 3)).astype("float16"),
        "epoch_num": np.array(7, "int32"),
        "empty_name.0.gamma": np.ones(5, "float32"),
        "double": rng.standard_normal((2, 2)),
        "brain": checkpoint.tensors["brain"],
    }
    assert checkpoint.tensors.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(checkpoint.tensors[name], array, err_msg=name)
    np.testing.assert_allclose(expected["brain"], weight, rtol=2**-8)


@functools.cache
def small(kind: str):
    backbone = ResNetVD((1, 2, 1, 1), (4, 4, 4, 4), (4, 4, 4), "same")
    if kind == "crnn":
        return CRNN("ab", backbone=backbone, hidden_size=3)
    return RARE("ab", backbone=backbone, hidden_size=3, rectify=None, decoder_size=5)


def test_blocks_are_counted_through():
    tensors = {f"backbone.block_list.{i}.conv0.norm.gamma": np.zeros(4) for i in range(6)}
    assert list(to_paddle(tensors, small("crnn"))) == [
        *(f"backbone.bb_{stage}.conv0._batch_norm.weight" for stage in ("0_0", "1_0", "1_1", "2_0", "3_0")),
        "backbone.block_list.5.conv0._batch_norm.weight",  # none of ours
    ]


def test_classes_come_into_our_order():
    """CTC: a, b, blank -> blank, a, b. Attention: start, end, a, b -> start, a, b, end."""
    ctc = {"head.dense1.weight": np.array([[1, 10], [2, 20], [0, 0]]), "head.dense1.bias": np.array([1, 2, 0])}
    ours = to_paddle(ctc, small("crnn"))
    np.testing.assert_array_equal(ours["head.fc.weight"], [[0, 1, 2], [0, 10, 20]])
    np.testing.assert_array_equal(ours["head.fc.bias"], [0, 1, 2])

    attention = {
        "head.generator.weight": np.array([[0], [3], [1], [2]]),
        "head.generator.bias": np.array([0, 3, 1, 2]),
        "head.attention_cell.rnn.weight_ih": np.array([[7, 8, 0, 3, 1, 2]] * 3),  # two columns of the glimpse
    }
    ours = to_paddle(attention, small("rare"))
    np.testing.assert_array_equal(ours["head.generator.weight"], [[0, 1, 2, 3]])
    np.testing.assert_array_equal(ours["head.generator.bias"], [0, 1, 2, 3])
    np.testing.assert_array_equal(ours["head.attention_cell.rnn.weight_ih"], [[7, 8, 0, 1, 2, 3]] * 3)


@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 1), (1, 2, 3)])
def test_misshapen_heads_are_left_to_the_loader(shape):
    names = ["head.dense1.weight", "head.dense1.bias", "head.generator.weight", "head.attention_cell.rnn.weight_ih"]
    for kind in ("crnn", "rare"):
        tensors = {name: np.zeros(shape) for name in names} | {"head.generator.bias": np.zeros(4)}
        model = small(kind)
        with pytest.raises(ValueError, match="do not fit"):
            load_paddle_weights(model, to_paddle(tensors, model))


def test_two_tensors_of_one_meaning_are_refused():
    tensors = {"head.fc.bias": np.zeros(3), "head.dense1.bias": np.zeros(3)}
    with pytest.raises(ValueError, match=r"head\.fc\.bias and head\.dense1\.bias"):
        to_paddle(tensors, small("crnn"))


def test_networks_come_back_from_their_configuration():
    tiny = [(1, 1, 1, 1), (4, 4, 4, 4)]
    resnet31 = ResNet31(*tiny, (4, 4), use_bias=False)
    for backbone in (VGG7([2] * 7), small("crnn").backbone, resnet31):
        copy = type(backbone).from_config(backbone.get_config())
        assert copy.get_config() == backbone.get_config()
        assert copy.count_params() == backbone.count_params()
    options = {"hidden_size": 4, "steps": 5, "along_text": False, "use_bias": False}
    model = RobustScanner("ab", backbone=resnet31, **options)
    copy = RobustScanner.from_config(model.get_config())
    assert options.items() <= copy.get_config().items()
    assert copy.count_params() == model.count_params()
    decoder = model.get_layer("decoder")
    assert type(decoder).from_config(decoder.get_config()).remember is False
    copy = RARE.from_config(small("rare").get_config())
    assert (copy.hidden_size, copy.decoder_size) == (3, 5)


def test_vgg7_shapes():
    assert VGG7().count_params() == 5_555_072
    assert VGG7([1] * 7).compute_output_shape((None, 32, 100, 3)) == (None, 1, 24, 1)
    with pytest.raises(ValueError, match="seven"):
        VGG7([64, 128])


def test_pooling_is_padded_evenly_or_at_the_end():
    with pytest.raises(ValueError, match="pool_padding"):
        ResNetVD(pool_padding="valid")
