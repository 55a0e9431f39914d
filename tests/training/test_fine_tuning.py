"""A fine-tuning that cannot go wrong silently: one run, whose base reads 12 of 15 words right and gets worse."""

import csv
import dataclasses

import cv2
import numpy as np
import pytest

from keras_textrec import CRNN, TextRecognizer
from keras_textrec.data import from_arrays, lmdb
from keras_textrec.reading.evaluate import evaluate_source
from keras_textrec.training.parts import freeze
from keras_textrec.training.train import train
from tests.tiny import draw, make_crnn, write_lmdb

IMAGES = [draw(letter + "a" * (number % 3)) for number, letter in enumerate("abcdefghijklmno")]


def base():
    """A network that reads something, and the recipe of a training that takes a large step."""
    model = make_crnn()
    model.recipe = dataclasses.replace(
        model.recipe, max_length=16, epochs=5, learning_rate=0.1, warmup_steps=0, freeze=["backbone"]
    )
    return model


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Base, trained model, folder and sources. Labels of the validation set are what the base reads, but for three."""
    place, model = tmp_path_factory.mktemp("fine_tuning"), base()
    texts = [reading.text for reading in model.read(IMAGES)]
    validation = from_arrays(IMAGES, ["wrong", "words", "here", *texts[3:]])
    old = from_arrays(IMAGES[:4], texts[:4])
    data = lmdb(write_lmdb(place / "words"))
    best = train(
        model,
        data,
        validation,
        place / "run",
        has_base=True,
        replay=(0.5, lmdb(write_lmdb(place / "old", ["old"] * 6))),
        old_validation=old,
        early_stop=2,
    )
    with (place / "run" / "log.csv").open(newline="", encoding="utf-8") as file:
        return model, place / "run", validation, old, best, list(csv.DictReader(file))


def test_the_log_begins_with_what_the_base_reads(run):
    _, _, validation, _, _, log = run
    assert log[0]["epoch"] == "0" and log[0]["accuracy"] == ""
    measured = evaluate_source(base(), validation)
    assert measured["accuracy"] == 12 / 15
    for name in ("accuracy", "exact"):
        assert float(log[0][f"val_{name}"]) == pytest.approx(measured[name])
    assert float(log[0]["old_accuracy"]) == 1.0


def test_a_model_that_is_worse_than_its_base_is_not_the_best(run):
    _, folder, validation, _, best, log = run
    assert all(float(row["val_accuracy"]) < 12 / 15 for row in log[1:])
    assert best == (pytest.approx(12 / 15), 0)
    kept = TextRecognizer.from_preset(folder / "best")
    assert evaluate_source(kept, validation)["accuracy"] == 12 / 15
    assert "trained_on" not in kept.about


def test_the_old_domain_has_a_column(run):
    model, _, _, old, _, log = run
    assert float(log[-1]["old_accuracy"]) == evaluate_source(model, old)["accuracy"] < 1


def test_no_better_epoch_ends_it(run):
    assert [row["epoch"] for row in run[-1]] == ["0", "1", "2"]


def test_a_run_that_has_ended_so_is_not_gone_on_with(run, monkeypatch):
    _, folder, validation, old, best, _ = run
    monkeypatch.setattr(CRNN, "fit", None)
    sources = lmdb(folder.parent / "words"), validation
    replay = (0.5, lmdb(folder.parent / "old"))
    again = train(base(), *sources, folder, resume=True, has_base=True, replay=replay, old_validation=old, early_stop=2)
    assert again == best


def test_what_is_frozen_stays(run):
    """Statistics of batch normalisation too."""
    model = run[0]
    before = base()
    for ours, theirs in zip(model.backbone.get_weights(), before.backbone.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)
    assert not np.array_equal(model.get_layer("head").get_weights()[0], before.get_layer("head").get_weights()[0])


def test_an_epoch_is_a_pass_over_the_new_words_whatever_is_mixed_in(run):
    """Ten words in batches of four, of which half are old ones."""
    assert int(run[-1][1]["images"]) == 5 * 4


@pytest.mark.one_backend
def test_a_mixture_on_random_canvases_is_a_pass_over_the_new_words_too(tmp_path, monkeypatch):
    """A batch on the second canvas has half as many images: 30 in a step of each, of which 15 are new."""
    model = make_crnn()
    model.recipe = dataclasses.replace(
        model.recipe, batch_size=20, canvases=[[32, 64], [32, 128]], canvas_choice="random"
    )
    asked = []

    def training_data(self, source, *, steps_per_epoch, **options):
        asked.append(steps_per_epoch)
        raise KeyboardInterrupt

    monkeypatch.setattr(CRNN, "training_data", training_data)
    words = from_arrays(IMAGES * 10, ["a"] * 150)
    with pytest.raises(KeyboardInterrupt):
        train(model, words, words, tmp_path / "run", replay=(0.5, words))
    assert asked == [20]


@pytest.mark.one_backend
def test_what_is_validated_has_the_shape_of_what_is_read():
    """A word of more than twice the canvas' width, squeezed, is read as something else."""
    model = make_crnn()
    images = [cv2.resize(draw("wide words"), (width, 32)) for width in (92, 132)]
    labels = [reading.text for reading in model.read(images)]
    model.recipe = dataclasses.replace(model.recipe, max_length=64)
    right = [measured(model, images, labels)]
    model.recipe = model.recipe.for_fine_tuning(model.converter)
    assert model.recipe.canvases == [[32, 64], [32, 92], [32, 132], [32, 188]]
    right.append(measured(model, images, labels))
    assert right[0] < right[1] == 1


def measured(model, images, labels):
    model.compile()
    return model.evaluate(model.evaluation_data(from_arrays(images, labels), 1), verbose=0, return_dict=True)["exact"]


@pytest.mark.one_backend
def test_parts_to_freeze():
    model = make_crnn(hidden_size=8)
    freeze(model, ["lstm", "backbone"])
    assert [layer.name for layer in model.layers if layer.weights and layer.trainable] == ["head"]
    with pytest.raises(ValueError, match=r"CRNN has no part 'neck' to freeze; it has backbone, lstm, head\."):
        freeze(model, ["neck"])
    with pytest.raises(ValueError, match="Nothing is left to train where lstm, backbone, head are frozen"):
        freeze(make_crnn(hidden_size=8), ["lstm", "backbone", "head"])
    assert model.recipe.freeze == ["lstm", "backbone"]  # and so it is kept


@pytest.mark.one_backend
def test_a_recipe_without_frozen_parts_trains_those_that_another_froze():
    model = make_crnn(hidden_size=8)
    model.get_layer("lstm_0").trainable = False  # by hand, so it stays

    def trained():
        return [layer.name for layer in model.layers if layer.weights and layer.trainable]

    everything = trained()
    model.compile(dataclasses.replace(model.recipe, freeze=["backbone", "lstm"]))
    assert trained() == ["head"]
    with pytest.raises(ValueError, match="has no part 'neck'"):
        model.compile(dataclasses.replace(model.recipe, freeze=["neck"]))
    assert trained() == ["head"] and model.recipe.freeze == ["backbone", "lstm"]
    model.compile(dataclasses.replace(model.recipe, freeze=None))
    assert trained() == everything and "lstm_0" not in everything
