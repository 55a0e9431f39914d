"""`fit` on images and texts as they are, and what a preset tells of itself afterwards."""

import dataclasses

import keras
import numpy as np
import pytest

from keras_textrec import CRNN, TextRecognizer
from keras_textrec.data import from_arrays
from tests.tiny import WORDS, Columns, crnn, draw, make_crnn, png, same_weights


@pytest.fixture
def images(tmp_path):
    """Of the first four words, the first in a file."""
    path = tmp_path / "cat.png"
    path.write_bytes(png(draw(WORDS[0])))
    return [path, *(draw(word) for word in WORDS[1:4])]


@pytest.mark.filterwarnings("error:.*shuffle")
def test_fit_on_images_and_texts(images):
    """The same as on the source of them; a mixed list of images, and validation by a pair."""
    model, other = Columns(lowercase=True), Columns(lowercase=True)
    before = model.get_weights()
    model.compile()
    history = model.fit(images, WORDS[:4], batch_size=4, epochs=1, validation_data=(images, WORDS[:4]), verbose=0)
    assert np.isfinite(history.history["loss"]).all() and "val_loss" in history.history
    assert not all(np.array_equal(*pair) for pair in zip(model.get_weights(), before, strict=True))
    other.compile()
    other.fit(other.training_data(from_arrays(images, WORDS[:4]), 4), epochs=1, verbose=0)
    for ours, theirs in zip(other.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.one_backend
def test_what_a_trained_preset_tells(images, tmp_path):
    crnn().save_to_preset(tmp_path / "preset")
    model = CRNN.from_preset(tmp_path / "preset")
    assert model.origin == "preset"
    model.about = {**model.about, "trained_on": "Nothing.", "results": {}}
    model.compile()
    model.fit(images, WORDS[:4], batch_size=4, epochs=1, verbose=0)
    assert not same_weights(model, crnn())
    assert model.about["trained_on"] == (
        "4 records of images given in Python, from the weights of preset. Those were trained on: Nothing."
    )
    assert model.about["description"] == "preset, trained further. That one: A tiny CRNN." and model.origin is None
    assert "results" not in model.about


def test_fit_on_arrays_of_a_users_own(monkeypatch):
    """Anything but texts goes to Keras as it is."""
    seen = {}
    monkeypatch.setattr(keras.Model, "fit", lambda self, x, y, *rest, **options: seen.update(x=x, y=y))
    model = make_crnn(hidden_size=8)
    x, y = np.zeros((2, 32, 64, 3), "float32"), np.zeros((2, 8), "int32")
    model.fit(x, y)
    assert seen["x"] is x and seen["y"] is y


@pytest.mark.one_backend
def test_nothing_is_noted_of_a_training_that_did_not_begin():
    """Of one that did, what it was trained on stands there even if it ended in an error."""
    model = make_crnn(hidden_size=8)
    model.about, model.origin, recipe = {**model.about, "results": {"words": {}}}, "preset", model.recipe
    with pytest.raises(ValueError, match="no part 'tail'"):
        model.compile(dataclasses.replace(recipe, freeze=["tail"]))
    with pytest.raises(ValueError, match="learning_rates"):
        model.compile(dataclasses.replace(recipe, freeze=["backbone"], learning_rates={"tail": 0.1}))
    with pytest.raises(ValueError, match="student itself"):
        model.compile(dataclasses.replace(recipe, seed=7), teacher=model)
    assert model.recipe is recipe and all(layer.trainable for layer in model._flatten_layers())

    about = model.about
    model.compile()
    x, y = np.zeros((2, 32, 64, 3), "float32"), np.full((3, 8), 5, "int32")
    with pytest.raises(ValueError, match="same number"):
        model.fit(x, y, verbose=0)
    assert model.about == about and model.origin == "preset"
    broken = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        model.fit(x, y[:2], verbose=0, callbacks=[broken])
    assert model.about["trained_on"] == "Data given to `fit`, from the weights of preset." and model.origin is None


@pytest.mark.parametrize("method", ["fit", "evaluate"])
def test_a_first_step_that_raises_leaves_the_weights(method):
    model = Columns()
    model.compile()
    x, y = np.zeros((2, 32, 64, 3), "float32"), np.zeros((2, 8), "int32")
    getattr(model, method)(x, y, verbose=0)
    before = [weight.copy() for weight in model.get_weights()]
    error = ValueError
    if keras.backend.backend() == "tensorflow":
        from tensorflow.errors import InvalidArgumentError as error
    with pytest.raises(error):
        getattr(model, method)(x[..., :2], y, verbose=0)  # no image has two channels
    for weight, value in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_misspelt_options():
    with pytest.raises(TypeError, match="proceses"):
        crnn().training_data([], proceses=2)
    with pytest.raises(TypeError, match="augment"):
        crnn().evaluation_data([], augment=True)


@pytest.mark.parametrize("load_weights, told", [(True, True), (False, False)])
def test_weights_that_were_not_loaded_are_not_told_of(tmp_path, load_weights, told):
    model = make_crnn(hidden_size=8)
    model.about = {**model.about, "trained_on": "Words.", "results": {"words": {"accuracy": 9.0}}}
    model.save_to_preset(tmp_path / "preset")
    again = TextRecognizer.from_preset(tmp_path / "preset", load_weights=load_weights)
    assert ({"trained_on", "results"} <= set(again.about)) == told
    assert again.origin == ("preset" if told else None)
