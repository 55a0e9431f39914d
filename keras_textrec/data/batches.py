"""The batches of a source: which records, in which order, as which arrays."""

import logging
import math
import threading
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np

from keras_textrec.data.augment import Augmentation
from keras_textrec.data.canvases import Grouping
from keras_textrec.data.memory import Memory
from keras_textrec.data.order import training_order
from keras_textrec.data.sources import Source, prefetch
from keras_textrec.images.converter import ImageConverter
from keras_textrec.images.load import decode
from keras_textrec.text.tokenizers import CTCTokenizer, LabelReport

logger = logging.getLogger(__name__)

# Inputs and targets, each an array or a dictionary of arrays, and weights.
Batch = tuple[Any, Any, np.ndarray]
# Images (B, H, W, 3), the part of the width that each fills (B,), label ids (B, M) -> inputs and targets.
Arrange = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[Any, Any]]


class Batches:
    """The batches of a source, epoch by epoch. Batch `number` of `epoch` depends on nothing but the arguments here.

    A record that cannot be read, or whose label the tokenizer drops, keeps its row: zeros, labels of -1, weight 0.
    `unreadable` and `labels` count both; an unreadable record's key is logged once.

    Args:
        source: where records come from.
        converter: makes the input; the canvas is its `height` and `width`, so that every batch has one shape.
        tokenizer: makes the labels.
        batch_size: B.
        length: M, the label columns.
        canvases: other canvases, (height, width): images of like shape share a batch on the smallest that fits them
            (`Grouping` says how). None is the converter's own.
        time_steps: the network's output steps for a canvas' width, for labels that cannot fit; None: no such limit.
        training: shuffle, and go on without end: a batch that reaches the end of a pass over the source is filled from
            the next one, so that every record is seen equally often. Otherwise records come in the source's order, each
            once, and the last batch is filled with weight 0.
        steps_per_epoch: in training, batches that make an epoch; None is about one pass over the source.
        augment: takes an image, uint8 (H, W, 3) RGB, and a `numpy.random.Generator`; gives an image. It sees images no
            higher than the canvas: what it does is measured in their pixels, and takes time by the pixel.
        arrange: makes a network's inputs and targets of images, valid ratios and label ids; None takes images and ids.
        seed: of shuffling and augmentation.

    Attributes:
        shapes: (height, width) of every canvas.
        unreadable: why each unreadable record that was met could not be read, by its key.
        labels: what the tokenizer did to the labels that were met; each record counts once.

    Raises:
        ValueError: the source is empty.
    """

    def __init__(
        self,
        source: Source,
        converter: ImageConverter,
        tokenizer: CTCTokenizer,
        batch_size: int,
        *,
        length: int,
        canvases: Sequence[tuple[int, int]] | None = None,
        time_steps: Callable[[int], int] | None = None,
        training: bool = False,
        steps_per_epoch: int | None = None,
        augment: Augmentation | None = None,
        arrange: Arrange | None = None,
        seed: int = 0,
    ):
        if not len(source):
            raise ValueError("The source has no records.")
        self.source = source
        self.converter = converter
        self.tokenizer = tokenizer
        self.batch_size = batch_size
        self.length = length
        self.training = training
        self.steps_per_epoch = steps_per_epoch
        self.augment = augment
        self.arrange = arrange
        self.seed = seed
        self.unreadable: dict[str, str] = {}
        self.labels = LabelReport()
        self._counted = np.zeros(len(source), bool)
        self._order = training_order(source, seed)
        self.shapes = shapes = canvases or [(converter.height, converter.width)]
        self._converters = [converter.resized(height, width) for height, width in shapes]
        self._time_steps = [time_steps(width) if time_steps else None for _, width in shapes]
        self._grouping = None
        if canvases:
            order_seed = seed if training else None
            self._grouping = Grouping(source, batch_size, self._draw, shapes, converter.upright, order_seed)
        self._open()

    def __len__(self) -> int:
        """Batches per epoch."""
        if self.training:
            return self.steps_per_epoch or max(1, len(self.source) // self.batch_size)
        return math.ceil(len(self.source) / self.batch_size)

    def __getstate__(self) -> dict:
        return {key: value for key, value in self.__dict__.items() if key not in ("_memory", "_scratch", "_lock")}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._open()

    def _open(self) -> None:
        """What belongs to one process."""
        self._memory = Memory("float32")
        self._scratch = Memory("uint8")
        self._lock = threading.Lock()
        cv2.setNumThreads(1)  # batches are loaded side by side; sharing out a small image costs more than it gives

    def indices(self, number: int, epoch: int = 0) -> np.ndarray:
        """The positions in the source of batch `number` of `epoch`: int64 (B,), fewer at the end of evaluation."""
        return self._place(number, epoch)[0]

    def _place(self, number: int, epoch: int) -> tuple[np.ndarray, int]:
        """`indices`, and the canvas among `canvases`."""
        number += epoch * len(self) if self.training else 0
        if self._grouping:
            return self._grouping(number)
        return self._draw(number * self.batch_size, (number + 1) * self.batch_size), 0

    def _draw(self, first: int, end: int) -> np.ndarray:
        if self.training:
            return self._order(np.arange(first, end))
        return np.arange(first, min(end, len(self.source)))

    def batch(self, number: int, epoch: int = 0) -> Batch:
        """Batch `number` of `epoch`, as `load` gives it."""
        indices, canvas = self._place(number, epoch)
        return self.load(indices, np.random.default_rng((self.seed, epoch, number)), canvas)

    def load(self, indices: Sequence[int], rng: np.random.Generator | None = None, canvas: int = 0) -> Batch:
        """Reads, decodes, augments, converts and encodes up to B records.

        Args:
            indices: their positions in the source.
            rng: what the augmentation draws from.
            canvas: which of `canvases`; H and W are its sides.

        Returns:
            inputs: what `arrange` makes; float32 (B, H, W, 3), the converted images, without one.
            targets: what `arrange` makes; int32 (B, M), label ids padded with -1, without one.
            weight: float32 (B,), 1 for a usable record, else 0.

        Raises:
            ValueError: the tokenizer's policy is "error" and a label cannot be trained on.
        """
        converter, time_steps = self._converters[canvas], self._time_steps[canvas]
        pixels = self._scratch.take((self.batch_size, converter.height, converter.width, 3))
        ends = np.zeros(self.batch_size, int)
        rows, images, texts = [], [], []
        prefetch(self.source, indices)
        for row, index in enumerate(indices):
            try:
                data, text = self.source[index]
                images.append(decode(data))
            except (ValueError, OSError) as error:
                self._skip(index, error)
                continue
            rows.append(row)
            texts.append(text)
        # All images through one stage, then through the next: the processor's caches make that a fifth faster.
        if self.augment is not None:
            images = [shrink(image, converter.height / converter.upright(image.shape)[0]) for image in images]
            images = [self.augment(image, rng) for image in images]
        for row, image in zip(rows, images, strict=True):
            ends[row] = converter.fit(image, pixels[row])
        x = converter.normalize(pixels, ends, self._memory.take(pixels.shape))
        y = np.full((self.batch_size, self.length), -1, "int32")
        weight = np.zeros(self.batch_size, "float32")
        y[rows], weight[rows] = self.tokenizer.encode_batch(texts, length=self.length, time_steps=time_steps)
        x[weight == 0] = 0
        self._count(np.asarray(indices, int)[rows], texts, time_steps)
        inputs, targets = (x, y) if self.arrange is None else self.arrange(x, ends / pixels.shape[2], y)
        return inputs, targets, weight

    def _skip(self, index: int, error: Exception) -> None:
        key = self.source.key(index)
        with self._lock:
            known = key in self.unreadable
            self.unreadable[key] = str(error)
        if not known:
            logger.warning("Skipped an unreadable record, %s: %s", key, error)

    def _count(self, indices: np.ndarray, texts: Sequence[str], time_steps: int | None) -> None:
        indices, rows = np.unique(indices, return_index=True)
        with self._lock:
            rows = rows[~self._counted[indices]]
            self._counted[indices] = True
        if len(rows):
            report = self.tokenizer.check([texts[row] for row in rows], self.length, time_steps)
            with self._lock:
                self.labels += report


def shrink(image: np.ndarray, scale: float) -> np.ndarray:
    """The image, uint8 (H, W, 3), times `scale` if that is less than 1."""
    if scale >= 1:
        return image
    height, width = (max(2, round(side * scale)) for side in image.shape[:2])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
