"""Training a preset's recogniser from data on disk: what `keras-textrec train` runs."""

import contextlib
import csv
import datetime
import functools
import logging
import os
import pathlib
import time
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import yaml

from keras_textrec.data import Source
from keras_textrec.data.pipeline import errors_as_raised
from keras_textrec.system.workers import WorkersFailed

logger = logging.getLogger(__name__)

STATE, LOG, DESCRIPTION = "state.npz", "log.csv", "description.yaml"
# What chooses the best checkpoint: words right, by what the charset makes meaningful (`reading_metrics`); by its name,
# and by that of a guided network.
WATCHED = ("val_accuracy", "val_ctc_accuracy")
# A mean loss of an epoch so many times the first step's is no learning.
DIVERGED = 10


def train(
    model: keras.Model,
    training: Source,
    validation: Source,
    output: str | pathlib.Path,
    *,
    resume: bool = False,
    processes: int = 0,
) -> tuple[float, int]:
    """Trains a recogniser by its recipe and keeps everything below `output`.

    `output` gets `best/` and `last/` (preset folders), `log.csv` (a row an epoch), `description.yaml` and `state.npz`
    (weights, optimizer and place in the data after the last whole epoch).

    Args:
        model: a `TextRecognizer`, with new weights or trained ones; `about["images_seen"]` goes on from what it was.
        training, validation: what `keras_textrec.data` opens.
        resume: go on where `output` stands, as if the run had never stopped.
        processes: how many load images beside this one (0: its threads do).

    Returns:
        The best value of what is watched on the validation set, and the epoch that it is of; `best/` is of that epoch.

    Raises:
        ValueError: `output` holds a run and `resume` is False, or holds none and it is True, or another description's;
            the loss became infinite, NaN or ten times what it began with (the state of the epoch before is kept).
        WorkersFailed: processes do not start, or are killed again and again (the state of the epoch before is kept).
    """
    output = pathlib.Path(output)
    description = model.describe()
    # What "auto" was: the run keeps it, wherever it goes on.
    description["training"] = {**description["training"], "dtype": model.dtype_policy.name}
    _check_output(output, description, resume)
    recipe = model.recipe

    epoch, best = 0, (-1.0, 0)
    load = functools.partial(model.training_data, training, steps_per_epoch=recipe.steps_per_epoch, processes=processes)
    data, validation_data = load(), model.evaluation_data(validation)
    steps = len(data)
    model.compile(total_steps=recipe.epochs * steps)
    model.optimizer.build(model.trainable_variables)
    if resume:
        epoch, best = _load_state(model, output / STATE)
        data = load(epoch=epoch)
        _cut_log(output / LOG, epoch)
        logger.info("Resuming %s after epoch %d of %d.", output, epoch, recipe.epochs)
    else:
        output.mkdir(parents=True, exist_ok=True)
        (output / LOG).unlink(missing_ok=True)  # of a run that ended before its first state was written
        (output / DESCRIPTION).write_text(yaml.safe_dump(description, sort_keys=False, allow_unicode=True), "utf-8")
    _tell(model, training, validation, steps)
    keeper = _Keeper(output, best, steps * recipe.batch_size, model.about.get("images_seen", 0))
    with _kept_told(output), errors_as_raised(data, validation_data):
        model.fit(
            data,
            validation_data=validation_data,
            epochs=recipe.epochs,
            initial_epoch=epoch,
            shuffle=False,  # Keras would warn that it does not shuffle a `tf.data.Dataset`
            callbacks=[keeper, keras.callbacks.TerminateOnNaN()],
        )
    return keeper.best


@contextlib.contextmanager
def _kept_told(output: pathlib.Path) -> Iterator[None]:
    """When processes fail, it is told what there is to go on with."""
    try:
        yield
    except WorkersFailed as error:
        if not (output / STATE).exists():
            raise
        raise WorkersFailed(f"{error} {output} keeps the last whole epoch; resume to go on.") from error


def _tell(model: keras.Model, training: Source, validation: Source, steps: int) -> None:
    """Says in the log what is about to be done."""
    recipe, records, charset = model.recipe, len(training), model.tokenizer.charset
    shown = "".join(charset.characters[:40]) + ("…" if len(charset) > 40 else "")
    logger.info(
        "Training on %s records in %d epochs of %s steps of %d images; %s records to validate; %d characters: %s",
        *(f"{records:,}", recipe.epochs, f"{steps:,}", recipe.batch_size, f"{len(validation):,}", len(charset), shown),
    )
    if records < recipe.batch_size:
        logger.warning(
            "There are fewer records (%d) than images in a step (%d): each comes several times in it. Give a smaller "
            "batch_size.",
            *(records, recipe.batch_size),
        )
    warmup = recipe.warmup_for(recipe.epochs * steps)
    if warmup < recipe.warmup_steps:
        logger.info("The warm-up takes %d steps, a tenth of this run, instead of %d.", warmup, recipe.warmup_steps)


class _Keeper(keras.callbacks.Callback):
    """After every epoch: the log's row, the best and the last preset, then the state that a resumed run starts from."""

    def __init__(self, output: pathlib.Path, best: tuple[float, int], images_per_epoch: int, images_before: int):
        super().__init__()
        self.first_loss: float | None = None
        self.images_before = images_before
        self.output = output
        self.best = best
        self.images_per_epoch = images_per_epoch

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        if self.first_loss is None:
            self.first_loss = float(logs["loss"])

    def on_epoch_end(self, epoch, logs=None):
        if not np.isfinite(logs["loss"]) or logs["loss"] > DIVERGED * (self.first_loss or np.inf):
            raise ValueError(
                f"The loss became {logs['loss']:.4g} in epoch {epoch + 1}, of which nothing is kept; lower "
                "training.learning_rate or training.clip_norm."
            )
        row = {
            "epoch": epoch + 1,
            "images": self.images_before + (epoch + 1) * self.images_per_epoch,
            "seconds": round(time.perf_counter() - self.started, 1),
            "time": datetime.datetime.now().isoformat(timespec="seconds"),
            "learning_rate": float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
            **{key: float(value) for key, value in logs.items()},
        }
        path = self.output / LOG
        is_new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, row)
            if is_new:
                writer.writeheader()
            writer.writerow(row)
        self.model.about = {**self.model.about, "images_seen": row["images"]}
        watched = next(float(logs[name]) for name in WATCHED if name in logs)
        if watched > self.best[0]:
            self.best = watched, epoch + 1
            self.model.save_to_preset(self.output / "best")
        self.model.save_to_preset(self.output / "last")
        _save_state(self.model, self.output / STATE, epoch + 1, self.best)


def dtype_of_run(output: str | pathlib.Path) -> str:
    """The dtype policy of the run in a folder; "auto" where there is no run."""
    path = pathlib.Path(output, DESCRIPTION)
    return yaml.safe_load(path.read_text("utf-8"))["training"]["dtype"] if path.is_file() else "auto"


def _check_output(output: pathlib.Path, description: dict[str, Any], resume: bool) -> None:
    has_run = (output / STATE).exists()
    if resume and not has_run:
        raise ValueError(f"There is no training to resume in {output}: it has no {STATE}.")
    if has_run and not resume:
        raise ValueError(f"{output} holds a training already; go on with it (--resume) or give another folder.")
    if resume:
        before = yaml.safe_load((output / DESCRIPTION).read_text("utf-8"))
        if before != description:
            raise ValueError(f"{output} was trained by another description; resume with {output / DESCRIPTION}.")


def _save_state(model: keras.Model, path: pathlib.Path, epoch: int, best: tuple[float, int]) -> None:
    arrays = {"epoch": np.array(epoch), "best": np.array(best)}
    for kind, variables in (("model", model.variables), ("optimizer", model.optimizer.variables)):
        arrays |= {f"{kind}/{i}": keras.ops.convert_to_numpy(v.value) for i, v in enumerate(variables)}
    scratch = path.with_suffix(".tmp")
    with scratch.open("wb") as file:
        np.savez(file, **arrays)
    os.replace(scratch, path)


def _load_state(model: keras.Model, path: pathlib.Path) -> tuple[int, tuple[float, int]]:
    """Sets the model and its optimizer; the epochs done, and the best watched value so far with its epoch."""
    with np.load(path, allow_pickle=False) as state:
        for kind, variables in (("model", model.variables), ("optimizer", model.optimizer.variables)):
            for i, variable in enumerate(variables):
                variable.assign(state[f"{kind}/{i}"])
        value, of_epoch = state["best"].tolist()
        return int(state["epoch"]), (value, int(of_epoch))


def _cut_log(path: pathlib.Path, epochs: int) -> None:
    """Drops the rows of epochs whose state was never written."""
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[: epochs + 1]), "utf-8")
