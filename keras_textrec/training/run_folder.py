"""What a training keeps in its folder: state, best and last preset; and what a resumed one goes on with."""

import contextlib
import logging
import pathlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import yaml

from keras_textrec.system.whole_files import whole_file
from keras_textrec.system.workers import WorkersFailed
from keras_textrec.training.agreement import ProcessLost, others_told
from keras_textrec.training.distribution import process_index
from keras_textrec.training.recipes import Recipe
from keras_textrec.training.training_report import DESCRIPTION

logger = logging.getLogger(__name__)

STATE = "state.npz"
# What chooses the best checkpoint: words right, by what the charset makes meaningful (`reading_metrics`); by its name,
# and by that of a guided network; of a detector, words found (`FoundRegions`).
WATCHED = ("val_accuracy", "val_ctc_accuracy", "val_hmean")
# A mean loss of an epoch so many times the first step's is no learning; a trained model's first loss may be next to 0.
DIVERGED, SMALL_LOSS = 10, 1.0


def dtype_of_run(output: str | pathlib.Path) -> str:
    """The dtype policy of the run in a folder; "auto" where there is no run."""
    path = pathlib.Path(output, DESCRIPTION)
    return yaml.safe_load(path.read_text("utf-8"))["training"]["dtype"] if path.is_file() else "auto"


def has_run(output: str | pathlib.Path) -> bool:
    """Whether there is a training to resume in a folder."""
    return pathlib.Path(output, STATE).exists()


def check_output(output: pathlib.Path, description: dict[str, Any], resume: bool) -> None:
    """Raises a ValueError where a training cannot begin, or not go on, in this folder."""
    if resume and not has_run(output):
        raise ValueError(f"There is no training to resume in {output}: it has no {STATE}.")
    if has_run(output) and not resume:
        raise ValueError(f"{output} holds a training already; go on with it (--resume) or give another folder.")
    if resume:
        before = yaml.safe_load((output / DESCRIPTION).read_text("utf-8"))
        before["training"] = Recipe.from_dict(before["training"]).to_dict()  # recipes may have got keys since
        if before != description:
            raise ValueError(f"{output} was trained by another description; resume with {output / DESCRIPTION}.")


@contextlib.contextmanager
def kept_told(output: pathlib.Path) -> Iterator[None]:
    """When a training is interrupted, its processes end or the disk is full: tells what there is to go on with."""
    try:
        with others_told():
            yield
    except (KeyboardInterrupt, ProcessLost, WorkersFailed, OSError) as error:
        if not has_run(output):
            raise
        kept = f"{output} keeps the last whole epoch; resume to go on."
        if isinstance(error, KeyboardInterrupt):
            logger.info("%s", kept)
            raise
        sentence = f"{str(error).rstrip('.')}. {kept}"
        raise (OSError if isinstance(error, OSError) else type(error))(sentence) from error


class Keeper(keras.callbacks.Callback):
    """After every epoch: the best and the last preset, then the state that a resumed run starts from.

    Of several processes the first writes; all have the same logs, so all go on or stop alike.
    """

    def __init__(self, output: pathlib.Path, best: tuple[float, int]):
        super().__init__()
        self.first_loss: float | None = None
        self.output = output
        self.best = best

    def keep_base(self, model: keras.Model, logs: dict[str, float]) -> None:
        """Keeps what a model is before its first step as epoch 0, which is the best until another epoch is better.

        Args:
            logs: of the validation set, as `fit` gives them after an epoch, "val_accuracy" and so on.
        """
        self.best = _watched(logs), 0
        if process_index():
            return
        logger.info("Before the first step, on the validation set: %.1f %% %s.", 100 * self.best[0], model.goal)
        model.save_to_preset(self.output / "best")

    def on_epoch_begin(self, epoch, logs=None):
        if keras.backend.backend() == "torch":  # dropout draws from the process' random numbers, which no state holds
            keras.utils.set_random_seed(self.model.recipe.seed + epoch + 10_000 * process_index())

    def on_train_batch_end(self, batch, logs=None):
        if self.first_loss is None:
            self.first_loss = float(logs["loss"])

    def on_epoch_end(self, epoch, logs=None):
        most = np.inf if self.first_loss is None else DIVERGED * max(self.first_loss, SMALL_LOSS)
        if not np.isfinite(logs["loss"]) or logs["loss"] > most:
            raise ValueError(
                f"The loss became {logs['loss']:.4g} in epoch {epoch + 1}, of which nothing is kept; lower "
                "training.learning_rate or training.clip_norm."
            )
        watched = _watched(logs)
        is_best = watched > self.best[0]
        if is_best:
            self.best = watched, epoch + 1
        if process_index():
            return
        if is_best:
            self.model.save_to_preset(self.output / "best")
        self.model.save_to_preset(self.output / "last")
        save_state(self.model, self.output / STATE, epoch + 1, self.best)


def _watched(measured: dict[str, float]) -> float:
    return next(float(measured[name]) for name in WATCHED if name in measured)


def save_state(model: keras.Model, path: pathlib.Path, epoch: int, best: tuple[float, int]) -> None:
    arrays = {"epoch": np.array(epoch), "best": np.array(best)}
    for kind, variables in (("model", model.variables), ("optimizer", model.optimizer.variables)):
        arrays |= {f"{kind}/{i}": keras.ops.convert_to_numpy(v) for i, v in enumerate(variables)}
    with whole_file(path) as file:
        np.savez(file, **arrays)


def load_state(model: keras.Model, path: pathlib.Path) -> tuple[int, tuple[float, int]]:
    """Sets the model and its optimizer; the epochs done, and the best watched value so far with its epoch."""
    with np.load(path, allow_pickle=False) as state:
        for kind, variables in (("model", model.variables), ("optimizer", model.optimizer.variables)):
            for i, variable in enumerate(variables):
                variable.assign(state[f"{kind}/{i}"])
        value, of_epoch = state["best"].tolist()
        return int(state["epoch"]), (value, int(of_epoch))
