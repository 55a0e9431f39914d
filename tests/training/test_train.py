import csv
import errno
import functools
import json
import os
import shutil

import keras
import numpy as np
import pytest

from keras_textrec import CRNN, TextRecognizer, describe
from keras_textrec.commands import main
from keras_textrec.commands.train import model_to_train
from keras_textrec.data import lmdb
from keras_textrec.presets import override
from keras_textrec.system.workers import WorkersFailed
from keras_textrec.training import run_folder, trials
from keras_textrec.training import train as training
from tests.tiny import crnn, write_lmdb

SETTINGS = [
    "training.learning_rate=5e-3",
    "training.seed=11",
    "training.ema=0.99",
    "training.learning_rates={head: 0.5}",
]


@pytest.fixture(autouse=True)
def undrawn(monkeypatch):
    """Of all these runs, `straight` alone draws curves: they take time."""
    monkeypatch.setattr("keras_textrec.reports.curves.can_draw", lambda: False)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a preset, and two LMDBs: a record of each holds no image."""
    place = tmp_path_factory.mktemp("training")
    crnn().save_to_preset(place / "preset")
    write_lmdb(place / "words", damaged=[4])
    write_lmdb(place / "validation", ["cat", "owl", "dog", "hen", "emu"], damaged=[1])
    return place


@pytest.fixture(scope="module")
def description(place):
    return override(describe(place / "preset"), SETTINGS)


@pytest.fixture(scope="module")
def sources(place):
    return lmdb(place / "words"), lmdb(place / "validation")


@pytest.fixture(scope="module")
def straight(place, description, sources):
    """Two epochs without a break: the model and its folder. `broken` is as if it had been killed after the first."""

    def save_and_copy(*arguments):
        save(*arguments)
        if not (place / "broken").exists():
            shutil.copytree(place / "straight", place / "broken")

    save = run_folder.save_state
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_folder, "save_state", save_and_copy)
        patch.setattr("keras_textrec.training.precision.has_bfloat16", lambda: False)
        return train(description, *sources, place / "straight"), place / "straight"


def train(description, training_source, validation, output, initial=None, **options):
    model = model_to_train(description, initial)
    training.train(model, training_source, validation, output, **options)
    return model


def command(place, output, *more):
    """`keras-textrec train` with the same description and data."""
    options = [option for setting in SETTINGS for option in ("-o", setting)]
    data = ["--train", place / "words", "--validation", place / "validation", "--output", place / output]
    return main([str(argument) for argument in ("train", place / "preset", *data, *options, *more)])


def rows(output):
    with (output / "log.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def state(output):
    with np.load(output / "state.npz") as file:
        return dict(file)


def images_seen(preset):
    return json.loads((preset / "config.json").read_text("utf-8"))["config"]["about"]["images_seen"]


def test_a_run_leaves_log_presets_and_state(straight):
    model, output = straight
    kept = {"best", "last", "state.npz"}
    told = {"log.csv", "curves.png", "batches.png", "readings.csv", "report.html"}
    assert {path.name for path in output.iterdir()} == {*kept, *told, "description.yaml", "environment.json"}
    log = rows(output)
    assert [row["epoch"] for row in log] == ["1", "2"]
    assert [row["images"] for row in log] == ["8", "16"]
    wanted = {"seconds", "time", "learning_rate", "loss", "accuracy", "exact", "similarity"}
    wanted |= {f"val_{name}" for name in ("loss", "accuracy", "exact", "similarity")}
    assert wanted <= set(log[0])
    assert all(np.isfinite(float(row["loss"])) for row in log)
    assert float(log[1]["learning_rate"]) == pytest.approx(0, abs=1e-6)  # cosine over both epochs
    assert int(state(output)["epoch"]) == 2
    accuracies = [float(row["val_accuracy"]) for row in log]
    assert state(output)["best"].tolist() == [max(accuracies), 1 + accuracies.index(max(accuracies))]

    last = CRNN.from_preset(output / "last")
    assert all(np.array_equal(a, b) for a, b in zip(last.get_weights(), model.get_weights(), strict=True))
    changed = {"learning_rate": 5e-3, "seed": 11, "ema": 0.99, "learning_rates": {"head": 0.5}}
    assert last.recipe.to_dict() == {**model.recipe.to_dict(), **changed}
    trained_on = "10 records of words."
    assert last.about == {**crnn().about, "images_seen": 16, "trained_on": trained_on}
    assert isinstance(TextRecognizer.from_preset(output / "best"), CRNN)


def test_the_mean_of_the_weights_is_kept_and_the_weights_go_on(straight):
    """In the state are both: the model's are to be trained on, the mean is the first that the optimizer has."""
    _, output = straight
    arrays = state(output)
    last = CRNN.from_preset(output / "last")
    weights = [arrays[f"model/{i}"] for i, v in enumerate(last.variables) if v.trainable]
    for i, variable in enumerate(last.trainable_variables):
        kept = keras.ops.convert_to_numpy(variable)
        np.testing.assert_array_equal(kept, arrays[f"optimizer/{i + 1}"])
        assert not np.array_equal(kept, weights[i])


@pytest.mark.one_backend
def test_the_mean_of_the_weights_is_what_validation_sees(straight, sources):
    _, output = straight
    last = CRNN.from_preset(output / "last")
    last.compile()
    measured = last.evaluate(last.evaluation_data(sources[1]), verbose=0, return_dict=True)
    assert measured["loss"] == pytest.approx(float(rows(output)[-1]["val_loss"]), rel=1e-5)


def test_training_changed_the_weights(straight):
    model, _ = straight
    assert not np.array_equal(model.get_weights()[0], crnn().get_weights()[0])


def test_a_resumed_run_is_the_unbroken_one_bit_for_bit(place, straight):
    """Through the command line."""
    _, unbroken = straight
    broken = place / "broken"
    assert [row["epoch"] for row in rows(broken)] == ["1"]
    assert int(state(broken)["epoch"]) == 1
    assert images_seen(broken / "last") == 8

    with (broken / "log.csv").open("a") as file:
        file.write("2,16,an epoch whose state was not written\n")
    assert command(place, "broken", "--resume") == 0
    ours, theirs = state(broken), state(unbroken)
    assert ours.keys() == theirs.keys()
    different = [key for key in ours if not np.array_equal(ours[key], theirs[key])]
    assert not different
    for ours, theirs in zip(rows(broken), rows(unbroken), strict=True):
        for passing in ("seconds", "time"):
            del ours[passing], theirs[passing]
        assert ours == theirs


def test_a_resumed_run_keeps_its_dtype(straight, description, monkeypatch):
    """ "auto" was float32 where the run began, and would be mixed_bfloat16 where it goes on."""
    monkeypatch.setattr("keras_textrec.training.precision.has_bfloat16", lambda: True)
    assert description["training"]["dtype"] == "auto"
    assert model_to_train(description).dtype_policy.name == "mixed_bfloat16"
    assert model_to_train(description, resumed=straight[1]).dtype_policy.name == "float32"


def test_a_run_is_not_overwritten(place, straight, description, sources, capsys):
    before = (place / "straight" / "state.npz").read_bytes()
    with pytest.raises(ValueError, match=r"straight holds a training already; go on with it \(--resume\)"):
        train(description, *sources, place / "straight")
    assert command(place, "straight") == 1
    assert "holds a training already" in capsys.readouterr().err
    assert (place / "straight" / "state.npz").read_bytes() == before


def test_resuming_needs_a_run_of_the_same_description(place, straight, description, sources):
    with pytest.raises(ValueError, match=r"no training to resume in .*nothing: it has no state\.npz"):
        train(description, *sources, place / "nothing", resume=True)
    assert not (place / "nothing").exists()
    other = override(description, ["training.learning_rate=1"])
    with pytest.raises(ValueError, match="straight was trained by another description"):
        train(other, *sources, place / "straight", resume=True)


@pytest.fixture
def epochs(monkeypatch):
    """Instead of training: the logs of epochs that the callbacks see."""
    logs = []

    def fit(self, *data, callbacks, initial_epoch, **options):
        self.fitted_from = initial_epoch
        for epoch, log in enumerate(logs):
            for callback in callbacks:
                callback.set_model(self)
                callback.on_epoch_begin(epoch)
                if "first" in log and isinstance(callback, run_folder.Keeper):
                    callback.on_train_batch_end(0, {"loss": log.pop("first")})
                callback.on_epoch_end(epoch, log)

    monkeypatch.setattr("keras_textrec.training.training_report.SAMPLES", 0)
    monkeypatch.setattr(keras.Model, "fit", fit)
    return logs


def test_the_best_epoch_is_kept(tmp_path, epochs, description, sources):
    epochs += [{"loss": 1.0, "val_accuracy": value} for value in (0.25, 0.5, 0.5, 0.4)]
    train(description, *sources, tmp_path / "run")
    assert images_seen(tmp_path / "run" / "best") == 16
    assert images_seen(tmp_path / "run" / "last") == 32
    assert state(tmp_path / "run")["best"].tolist() == [0.5, 2]


def test_a_diverged_epoch_is_not_kept(tmp_path, epochs, description, sources):
    epochs += [{"loss": 1.0, "val_accuracy": 0.5}, {"loss": float("nan"), "val_accuracy": 0.0}]
    with pytest.raises(ValueError, match="The loss became nan in epoch 2, of which nothing is kept"):
        train(description, *sources, tmp_path / "run")
    assert int(state(tmp_path / "run")["epoch"]) == 1
    assert images_seen(tmp_path / "run" / "last") == 8
    assert [row["loss"] for row in rows(tmp_path / "run")] == ["1.0", "nan"]  # the log tells of it


def test_an_easy_first_batch_is_no_measure(tmp_path, epochs, description, sources):
    """A trained model may begin with words that it reads."""
    epochs += [{"first": 0.015, "loss": 0.18, "val_accuracy": 0.5}]
    train(description, *sources, tmp_path / "run")
    assert int(state(tmp_path / "run")["epoch"]) == 1


@pytest.mark.one_backend
def test_a_loss_that_explodes_is_told(tmp_path, description, sources):
    """A learning rate of 1000: the loss stays finite, since gradients are clipped."""
    wild = override(
        description, ["training.learning_rate=1000", "training.schedule=constant", "training.warmup_steps=0"]
    )
    with pytest.raises(ValueError, match="nothing is kept; lower training.learning_rate"):
        train(wild, *sources, tmp_path / "run")
    whole = int(state(tmp_path / "run")["epoch"]) if (tmp_path / "run" / "state.npz").exists() else 0
    assert whole < 2  # at the latest the second epoch has exploded, and is not kept


def test_what_is_about_to_be_done_is_told(tmp_path, epochs, description, sources, caplog):
    epochs += [{"loss": 1.0, "val_accuracy": 0.5}]
    with caplog.at_level("INFO"):
        train(
            override(description, ["training.warmup_steps=300", "training.batch_size=16"]), *sources, tmp_path / "run"
        )
    assert "Training on 10 records in 2 epochs of 1 steps of 16 images; 5 records to validate; 36 char" in caplog.text
    assert "fewer records (10) than images in a step (16)" in caplog.text
    assert "The warm-up takes 0 steps, a tenth of this run, instead of 300" in caplog.text


def test_labels_of_which_nothing_can_be_used_end_a_run_before_it_begins(tmp_path, description, sources):
    words = lmdb(write_lmdb(tmp_path / "words", ["привет", "мир", "!?"]))
    with pytest.raises(ValueError, match="None of these labels can be used: 3 of 3 labels dropped; 3 unknown"):
        train(description, words, sources[1], tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(ValueError, match="None of these labels can be used"):
        train(description, sources[0], words, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_labels_that_lose_characters_are_told(tmp_path, epochs, description, sources, caplog):
    words = lmdb(write_lmdb(tmp_path / "words", ["äöüßD10CF1", "cat"]))
    train(description, words, sources[1], tmp_path / "run")
    assert "1 stripped of unknown characters" in caplog.text and "'äöüßD10CF1' is 'd10cf1'" in caplog.text


def test_where_nothing_can_be_written_no_work_is_begun(place, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for output, reason in [
        (tmp_path / "file", "is a file"),
        (tmp_path / "file" / "run", "is a file"),
        ("/proc/run", "/proc"),
    ]:
        assert command(place, output) == 1
        assert reason in capsys.readouterr().err


def test_the_end_tells_what_is_best(place, tmp_path, epochs, capsys):
    epochs += [{"loss": 1.0, "val_accuracy": 0.25}, {"loss": 0.5, "val_accuracy": 0.75}]
    assert command(place, tmp_path / "run", "--epochs", "2", "--batch-size", "3") == 0
    assert capsys.readouterr().out.startswith(
        "Best on the validation set: 75.0 % of the words right, in epoch 2 of 2: "
    )
    assert images_seen(tmp_path / "run" / "last") == 2 * 3 * 3


def test_a_run_that_ended_before_its_first_state_starts_anew(tmp_path, epochs, description, sources):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "log.csv").write_text("epoch\n1\n")
    epochs += [{"loss": 1.0, "val_accuracy": 0.5}]
    train(description, *sources, tmp_path / "run")
    assert len(rows(tmp_path / "run")) == 1


def test_weights_to_start_from(tmp_path, epochs, description, sources):
    model = train(description, *sources, tmp_path / "run", initial=crnn())
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), crnn().get_weights(), strict=True))
    fresh = train(description, *sources, tmp_path / "fresh")
    assert not np.array_equal(fresh.get_weights()[0], crnn().get_weights()[0])
    again = train(description, *sources, tmp_path / "again")
    assert all(np.array_equal(a, b) for a, b in zip(fresh.get_weights(), again.get_weights(), strict=True))


def test_interrupting(place, monkeypatch, capsys):
    def fit(self, *arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(keras.Model, "fit", fit)
    assert command(place, "interrupted") == 130
    assert capsys.readouterr().err.endswith("keras-textrec train: interrupted.\n")


def test_what_an_interrupt_leaves_is_told(place, straight, monkeypatch, caplog):
    def fit(self, *arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(keras.Model, "fit", fit)
    before = (place / "straight" / "state.npz").read_bytes()
    assert command(place, "straight", "--resume") == 130
    assert "straight keeps the last whole epoch; resume to go on." in caplog.text
    assert (place / "straight" / "state.npz").read_bytes() == before


def test_a_full_disk_costs_one_epoch(tmp_path, epochs, description, sources, monkeypatch):
    """Of the second state the first half finds room."""

    def full(file, **arrays):
        if arrays["epoch"] == 2:
            file.write(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save(file, **arrays)

    save = np.savez
    monkeypatch.setattr(np, "savez", full)
    epochs += [{"loss": 1.0, "val_accuracy": 0.5}, {"loss": 0.9, "val_accuracy": 0.6}]
    with pytest.raises(OSError, match=r"No space left on device\. .*run keeps the last whole epoch; resume to go on"):
        train(description, *sources, tmp_path / "run")
    assert int(state(tmp_path / "run")["epoch"]) == 1
    assert not [path for path in (tmp_path / "run").iterdir() if path.name.startswith(".")]


def test_killed_processes_are_told_with_what_is_kept(place, straight, monkeypatch, capsys):
    def fit(self, *arguments, **options):
        raise WorkersFailed("3 processes were killed.")

    monkeypatch.setattr(keras.Model, "fit", fit)
    assert command(place, "killed") == 1
    assert capsys.readouterr().err.endswith("keras-textrec train: 3 processes were killed.\n")
    assert command(place, "straight", "--resume") == 1
    assert capsys.readouterr().err.endswith("straight keeps the last whole epoch; resume to go on.\n")


def test_a_base_that_stays_the_best_is_told(place, tmp_path, epochs, capsys, caplog):
    """Through the command line, with all that a fine-tuning may have."""
    epochs += [{"loss": 1.0, "val_accuracy": 0.0}]
    more = ("--pretrained", "--freeze", "lstm", "--mix", f"0.5:{place / 'words'}", "--early-stop", "3")
    more += ("--charset", "ascii")
    assert command(place, tmp_path / "run", *more, "--old-validation", place / "validation") == 0
    told = capsys.readouterr().out
    assert "0.0 % of the words right, before the first step; no epoch was better than" in told
    assert "The training labels have 24 of the 94 characters that the network reads." in caplog.text
    assert [row["epoch"] for row in rows(tmp_path / "run")] == ["0", "1"]
    assert rows(tmp_path / "run")[0].keys() >= {"old_accuracy", "old_exact", "val_exact"}
    assert TextRecognizer.from_preset(tmp_path / "run" / "last").recipe.freeze == ["lstm"]


@pytest.mark.parametrize("mix", ["0.3", "words:0.3", "1.5:words"])
def test_a_mixture_that_is_none(place, tmp_path, capsys, monkeypatch, mix):
    monkeypatch.chdir(place)
    assert command(place, tmp_path / "run", "--mix", mix) == 1
    assert "--mix takes SHARE:SOURCE" in (told := capsys.readouterr().err) or "must be above 0 and below 1" in told
    assert not (tmp_path / "run").exists()


@pytest.mark.one_backend
def test_trials_leave_no_folder(place, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    data = [
        str(part) for part in ("train", place / "preset", "--train", place / "words", "--validation", place / "words")
    ]
    monkeypatch.setattr(trials, "can_learn", functools.partial(trials.can_learn, seconds=0))
    assert main([*data, "--check"]) == 1
    assert capsys.readouterr().out.startswith("Not known: 0 of 9 words are read right after 1 steps")
    found = trials.LearningRates(np.geomspace(1e-4, 1, 51), np.array([5.0] * 10 + [0.1] * 40 + [9.0]))
    monkeypatch.setattr(trials, "find_learning_rate", lambda *arguments: found)
    assert main([*data, "--find-lr", "rates.png"]) == 1  # before a minute is spent
    told = capsys.readouterr()
    assert "The plot of --find-lr needs Matplotlib" in told.err and not told.out
    monkeypatch.setattr("keras_textrec.reports.curves.can_draw", lambda: True)
    assert main([*data, "--find-lr", "rates.png"]) == 0
    assert "Suggested: -o training.learning_rate=0.0" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["rates.png"]
    with pytest.raises(SystemExit):
        main(data)
    assert "one of the arguments --output --check --find-lr is required" in capsys.readouterr().err
