"""A model through Keras' own ways of keeping it: `.keras` files, pickle, deepcopy, weights files."""

import copy
import dataclasses
import pickle

import h5py
import keras
import numpy as np
import pytest

from keras_textrec import CRNN, Recipe, TextRecognizer
from keras_textrec.data import from_arrays
from keras_textrec.training.parts import freeze
from tests.models.test_rare_model import make_rare
from tests.tiny import RECIPE, crnn, draw, make_crnn, same_weights

# What a description may hold: YAML's and JSON's kinds.
ABOUT = {"description": "A tiny CRNN.", "language": ["en", "fr"], "results": {"words": {"accuracy": 92.5}}}


def through_file(model, folder):
    model.save(folder / "model.keras")
    return keras.saving.load_model(folder / "model.keras")


WAYS = {
    "file": through_file,
    "pickle": lambda model, _: pickle.loads(pickle.dumps(model)),
    "deepcopy": lambda model, _: copy.deepcopy(model),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_recipe_and_description_are_kept(way, tmp_path):
    model = make_crnn()
    model.about = ABOUT
    again = way(model, tmp_path)
    assert type(again) is CRNN and not again.compiled
    assert again.recipe == RECIPE
    assert again.about == ABOUT and again.describe() == model.describe()
    assert same_weights(again, model)


def step(model):
    """One step of training; all its images are of one text."""
    x = np.stack([model.converter([draw("cat")])[0]] * 2)
    y = np.array([model.tokenizer.encode("cat")] * 2, "int32")
    return model.train_on_batch(x, y, np.ones(2, "float32"))


def test_training_goes_on_after_loading(tmp_path):
    """By the recipe that `compile` was given, where its optimizer stood: its schedule, its moments, the mean of the
    weights, and what single parts have for themselves."""
    model = make_crnn(hidden_size=8)
    parts = {"learning_rates": {"backbone": 0.1}, "l2": {"head": 0.1}}
    recipe = Recipe(learning_rate=0.05, warmup_steps=3, weight_decay=0.9, ema=0.9, batch_size=2, **parts)
    model.compile(recipe, total_steps=9)
    step(model)
    step(model)
    again = through_file(model, tmp_path)
    assert again.compiled and again.recipe == recipe == model.recipe
    for ours, theirs in zip(again.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(*(keras.ops.convert_to_numpy(v) for v in (ours, theirs)))
    for _ in range(2):
        np.testing.assert_allclose(step(again), step(model), rtol=1e-5)
        assert float(again.optimizer.learning_rate) == pytest.approx(float(model.optimizer.learning_rate))
    for ours, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


@pytest.mark.one_backend
def test_what_was_frozen_by_hand_is_kept_with_the_optimizer(tmp_path):
    model = make_crnn(hidden_size=8)
    freeze(model, ["backbone"])
    model.compile()
    step(model)
    again = through_file(model, tmp_path)
    assert len(again.trainable_variables) == len(model.trainable_variables) < len(model.variables)
    assert int(again.optimizer.iterations) == 1
    for ours, theirs in zip(again.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(*(keras.ops.convert_to_numpy(v) for v in (ours, theirs)))


@pytest.mark.one_backend
def test_weights_that_are_set_after_a_fit_are_kept_not_the_mean_before(tmp_path):
    model = make_crnn(hidden_size=8)
    model.compile(dataclasses.replace(RECIPE, ema=0.9))
    data = model.training_data(from_arrays([draw("cat")] * 4, ["cat"] * 4), steps_per_epoch=2)
    model.fit(data, verbose=0)
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    model.save_to_preset(tmp_path / "set")
    assert not any(weight.any() for weight in CRNN.from_preset(tmp_path / "set").get_weights())
    model.fit(data, verbose=0)  # whose mean is not that of the first
    step(model)
    model.save_to_preset(tmp_path / "mean")
    assert not same_weights(CRNN.from_preset(tmp_path / "mean"), model)


def test_what_was_given_to_compile_is_kept(tmp_path):
    model = make_crnn(hidden_size=8)
    model.compile(keras.optimizers.SGD(0.5), weighted_metrics=None, steps_per_execution=3)
    again = through_file(model, tmp_path)
    assert isinstance(again.optimizer, keras.optimizers.SGD) and float(again.optimizer.learning_rate) == 0.5
    assert again.steps_per_execution == 3 and again.get_compile_config()["weighted_metrics"] is None
    assert type(again.loss).__name__ == "CTCLoss"


def test_a_file_without_recipe_is_of_before():
    config = crnn().get_config()
    del config["recipe"], config["about"]
    model = CRNN.from_config(config)
    assert model.recipe == type(RECIPE)() and model.about == {}


def test_keras_clone_is_a_bare_network(tmp_path):
    """Keras makes one of every functional class with arguments of its own; it can be trained."""
    model = make_crnn(hidden_size=8)
    model.compile()
    clone = keras.models.clone_model(model)
    assert clone.compiled and [w.shape for w in clone.weights] == [w.shape for w in model.weights]


@pytest.mark.parametrize("make", [crnn, lambda: make_rare(steps=3)])
def test_a_weights_file_holds_each_variable_once(make, tmp_path):
    model = make()
    model.read(draw("cat"))  # makes the reader
    model.save_weights(tmp_path / "model.weights.h5")
    with h5py.File(tmp_path / "model.weights.h5") as file:
        assert set(file) == {"layers", "vars"} and not len(file["vars"])
        sizes = []
        file.visititems(lambda _, item: sizes.append(getattr(item, "size", 0)))
    assert sum(sizes) == model.count_params()


def test_saving_makes_no_reader(monkeypatch, tmp_path):
    def fail(self):
        raise AssertionError("saving makes the reading graph")

    monkeypatch.setattr(CRNN, "make_reader", fail)
    model = make_crnn(hidden_size=8)
    model.save_weights(tmp_path / "model.weights.h5")
    assert "reader" not in dir(model) and "presets" not in dir(model) and {"read", "tokenizer"} <= set(dir(model))


def test_a_weights_file_with_the_readers_groups_loads(tmp_path):
    """As it was written before."""
    model = make_crnn(hidden_size=8)
    model.save_weights(tmp_path / "model.weights.h5")
    with h5py.File(tmp_path / "model.weights.h5", "a") as file:
        file.create_group("reader/layers/softmax/vars")
        file.create_group("reader/vars")
    other = make_crnn(hidden_size=8)
    other.set_weights([0 * weight for weight in other.get_weights()])
    other.load_weights(tmp_path / "model.weights.h5")
    assert same_weights(other, model)


def test_a_model_shows_itself():
    facts = "name=crnn, characters=36, image=(None, 32, None, 3), dtype=float32, parameters=22,109"
    assert repr(crnn()) == f"<CRNN {facts}>"


def test_the_presets_of_a_class():
    assert {"crnn_small_en", "crnn_r34_en"} <= set(CRNN.presets) < set(TextRecognizer.presets)
    assert all(description["model"]["class"] == "CRNN" for description in CRNN.presets.values())
    assert "repsvtr_det" not in TextRecognizer.presets


def test_another_dtype_policy(tmp_path):
    crnn().save_to_preset(tmp_path / "preset")
    for charset in (None, "abc"):
        model = CRNN.from_preset(tmp_path / "preset", charset=charset, dtype="mixed_bfloat16")
        assert model.backbone.get_layer("stem1_conv").compute_dtype == "bfloat16"
        assert "dtype=mixed_bfloat16" in repr(model)
    assert keras.config.dtype_policy().name == "float32"
    with pytest.raises(ValueError, match="mixed_float13"):
        CRNN.from_preset(tmp_path / "preset", dtype="mixed_float13")
