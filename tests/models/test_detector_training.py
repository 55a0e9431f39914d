"""A detector trains, goes on, is measured and kept as recognisers are."""

import csv
import json
import re
import shutil

import keras
import numpy as np
import pytest

from keras_textrec import RepSVTRDetector
from keras_textrec.commands import main
from keras_textrec.data import open_region_source
from keras_textrec.images import PhotoConverter
from keras_textrec.images.boxes import Detection
from keras_textrec.training import run_folder
from keras_textrec.training.recipes import Recipe
from tests.models.test_detector import make_detector
from tests.tiny import crnn, draw, png, same_weights, write_lmdb

RECIPE = Recipe(batch_size=2, epochs=2, learning_rate=3e-3, canvases=[[64, 64]], seed=5, dtype="float32")


def write_photos(folder, count=4) -> str:
    """Photographs of 64 x 64 with a word each, and PaddleOCR's label file of them."""
    lines = []
    for number in range(count):
        word = draw("emu", height=20)
        photo = np.full((64, 64, 3), 160, "uint8")
        left, top = 4 + 3 * number, 6 + 8 * number
        photo[top : top + word.shape[0], left : left + word.shape[1]] = word
        (folder / f"{number}.png").write_bytes(png(photo))
        right, bottom = left + word.shape[1], top + word.shape[0]
        points = [[left, top], [right, top], [right, bottom], [left, bottom]]
        lines.append(f"{number}.png\t{json.dumps([{'transcription': 'emu', 'points': points}])}\n")
    (folder / "Label.txt").write_text("".join(lines), "utf-8")
    return str(folder / "Label.txt")


def make() -> RepSVTRDetector:
    model = make_detector(converter=PhotoConverter(64))
    model.recipe = RECIPE
    return model


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("photos")
    write_photos(place)
    make().save_to_preset(place / "preset")
    return place


@pytest.fixture(scope="module")
def run(place):
    """Two epochs by the command; `broken` is as if it had been killed after the first."""

    def save_and_copy(*arguments):
        save(*arguments)
        if not (place / "broken").exists():
            shutil.copytree(place / "run", place / "broken")

    save = run_folder.save_state
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_folder, "save_state", save_and_copy)
        patch.setattr("keras_textrec.reports.curves.can_draw", lambda: False)
        assert command(place, place / "run") == 0
    return place / "run"


def command(place, output, *more):
    photos = str(place / "Label.txt")
    data = ["--train", photos, "--validation", photos, "--processes", "0"]
    return main(["train", str(place / "preset"), *data, "--output", str(output), *more])


@pytest.mark.one_backend
def test_it_learns_words(place):
    model, source = make(), open_region_source(place)
    model.compile(Recipe(**{**RECIPE.to_dict(), "learning_rate": 1e-2}))
    data = model.training_data(source, augment=False, steps_per_epoch=6)
    losses = model.fit(data, epochs=2, verbose=0).history["loss"]
    assert np.isfinite(losses).all() and losses[1] < 0.9 * losses[0]


@pytest.mark.one_backend
def test_a_run_measures_what_it_finds(run):
    with (run / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"] and rows[-1]["images"] == "8"
    assert {"val_loss", "val_precision", "val_recall", "val_hmean"} <= rows[0].keys()
    assert {"best", "last", "batches.png", "report.html", "description.yaml"} <= {path.name for path in run.iterdir()}
    best = RepSVTRDetector.from_preset(run / "best")
    assert "4 records of Label.txt" in best.about["trained_on"] and best.recipe == RECIPE


@pytest.mark.one_backend
def test_a_resumed_run_ends_as_if_it_had_never_stopped(run, place):
    assert command(place, place / "broken", "--resume") == 0
    ends = [RepSVTRDetector.from_preset(folder / "last") for folder in (run, place / "broken")]
    assert same_weights(*ends)


@pytest.mark.one_backend
def test_evaluate_tells_what_is_found(place, monkeypatch, capsys):
    def detect(self, image):
        """Three of the four words, and something else in the last photograph."""
        _, (region,) = open_region_source(place)[len(seen)]
        seen.append(image)
        return [Detection(region.polygon + np.float32([0, 15 * (len(seen) == 4)]), 0.9)]

    seen = []
    monkeypatch.setattr(RepSVTRDetector, "detect", detect)
    assert main(["evaluate", str(place / "preset"), str(place / "Label.txt"), "--json", str(place / "found.json")]) == 0
    (row,) = json.loads((place / "found.json").read_text())["sets"]
    assert (row["samples"], row["words"], row["precision"], row["recall"], row["hmean"]) == (4, 4, 0.75, 0.75, 0.75)
    assert "75.00" in capsys.readouterr().out


@pytest.mark.one_backend
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--charset", "abc"], "--charset is for recognisers; .*preset is none"),
        (["--old-validation", "words"], "--old-validation is for recognisers"),
        (["-o", "training.augment=recaug"], "A detector is trained on one canvas .* and has augmentation of its own"),
        (["-o", "training.canvases=[[60, 64]]"], "sides are multiples of 32"),
        (["--teacher", "crnn_small_en"], "A RepSVTRDetector cannot have a teacher"),
    ],
)
def test_what_is_for_recognisers_is_refused(place, capsys, options, message):
    assert command(place, place / "refused", *options) == 1
    assert re.search(message, capsys.readouterr().err)


@pytest.mark.one_backend
def test_words_are_no_photographs(place, capsys):
    write_lmdb(place / "words", ["cat"])
    command_line = ["train", str(place / "preset"), "--train", str(place / "words")]
    assert main([*command_line, "--validation", str(place), "--output", str(place / "refused")]) == 1
    assert "words has no photographs for a detector" in capsys.readouterr().err
    crnn().save_to_preset(place / "recogniser")
    command_line = ["train", str(place / "recogniser"), "--train", str(place / "Label.txt")]
    assert main([*command_line, "--validation", str(place / "words"), "--output", str(place / "refused")]) == 1
    assert "for a detector; crop the words first" in capsys.readouterr().err
    assert main(["evaluate", str(place / "preset"), str(place), "--orientations", "0,180"]) == 1
    assert "--orientations is for recognisers" in capsys.readouterr().err


@pytest.mark.one_backend
def test_a_keras_file_keeps_recipe_loss_and_weights(place, tmp_path):
    model = make()
    model.compile()
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.recipe == RECIPE and again.loss.name == "db" and same_weights(model, again)
