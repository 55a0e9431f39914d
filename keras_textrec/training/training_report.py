"""A training that tells what it does: a folder to look into, by one callback of `fit`."""

import datetime
import json
import logging
import os
import pathlib
import platform
import shlex
import sys
import time
from typing import Any

import cv2
import keras
import numpy as np
import yaml
from PIL import Image

from keras_textrec.data.batches import Batches
from keras_textrec.data.pipeline import batches_of
from keras_textrec.data.sources import text_of
from keras_textrec.images.converter import ImageConverter
from keras_textrec.images.sheet import contact_sheet
from keras_textrec.reading.stream import read_records
from keras_textrec.system.processor import processor_name
from keras_textrec.text import Reading
from keras_textrec.text.comparing import protocol_of_charset
from keras_textrec.training.optimizers import averaged_weights
from keras_textrec.version import __version__

logger = logging.getLogger(__name__)

LOG, READINGS, ENVIRONMENT, DESCRIPTION = "log.csv", "readings.csv", "environment.json", "description.yaml"
SAMPLES = 12  # words that are read after every epoch
_BATCHES, _IMAGES = 3, 16  # batches that are shown, and images of each


class TrainingReport(keras.callbacks.Callback):
    """Keeps in a folder what there is to look at of a training; `keras-textrec train` has it among its callbacks.

    `log.csv` has a row an epoch (images seen, seconds, learning rate, losses and metrics), `curves.png` draws it (with
    Matplotlib, the extra `reports`). `batches.png` shows images of the first batches, augmented as they are trained on.
    `readings.csv` has what the model reads, after every epoch, in some words of the validation set. `report.html` is
    all of these on one page. `description.yaml` is the network and its recipe, as they are trained;
    `environment.json` the versions, devices and command line, of every start.

    A `fit` from a later `initial_epoch` goes on with what there is in the folder; one from the first begins anew.

    Args:
        folder: where; it is made.
        data: what `fit` is given, of `TextRecognizer.training_data`; without it there are no `batches.png`.
        validation_data: the same of `evaluation_data`; without it nothing is read.
        description: what `description.yaml` is to hold; None: what the model tells of itself.
    """

    def __init__(
        self,
        folder: str | pathlib.Path,
        data: Any = None,
        validation_data: Any = None,
        description: dict[str, Any] | None = None,
    ):
        super().__init__()
        self.folder = pathlib.Path(folder)
        self.batches = batches_of(data)
        validation = batches_of(validation_data)
        self.samples = None
        if validation is not None and SAMPLES:
            count = min(SAMPLES, len(validation.source))
            places = np.linspace(0, len(validation.source) - 1, count)
            self.samples = validation.source, places.round().astype(int).tolist()
        self.description = description
        self._log: list[dict[str, Any]] | None = None

    def tell_base(self, model: keras.Model, logs: dict[str, float]) -> None:
        """Tells, before `fit`, what the model is before its first step, as epoch 0.

        Args:
            logs: of the validation set, as `fit` gives them after an epoch, "val_accuracy" and so on.
        """
        self.set_model(model)
        self._begin(0)
        self._tell({"epoch": 0, **self._images(0), "seconds": 0.0}, logs)

    def on_epoch_begin(self, epoch, logs=None):
        # Only here it is known which epoch is the first. A `fit` that was broken off may come again.
        if self._log is None or (self._log and epoch < int(self._log[-1]["epoch"])):
            self._begin(epoch)
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        seconds = round(time.perf_counter() - self._started, 1)
        images = self._images(1)
        if images:
            self.model.about = {**self.model.about, "images_seen": images["images"]}
        self._tell({"epoch": epoch + 1, **images, "seconds": seconds}, logs)

    def _images(self, epochs: int) -> dict[str, int]:
        """How many images will have been seen after more epochs; nothing where it is not known."""
        if self.batches is None:
            return {}
        # The log, if there is one, knows what was seen before the run was broken off.
        seen = int(self._log[-1]["images"]) if self._log else self.model.about.get("images_seen", 0)
        return {"images": seen + epochs * self.batches.images_per_epoch}

    def _tell(self, row: dict[str, Any], logs: dict[str, float]) -> None:
        """Adds an epoch to all that is in the folder."""
        # Here, for whoever only reads does without reports.
        from keras_textrec.reports.curves import can_draw, draw_curves
        from keras_textrec.reports.tables import write_rows
        from keras_textrec.reports.training_page import write_training_page

        self._log.append(
            {
                **row,
                "time": datetime.datetime.now().isoformat(timespec="seconds"),
                "learning_rate": float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
                **{key: float(value) for key, value in logs.items()},
            }
        )
        write_rows(self.folder / LOG, self._log)
        if self.samples:
            with averaged_weights(self.model.optimizer):
                self._readings += self._read(row["epoch"])
            write_rows(self.folder / READINGS, self._readings)
        if can_draw():
            draw_curves(self.folder / "curves.png", self._log)
        write_training_page(
            self.folder / "report.html",
            f"Training of {self.folder.absolute().name}",
            self._log,
            self.samples,
            self._readings,
            protocol_of_charset(self.model.tokenizer.charset) if self.samples else None,
            self._environment,
        )

    def _begin(self, epoch: int) -> None:
        """Makes the folder ready for the epochs after `epoch` of them."""
        from keras_textrec.reports.curves import can_draw
        from keras_textrec.reports.tables import read_rows

        self.folder.mkdir(parents=True, exist_ok=True)
        # Rows of later epochs are of a run that was broken off before it kept its weights.
        self._log, self._readings = (
            [row for row in read_rows(self.folder / name) if row["epoch"].isdigit() and int(row["epoch"]) <= epoch]
            if epoch
            else []
            for name in (LOG, READINGS)
        )
        if not epoch:
            description = self.description or resolved_description(self.model)
            text = yaml.safe_dump(description, sort_keys=False, allow_unicode=True)
            (self.folder / DESCRIPTION).write_text(text, "utf-8")
            if self.batches is not None:
                Image.fromarray(self.model.batch_sheet(self.batches)).save(self.folder / "batches.png")
        path = self.folder / ENVIRONMENT
        before = json.loads(path.read_text("utf-8")) if epoch and path.exists() else []
        self._environment = [*before, environment(self.model.dtype_policy.name)]
        path.write_text(json.dumps(self._environment, indent=2, ensure_ascii=False) + "\n", "utf-8")
        if not can_draw():
            logger.info('There will be no curves.png: pip install "keras-textrec[reports]" brings what draws it.')

    def _read(self, epoch: int) -> list[dict[str, Any]]:
        """What the model reads in the samples, in their order."""
        source, positions = self.samples
        rows = {}
        for position, label, outcome in read_records(source, positions, self.model.read_stream):
            text, confidence = (outcome.text, outcome.confidence) if isinstance(outcome, Reading) else ("", 0.0)
            rows[position] = {"label": label or "", "text": text, "confidence": round(confidence, 4)}
        return [{"epoch": epoch, "sample": source.key(position), **rows[position]} for position in positions]


def resolved_description(model: keras.Model) -> dict[str, Any]:
    """A model's description as it is trained, with the dtype that "auto" was. A run keeps it wherever it goes on."""
    description = model.describe()
    return {**description, "training": {**description["training"], "dtype": model.dtype_policy.name}}


def batch_sheet(batches: Batches, converter: ImageConverter) -> np.ndarray:
    """The first images of the first batches, as the network gets them, each over its label: uint8 (H, W, 3), RGB."""
    images, captions = [], []
    for number in range(min(_BATCHES, len(batches))):
        inputs, _, weights = batches.batch(number)
        pixels = next(part for part in keras.tree.flatten(inputs) if part.ndim == 4)
        for index, x, weight in zip(batches.indices(number)[:_IMAGES].tolist(), pixels, weights):
            images.append(converter.to_image(x))
            captions.append(text_of(batches.source, index) if weight else "(left out)")
    return contact_sheet(images, captions)


def environment(dtype: str) -> dict[str, Any]:
    """What a training runs on, for JSON: versions, devices, the command line."""
    backend = keras.backend.backend()
    if backend == "torch":
        import torch

        devices = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())] or ["cpu"]
    else:
        devices = keras.distribution.list_devices()
    modules = {"keras": keras, backend: sys.modules[backend], "numpy": np, "opencv": cv2}
    return {
        "started": datetime.datetime.now().isoformat(timespec="seconds"),
        "command": shlex.join(sys.argv),
        "backend": backend,
        "dtype": dtype,
        "devices": devices,
        "processor": f"{processor_name()}, {os.cpu_count()} cores",
        "system": platform.platform(),
        "versions": {
            "keras_textrec": __version__,
            "python": platform.python_version(),
            **{name: module.__version__ for name, module in modules.items()},
        },
    }
