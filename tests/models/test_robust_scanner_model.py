import keras
import numpy as np
import pytest

from keras_textrec import Charset, ImageConverter
from keras_textrec.backbones import ResNet31
from keras_textrec.data import lmdb
from keras_textrec.layers.position_aware import ColumnMask
from keras_textrec.models import RobustScanner
from keras_textrec.presets.description import dtype_policy
from keras_textrec.text import SARTokenizer
from tests.tiny import RECIPE, draw, write_lmdb

BACKEND = keras.backend.backend()
STEPS = 6
LABELS = np.array([[2, 0, 1, -1], [1, 1, -1, -1]], "int32")


def make(**options):
    keras.utils.set_random_seed(0)
    converter = ImageConverter(16, 40, resize="pad", pad_value=-1.0)
    backbone = ResNet31((0, 0, 1, 0), (8, 8, 16, 16), (4, 8))
    options = {"hidden_size": 8, "steps": STEPS, **options}
    model = RobustScanner(SARTokenizer("abcdefgh", unknown="drop"), converter, backbone, **options)
    rng = np.random.default_rng(6)
    for weight in model.weights:  # strong weights: what is read depends on the image and on what was read before
        if len(weight.shape) > 1:
            gain = 3.0 if "head" in weight.path else 1.4
            looked_up = "embedding" in weight.path or "queries" in weight.path
            spread = 2.0 if looked_up else gain / np.sqrt(np.prod(weight.shape[:-1]))
            weight.assign(rng.normal(size=weight.shape) * spread)
    return model


@pytest.fixture(scope="module")
def model():
    return make()


def inputs(width=40, height=16):
    image = np.random.default_rng(1).normal(size=(2, height, width, 3)).astype("float32")
    return [image, np.array([1.0, 0.5], "float32")]


def predict(model, x):
    return keras.tree.map_structure(keras.ops.convert_to_numpy, model.predict_on_batch(x))


def softmax(logits):
    return keras.ops.convert_to_numpy(keras.ops.softmax(logits))


def test_the_reader_is_the_training_graph_fed_its_own_symbols(model):
    """With no tokens, with all of them, and with some: three ways to the same text."""
    x = inputs()
    probabilities = predict(model.reader, x)
    own = probabilities.argmax(-1)
    assert len(np.unique(own)) > 2
    np.testing.assert_allclose(probabilities.sum(-1), 1, rtol=1e-5)
    told = np.concatenate([np.full((2, 1), model.tokenizer.start_id), own[:, :-1]], 1).astype("int32")
    half = np.where(np.arange(STEPS) % 2, told, -1)
    for tokens in (model.tokens(LABELS, training=False), told, half):
        np.testing.assert_allclose(softmax(predict(model, [*x, tokens])), probabilities, atol=1e-5)
    other = told.copy()
    other[:, 2] = (told[:, 2] + 1) % 3
    logits, changed = predict(model, [*x, told]), predict(model, [*x, other])
    np.testing.assert_allclose(logits[:, :2], changed[:, :2], atol=1e-5)
    assert np.abs(logits[:, 2] - changed[:, 2]).max() > 1e-2


def test_padding_in_the_tokens_is_no_symbol(model):
    tokens = model.tokens(LABELS)
    assert tokens.tolist() == [[9, 2, 0, 1, 9, 10], [9, 1, 1, 9, 10, 10]]
    embed = model.get_layer("decoder").rnn.cell.embed
    embedded = keras.ops.convert_to_numpy(embed(keras.ops.convert_to_tensor(tokens)))
    assert (np.abs(embedded).max(-1) == 0).tolist() == (tokens == model.tokenizer.padding_id).tolist()


def test_attention_stays_within_the_image(model):
    x = inputs()
    probabilities, attention = predict(model.attention_reader, x)
    assert attention.shape == (2, STEPS, 2, 10)
    np.testing.assert_allclose(attention.sum((2, 3)), 1, rtol=1e-5)
    assert not attention[1, ..., 5:].any() and attention[0, ..., 5:].any()
    reading = model.tokenizer.decode(probabilities, attention)[0]
    assert reading.attention.shape == (len(reading.characters), 2, 10)


def test_an_image_reads_the_same_alone_and_among_others(model):
    images = [draw("bad"), draw("cabbage"), draw("i")]
    together = model.read(images)
    assert [reading.text for reading in together] == [model.read(image).text for image in images]
    looked = model.read(images[0], attention=True)
    assert looked.text == together[0].text
    assert looked.attention.shape == (len(looked.text), 2, 10)


@pytest.mark.one_backend
def test_fit_on_words(tmp_path):
    """A word of more than 5 characters is dropped: 6 steps, one of them for the end."""
    model = make()
    model.recipe = RECIPE
    model.compile()
    data = model.training_data(lmdb(write_lmdb(tmp_path / "words", ["cab", "bad", "cabbage", "face"])), batch_size=4)
    image, valid_ratio, tokens = next(iter(data))[0]
    assert [tuple(x.shape) for x in (image, valid_ratio, tokens)] == [(4, 16, 40, 3), (4,), (4, STEPS)]
    history = model.fit(data, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_the_mask_rounds_as_published_and_always_leaves_a_column():
    ratios = np.array([1.0, 0.7, 0.44, 0.45, 0.01, 0.0], "float32")
    mask = ColumnMask()(np.zeros((6, 2, 10, 1), "float32"), ratios)
    visible = (keras.ops.convert_to_numpy(mask)[..., 0] == 0).sum(-1)
    assert visible.tolist() == [[n, n] for n in (10, 7, 4, 5, 1, 1)]


@pytest.mark.parametrize("height, width", [(16, 41), (7, 3), (48, 160)])
def test_any_size(height, width):
    converter = ImageConverter(height, width, resize="stretch")
    small = RobustScanner(Charset("ab"), converter, ResNet31((0, 0, 1, 0), (4, 4, 4, 4), (4, 4)), 4, steps=3)
    assert small.backbone.compute_output_shape((None, height, width, 3)) == (None, -(-height // 8), -(-width // 4), 4)
    assert predict(small.reader, inputs(width, height)).shape == (2, 3, 4)
    assert small.time_steps() == 3


def test_configuration_round_trips(model, tmp_path):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model))
    assert again.get_config() == model.get_config()
    assert again.converter.get_config() == model.converter.get_config()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    x = inputs()
    np.testing.assert_allclose(predict(loaded.reader, x), predict(model.reader, x), atol=1e-5)
    assert len(model.reader.weights) == len(model.weights)


def test_the_backbone_has_four_stages():
    with pytest.raises(ValueError, match="ResNet31: depths .* must have four entries each"):
        ResNet31((1, 1), (8, 8))
    backbone = make().backbone
    assert ResNet31.from_config(backbone.get_config()).get_config() == backbone.get_config()


# The default is tried in mixed precision below. XLA takes minutes to compile the loop and its gradients on TensorFlow.
@pytest.mark.slow
@pytest.mark.parametrize("jit", [{"tensorflow": True, "jax": False, "torch": False}[BACKEND]])
def test_one_step_with_the_other_jit_setting(jit):
    model = make()
    model.compile(jit_compile=jit)
    results = model.train_on_batch([*inputs(), model.tokens(LABELS)], LABELS, np.ones(2), return_dict=True)
    assert set(results) == {"loss", "accuracy", "exact", "similarity"}
    assert np.isfinite([float(value) for value in results.values()]).all()


@pytest.mark.one_backend
def test_mixed_precision_keeps_the_head_in_float32():
    with dtype_policy("mixed_bfloat16"):
        model = make()
    cell = model.get_layer("decoder").rnn.cell
    assert (cell.fusion.compute_dtype, cell.head.compute_dtype) == ("bfloat16", "float32")
    assert model.output.dtype == "float32"
    assert {v.dtype for v in model.weights} == {"float32"}
    model.compile()
    before = [keras.ops.convert_to_numpy(v) + 0 for v in model.trainable_variables]
    tokens = np.where(np.arange(STEPS) % 2, model.tokens(LABELS), -1)
    results = model.train_on_batch([*inputs(), tokens], LABELS, np.ones(2), return_dict=True)
    assert np.isfinite(float(results["loss"]))
    after = [keras.ops.convert_to_numpy(v) for v in model.trainable_variables]
    assert all(np.isfinite(value).all() for value in after)
    assert not [v.path for v, a, b in zip(model.trainable_variables, before, after) if np.array_equal(a, b)]
    probabilities = predict(model.reader, inputs())
    assert probabilities.dtype == "float32"
    np.testing.assert_allclose(probabilities.sum(-1), 1, rtol=1e-5)
