"""Another charset for a trained network: what it knows of a character stays with the character."""

import logging

import keras
import numpy as np
import pytest

import keras_textrec as textrec
from keras_textrec.backbones import RepSVTRBackbone, ResNet31, ResNetVD, SVTRv2Backbone
from keras_textrec.commands import main
from keras_textrec.models.charset_surgery import _symbol_axes, copy_weights, with_charset
from tests.tiny import crnn, draw, write_lmdb

pytestmark = pytest.mark.one_backend

OLD = "abcdefghij0123"
NEW = "é3210jihgfeAdcba ß"
IMAGES = [draw(word) for word in ("cat", "dig", "jade", "03abc", "hi", "face21")]


def size():
    return textrec.ImageConverter(32, 64, resize="pad")


def vd():
    return ResNetVD((0, 1, 1, 1), (8, 8, 16, 16), (8,))


def svtrv2(charset):
    backbone = SVTRv2Backbone((32, 32, 64), (1, 2, 1), (1, 1, 0))
    return textrec.SVTRv2(charset, size(), backbone, guided=True, hidden_size=32)


def repsvtr(charset):
    return textrec.RepSVTR(charset, size(), RepSVTRBackbone(((16, True, 1, 1), (32, False, 2, 1))), hidden_size=32)


def robust_scanner(charset):
    return textrec.RobustScanner(charset, size(), ResNet31((1, 1, 1, 1), (8, 8, 16, 16), (8, 8)), 8, steps=8)


MODELS = {
    "crnn": lambda charset: textrec.CRNN(charset, size(), vd(), 8),
    "rare": lambda charset: textrec.RARE(charset, size(), vd(), 8, rectify="small", steps=8),
    "robust_scanner": robust_scanner,
    "svtrv2_guided": svtrv2,
    "repsvtr": repsvtr,
}


@pytest.fixture(params=MODELS, scope="module")
def model(request):
    """A network with weights that write many different characters."""
    keras.utils.set_random_seed(0)
    model = MODELS[request.param](OLD)
    rng = np.random.default_rng(1)
    strong = {id(variable) for variable, *_ in _symbol_axes(model)}
    for weight in model.trainable_weights:
        fan_in = np.prod(weight.shape[:-1]) if len(weight.shape) > 1 else 4
        value = rng.normal(size=weight.shape) * (8 if id(weight) in strong else 2) / np.sqrt(fan_in)
        weight.assign(value + (weight.name == "gamma"))
    if isinstance(model.tokenizer, textrec.AttentionTokenizer | textrec.SARTokenizer):
        bias = model.get_layer("decoder").rnn.cell.head.bias
        bias.assign(bias - 30.0 * (np.arange(bias.shape[0]) == model.tokenizer.end_id))  # it writes to its last step
    else:
        bias = model.get_layer("head").bias
        logits = forward(model, "ba0")
        bias.assign(bias - logits.get("ctc", logits.get("logits")).mean((0, 1)))  # every frame is as likely anything
    return model


def texts(model):
    return [reading.text for reading in model.read(IMAGES)]


def test_fewer_characters_lose_none_of_the_words_within_them():
    """What is read of characters that are kept is read as before, and as surely (PaddleX#4591)."""
    readings = crnn().read(IMAGES)
    kept = "".join(sorted(set("".join(reading.text for reading in readings))))
    assert 3 < len(kept) < len(crnn().tokenizer.charset)
    smaller = with_charset(crnn(), kept)
    assert smaller.count_params() < crnn().count_params()
    for reading, before in zip(smaller.read(IMAGES), readings, strict=True):
        assert reading.text == before.text and len(reading.text) > 0
        assert reading.confidence >= before.confidence - 1e-6


def forward(model, tokens):
    """Everything the training graph gives for the same images and the same symbols, as numbers by name."""
    ids = np.array([[model.tokenizer.charset.index(c) + model.tokenizer.first_id for c in tokens]] * 2, "int32")
    x = model.converter.convert(IMAGES[:2], 64)
    inputs, _ = model.arrange(x, np.array([0.8, 1.0], "float32"), ids, training=True)
    outputs = model.predict_on_batch(inputs)
    outputs = outputs if isinstance(outputs, dict) else {"logits": outputs}
    return {key: keras.ops.convert_to_numpy(value) for key, value in outputs.items()}


@pytest.fixture(scope="module")
def changed(model):
    return with_charset(model, NEW)


def test_the_weights_that_grow_with_the_charset_are_those_that_are_rearranged(model, changed):
    grown = {
        new.path: np.flatnonzero(np.subtract(new.shape, old.shape))
        for old, new in zip(model.weights, changed.weights, strict=True)
        if old.shape != new.shape
    }
    assert grown == {variable.path: [axis % len(variable.shape)] for variable, axis, *_ in _symbol_axes(changed)}


def test_another_order_and_more_characters_change_no_text_and_no_logit(model, changed):
    read = texts(model)
    assert len(set("".join(read))) > 2, "the network must write different characters for this test"
    assert texts(changed) == read
    before, after = forward(model, "ba0"), forward(changed, "ba0")
    for key in before:
        first = (model.guide_tokenizer if key == "guide" else model.tokenizer).first_id
        symbols = np.arange(before[key].shape[-1])  # the ids that they have now
        symbols[first : first + len(OLD)] = [first + NEW.index(c) for c in OLD]
        symbols[first + len(OLD) :] += len(NEW) - len(OLD)
        np.testing.assert_allclose(after[key][..., symbols], before[key], rtol=1e-3, atol=1e-3)
        new = [first + NEW.index(c) for c in NEW if c not in OLD]
        mean = before[key][..., first : first + len(OLD)].mean(-1, keepdims=True)
        np.testing.assert_allclose(after[key][..., new], np.repeat(mean, len(new), -1), rtol=1e-3, atol=1e-3)


def test_every_symbol_keeps_its_weights(model, changed):
    """By name: characters, and what is before, after or instead of them."""
    for (old, *_), (new, axis, offset, tokenizer) in zip(_symbol_axes(model), _symbol_axes(changed), strict=True):
        before = type(tokenizer)(OLD)
        old, new = (np.moveaxis(keras.ops.convert_to_numpy(v), axis, 0) for v in (old, new))
        names = [name for name in ("start_id", "end_id", "padding_id") if hasattr(tokenizer, name)]
        ids = [(getattr(before, name), getattr(tokenizer, name)) for name in names]
        ids += [(before._ids[c], tokenizer._ids[c]) for c in OLD]
        if isinstance(tokenizer, textrec.CTCTokenizer):
            ids.append((0, 0))  # blank
        if isinstance(tokenizer, textrec.SARTokenizer):
            ids.append((len(OLD), len(NEW)))  # unknown
        for i, j in ids:
            if offset + i < len(old):  # RobustScanner reads padding, and never writes it
                np.testing.assert_array_equal(new[offset + j], old[offset + i])
        np.testing.assert_array_equal(new[:offset], old[:offset])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A preset that reads lower case only, with results."""
    model = crnn()
    about = model.about
    model.about = {**about, "results": {"set": {"accuracy": 90.0}}, "license": "MIT"}
    path = tmp_path_factory.mktemp("surgery") / "preset"
    model.save_to_preset(path)
    model.about = about
    return path


def test_from_preset_says_what_it_did(folder, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    model = textrec.CRNN.from_preset(folder, charset=textrec.Charset("abcéÉ"))
    change = {"kept": 3, "new": ["é", "É"], "dropped": 33}
    assert model.about == {**crnn().about, "license": "MIT", "charset_change": change}
    assert "3 characters kept; 2 new" in caplog.text and "é É" in caplog.text and "33 dropped: 0 1 2" in caplog.text
    assert "no longer made lower case" in caplog.text and not model.tokenizer.lowercase
    assert model.tokenizer.unknown == crnn().tokenizer.unknown
    new, old = (keras.ops.convert_to_numpy(m.get_layer("head").kernel) for m in (model, crnn()))
    np.testing.assert_array_equal(new[:, :4], old[:, [0, *(1 + crnn().tokenizer.charset.index(c) for c in "abc")]])
    model.save_to_preset(tmp_path / "new")
    again = textrec.TextRecognizer.from_preset(tmp_path / "new")
    assert again.about["charset_change"] == change
    assert texts(again) == texts(model)


def test_lower_case_labels_stay_where_nothing_is_upper_case(folder):
    assert textrec.CRNN.from_preset(folder, charset="abc!").tokenizer.lowercase


def test_without_weights_only_the_charset_is_taken(folder):
    model = textrec.CRNN.from_preset(folder, load_weights=False, charset="abc")
    assert model.get_layer("head").units == 4
    assert "charset_change" not in model.about


def test_another_script_has_its_own_direction(folder):
    """Also of a network that was kept on disk when it read from left to right."""
    model = textrec.CRNN.from_preset(folder, load_weights=False, charset="שלום12")
    assert model.tokenizer.right_to_left
    assert model.tokenizer.encode("שלום12") == [5, 6, 4, 3, 2, 1]


def test_nothing_in_common_is_a_warning(folder, caplog):
    textrec.CRNN.from_preset(folder, charset="αβγ")
    assert "no character of the old one" in caplog.text


@pytest.mark.parametrize(
    "charset, message",
    [("", "at least one character"), ("aa", "once"), ("dict90", r"Charset.named\('dict90'\)"), (["a", 5], "string")],
)
def test_bad_charsets(folder, charset, message):
    with pytest.raises(ValueError, match=message):
        textrec.CRNN.from_preset(folder, charset=charset)


def test_only_the_charset_may_be_another():
    a, b = MODELS["crnn"](OLD), textrec.CRNN(OLD, size(), vd(), 12)
    before = [keras.ops.convert_to_numpy(v) for v in b.weights]
    with pytest.raises(ValueError, match=r"lstm.* instead of .*only the charset"):
        copy_weights(a, b)
    for value, variable in zip(before, b.weights, strict=True):
        np.testing.assert_array_equal(variable, value)
    with pytest.raises(ValueError, match="only the charset"):
        copy_weights(MODELS["svtrv2_guided"](OLD), MODELS["svtrv2_guided"](OLD).without_guide())


def test_places_that_no_label_is_encoded_to():
    """They keep their weights in the same charset; in another they start as any new character, and give nothing."""
    keras.utils.set_random_seed(0)
    old, same = MODELS["crnn"](["a", "", "b", "a"]), MODELS["crnn"](["a", "", "b", "a"])
    copy_weights(old, same)
    kernel = old.get_layer("head").get_weights()[0]
    np.testing.assert_array_equal(same.get_layer("head").get_weights()[0], kernel)
    new = with_charset(old, ["", "b", "b", "a"])
    mean = kernel[:, 1:].mean(1)
    np.testing.assert_array_equal(
        new.get_layer("head").get_weights()[0], np.stack([kernel[:, 0], mean, mean, kernel[:, 3], kernel[:, 4]], 1)
    )
    assert new.about["charset_change"] == {"kept": 2, "new": [], "dropped": 0}


@pytest.mark.slow
def test_training_goes_on_with_another_charset(folder, tmp_path, capsys):
    data = ["--train", write_lmdb(tmp_path / "words"), "--validation", write_lmdb(tmp_path / "v")]
    settings = ["-o", "model.tokenizer.charset=cat0gonu", "-o", "training.epochs=1", "-o", "training.steps_per_epoch=1"]
    command = [str(argument) for argument in ("train", folder, *data, "--pretrained", *settings, "--output")]
    assert main([*command, str(tmp_path / "bad"), "-o", "model.hidden_size=8"]) == 1
    assert "only the charset" in capsys.readouterr().err and not (tmp_path / "bad").exists()
    assert main([*command, str(tmp_path / "out"), "-o", "training.learning_rate=0.0"]) == 0
    about = textrec.describe(tmp_path / "out" / "last")
    assert about["charset_change"] == {"kept": 8, "new": [], "dropped": 28}
    new = textrec.TextRecognizer.from_preset(tmp_path / "out" / "last")
    new, old = (keras.ops.convert_to_numpy(model.get_layer("head").kernel) for model in (new, crnn()))
    np.testing.assert_array_equal(new[:, 3], old[:, crnn().tokenizer.charset.index("t") + 1])
