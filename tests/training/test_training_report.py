"""`fit` with the callback, as in a notebook; tests/training/test_train.py has the command's folder."""

import json
import sys

import cv2
import numpy as np
import pytest
import yaml

from keras_textrec.commands import main
from keras_textrec.data import lmdb
from keras_textrec.data.pipeline import loading_of
from keras_textrec.reports.curves import draw_curves
from keras_textrec.reports.tables import read_rows
from keras_textrec.training import TrainingReport
from keras_textrec.training.training_report import batch_sheet
from tests.tiny import crnn, make_crnn, write_lmdb

pytestmark = pytest.mark.one_backend


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Two epochs of fit, then a third one that goes on: the model, its validation set, the folder."""
    folder = tmp_path_factory.mktemp("notebook")
    words = lmdb(write_lmdb(folder / "words", damaged=[4]))
    held_out = lmdb(write_lmdb(folder / "validation", ["cat", "owl", "no image"], damaged=[2]))
    model = make_crnn()
    data, validation = model.training_data(words), model.evaluation_data(held_out)
    model.compile()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("keras_textrec.reports.curves.can_draw", lambda: False)
        report = TrainingReport(folder / "run", data, validation)
        model.fit(data, validation_data=validation, epochs=2, callbacks=[report], verbose=0)
        later = TrainingReport(folder / "run", data, validation)
        model.fit(data, validation_data=validation, epochs=3, initial_epoch=2, callbacks=[later], verbose=0)
    return model, held_out, folder / "run"


def test_the_folder_of_a_notebook_is_that_of_the_command(fitted):
    model, _, folder = fitted
    names = {"log.csv", "readings.csv", "batches.png", "report.html", "description.yaml", "environment.json"}
    assert {path.name for path in folder.iterdir()} == names
    log = read_rows(folder / "log.csv")
    assert [(row["epoch"], row["images"]) for row in log] == [("1", "8"), ("2", "16"), ("3", "24")]
    assert {"seconds", "time", "learning_rate", "loss", "val_loss", "accuracy", "val_accuracy"} <= set(log[0])
    assert model.about["images_seen"] == 24
    description = yaml.safe_load((folder / "description.yaml").read_text("utf-8"))
    assert description["model"] == model.describe()["model"] and description["training"]["dtype"] == "float32"


def test_fixed_words_are_read_after_every_epoch(fitted):
    model, held_out, folder = fitted
    rows = read_rows(folder / "readings.csv")
    assert [row["epoch"] + row["label"] for row in rows] == [
        e + text for e in "123" for text in ("cat", "owl", "no image")
    ]
    assert [row["text"] for row in rows[6:8]] == [model.read(held_out[index][0]).text for index in (0, 1)]
    assert [(row["text"], row["confidence"]) for row in rows[2::3]] == [("", "0.0")] * 3
    page = (folder / "report.html").read_text("utf-8")
    assert page.count("data:image/jpeg") == 2 and "epoch 3" in page and "<script" not in page
    assert 'src="batches.png"' in page and "curves.png" not in page


def test_the_environment_of_every_start(fitted):
    starts = json.loads((fitted[2] / "environment.json").read_text("utf-8"))
    assert len(starts) == 2
    assert (
        starts[0]["backend"] in starts[0]["versions"] and starts[0]["devices"] and sys.argv[0] in starts[0]["command"]
    )


def test_a_fit_from_the_first_epoch_begins_anew(fitted, tmp_path, caplog):
    report = TrainingReport(tmp_path / "run")
    report.set_model(fitted[0])
    for name in ("log.csv", "readings.csv"):
        (tmp_path / "run").mkdir(exist_ok=True)
        (tmp_path / "run" / name).write_text("epoch\n1\n")
    report.on_epoch_begin(0)
    report.on_epoch_end(0, {"loss": 1.0})
    log = read_rows(tmp_path / "run" / "log.csv")
    assert [row["loss"] for row in log] == ["1.0"] and "images" not in log[0]  # of data that are not ours


def test_batches_are_shown_augmented_over_their_labels(tmp_path):
    words = lmdb(write_lmdb(tmp_path / "words"))
    plain = crnn().training_data(words, augment=False)
    inverted = crnn().training_data(words, augment=lambda image, rng: 255 - image)
    sheets = [batch_sheet(loading_of(data).batches, crnn().converter) for data in (plain, inverted)]
    assert sheets[0].shape == sheets[1].shape and sheets[0].dtype == np.uint8
    assert sheets[0][:40].mean() > 150 > sheets[1][:40, :100].mean()  # black on white, and white on black


def test_without_matplotlib_one_sentence_names_the_extra(fitted, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("keras_textrec.reports.curves.can_draw", lambda: False)
    report = TrainingReport(tmp_path)
    report.set_model(fitted[0])
    with caplog.at_level("INFO"):
        report.on_epoch_begin(0)
    assert 'pip install "keras-textrec[reports]"' in caplog.text


def test_curves_show_training_beside_validation(tmp_path):
    rows = [{"epoch": "1", "time": "x", "loss": "2.0", "val_loss": "3.0"}, {"epoch": 2, "loss": float("nan"), "lr": 1}]
    draw_curves(tmp_path / "curves.png", rows)
    drawn = cv2.imread(str(tmp_path / "curves.png"))
    assert drawn.shape[1] == 1000 and len(np.unique(drawn.reshape(-1, 3), axis=0)) > 10  # two panels, in colours


def test_tensorboard_that_is_not_installed_is_told_first(monkeypatch, tmp_path, capsys):
    find = sys.modules["importlib.util"].find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "tensorboard" else find(name))
    arguments = ["train", "crnn_small_en", "--train", "x", "--validation", "y", "--output", str(tmp_path / "run")]
    assert main([*arguments, "--tensorboard"]) == 1
    assert "pip install tensorboard" in capsys.readouterr().err and not (tmp_path / "run").exists()
