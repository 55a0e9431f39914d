"""What is watched while a recogniser or a detector trains: callbacks for `train` and for a `fit` of one's own."""

import logging
from typing import Any

import keras
import numpy as np

from keras_textrec.data.pipeline import loading_of
from keras_textrec.data.regions import RegionSource
from keras_textrec.data.sources import Source
from keras_textrec.images.load import decode
from keras_textrec.reading.evaluate import evaluate_source
from keras_textrec.reading.finding import evaluate_regions
from keras_textrec.training.distribution import process_index
from keras_textrec.training.optimizers import averaged_weights

logger = logging.getLogger(__name__)

_NAMED = 40  # records of a batch that are named, of their number and places
_LOOKED_AT = 32  # images that tell whether a network reads anything
_SILENT = 0.9  # the part of them in which it finds no character: a plateau
_LOW = 0.1  # 1-NED, above which it reads something


class FiniteLoss(keras.callbacks.Callback):
    """Ends a training when its loss is no number, and names the batch and its records.

    Args:
        data: what `training_data` gave.

    Raises (in `fit`):
        ValueError: the loss of a step is infinite or NaN.
    """

    def __init__(self, data: Any):
        super().__init__()
        self.data = loading_of(data)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if np.isfinite(float(logs["loss"])):
            return
        batches = self.data.batches
        # Of the data's own epoch: a `fit` of data that another began counts from 0 again.
        keys = [batches.source.key(int(index)) for index in batches.indices(batch, self.data.epoch)]
        more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
        raise ValueError(
            f"The loss became {float(logs['loss'])} in step {batch + 1} of epoch {self.epoch + 1}, of which nothing is "
            "kept; lower training.learning_rate or training.clip_norm. If it is the same step again, one of its "
            f"records is the cause: {', '.join(keys[:_NAMED])}{more}."
        )


class BlankPlateau(keras.callbacks.Callback):
    """Tells when a network reads nothing at all, as CTC's do before they find the letters, and what to do.

    Looked for after an epoch whose `val_similarity` is low, in a few images of the validation set.

    Args:
        validation: the source that is validated on.
    """

    def __init__(self, validation: Source):
        super().__init__()
        self.validation = validation
        self.told = False

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        similarities = [value for name, value in logs.items() if name.startswith("val_") and "similarity" in name]
        if self.told or not similarities or similarities[0] > _LOW:
            return
        silent = [not reading.text for reading in self.model.read(_images(self.validation, _LOOKED_AT))]
        if not silent or np.mean(silent) < _SILENT:
            return
        self.told = True
        if process_index():
            return
        steps = int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))
        logger.warning(
            "After %s steps the network reads nothing in %d of %d images of the validation set. New weights begin so, "
            "until the loss suddenly falls, usually within some thousand steps. If it stays: find a learning rate "
            "(--find-lr) and warm up to it, begin with clean short words or with trained weights (--pretrained), and "
            "see whether 64 words can be learnt at all (--check).",
            *(f"{steps:,}", sum(silent), len(silent)),
        )


class Measurement(keras.callbacks.Callback):
    """Adds to the logs of every epoch what a subclass measures, of the running mean of the weights where one is kept.

    Stands before callbacks that write the logs. `train` measures a base, too.
    """

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        logs.update(self.measure(self.model))

    def measure(self, model: keras.Model) -> dict[str, float]:
        with averaged_weights(model.optimizer):
            return self.measured(model)

    def measured(self, model: keras.Model) -> dict[str, float]:
        """What is added to the logs, of the weights that the model has."""
        raise NotImplementedError


class OldDomain(Measurement):
    """Adds to the logs how well a network still reads what it read before: `old_accuracy` and `old_exact`.

    Both are what `keras-textrec evaluate` gives. Stands before callbacks that write the logs.

    Args:
        source: labelled images of the old domain.
    """

    def __init__(self, source: Source):
        super().__init__()
        self.source = source

    def measured(self, model: keras.Model) -> dict[str, float]:
        result = evaluate_source(model, self.source)
        return {f"old_{name}": result[name] for name in ("accuracy", "exact")}


class FoundRegions(Measurement):
    """Adds to the logs how well a detector finds words: `val_precision`, `val_recall` and `val_hmean`.

    They are what `keras-textrec evaluate` gives. Stands before callbacks that write the logs.

    Args:
        validation: photographs with their regions.
    """

    def __init__(self, validation: RegionSource):
        super().__init__()
        self.validation = validation

    def measured(self, model: keras.Model) -> dict[str, float]:
        result = evaluate_regions(model, self.validation)
        return {f"val_{name}": result[name] for name in ("precision", "recall", "hmean")}


class EarlyStop(keras.callbacks.Callback):
    """Ends a training after so many epochs without a better one. (Keras' EarlyStopping forgets them on `--resume`.)

    Args:
        keeper: what knows the best epoch so far: its `best` is (value, epoch).
        patience: how many epochs.
    """

    def __init__(self, keeper: Any, patience: int):
        super().__init__()
        self.keeper = keeper
        self.patience = patience

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if epoch + 1 - self.keeper.best[1] >= self.patience:
            logger.info("No epoch was better than epoch %d for %d epochs: the end.", self.keeper.best[1], self.patience)
            self.model.stop_training = True


def _images(source: Source, count: int) -> list[np.ndarray]:
    """The first images of a source that can be decoded."""
    images = []
    for index in range(min(len(source), count)):
        try:
            images.append(decode(source[index][0]))
        except (ValueError, OSError):  # the pipeline names it
            continue
    return images
