"""The batches of a source: which records, in which order, as which arrays."""

import logging
import math
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from keras_textrec.data.augment import Augmentation
from keras_textrec.data.canvases import Grouping, RandomCanvases, batch_sizes
from keras_textrec.data.loader import Loaded, Loader
from keras_textrec.data.memory import Memory
from keras_textrec.data.order import training_order
from keras_textrec.data.sources import Source, check_source, prefetch
from keras_textrec.images.converter import ImageConverter
from keras_textrec.system.numbers import whole_number
from keras_textrec.text.ctc_tokenizer import CTCTokenizer
from keras_textrec.text.label_report import LabelReport

logger = logging.getLogger(__name__)

# Inputs and targets, each an array or a dictionary of arrays, and weights.
Batch = tuple[Any, Any, np.ndarray]
# Images (B, H, W, 3), the part of the width that each fills (B,), label ids (B, M) -> inputs and targets.
Arrange = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[Any, Any]]


class RecordBatches:
    """The batches of a source, epoch by epoch: which records, in which order. A subclass gives `loader` and `load`.

    Args:
        source: where records come from.
        batch_size: images in a batch.
        shapes, sizes: (height, width) of every canvas, and images a batch on each.
        shard, training, steps_per_epoch, seed: as `Batches` has them.

    Attributes:
        rows: this process' rows of a batch on each canvas.
        unreadable: why each unreadable record that was met could not be read, by its key.

    Raises:
        ValueError: the source is empty, a number is no number of images or batches, or a batch cannot be shared.
        TypeError: the source is a path.
    """

    def __init__(
        self,
        source: Any,
        batch_size: int,
        shapes: Sequence[tuple[int, int]],
        sizes: Sequence[int],
        shard: tuple[int, int],
        training: bool,
        steps_per_epoch: int | None,
        seed: int,
    ):
        check_source(source)
        if not len(source):
            raise ValueError("The source has no records.")
        self.source = source
        self.batch_size = whole_number("batch_size", batch_size)
        self.shapes = shapes
        self.sizes = sizes
        self.shard = shard
        self.training = training
        self.steps_per_epoch = None if steps_per_epoch is None else whole_number("steps_per_epoch", steps_per_epoch)
        self.seed = seed
        self.unreadable: dict[str, str] = {}
        self._order = training_order(source, seed)
        for size in sizes:
            if size % shard[1]:
                raise ValueError(f"A batch of {size} images cannot be shared by {shard[1]} processes alike.")
        self.rows = [size // shard[1] for size in sizes]
        self._open()

    def __len__(self) -> int:
        """Batches per epoch."""
        if self.training:
            return self.steps_per_epoch or max(1, len(self.source) * len(self.sizes) // sum(self.sizes))
        return math.ceil(len(self.source) / self.batch_size)

    @property
    def images_per_epoch(self) -> int:
        """Images of an epoch of training; on random canvases the average of epochs."""
        return len(self) * sum(self.sizes) // len(self.sizes)

    def __getstate__(self) -> dict:
        return {key: value for key, value in self.__dict__.items() if key != "_lock"}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._open()

    def _open(self) -> None:
        """What belongs to one process."""
        self._lock = threading.Lock()

    def indices(self, number: int, epoch: int = 0) -> np.ndarray:
        """The positions in the source of batch `number` of `epoch`: int64 (B,), fewer at the end of evaluation."""
        return self._place(number, epoch)[0]

    def _place(self, number: int, epoch: int) -> tuple[np.ndarray, int]:
        """`indices`, and the canvas among `canvases`."""
        indices, canvas = self._grouped(number + (epoch * len(self) if self.training else 0))
        rows = self.rows[canvas]
        return indices[self.shard[0] * rows :][:rows], canvas

    def _grouped(self, number: int) -> tuple[np.ndarray, int]:
        """The records of a batch, counted from the first epoch's, and their canvas."""
        return self._draw(number * self.batch_size, (number + 1) * self.batch_size), 0

    def _draw(self, first: int, end: int) -> np.ndarray:
        if self.training:
            return self._order(np.arange(first, end))
        return np.arange(first, min(end, len(self.source)))

    def batch(self, number: int, epoch: int = 0, loader: Callable[..., Any] | None = None) -> Any:
        """Batch `number` of `epoch`, as `load` gives it."""
        indices, canvas = self._place(number, epoch)
        chances = (self.seed, epoch, number) + ((self.shard[0],) if self.shard[0] else ())
        return self.load(indices, np.random.default_rng(chances), canvas, loader)

    def _skip(self, index: int, reason: str) -> None:
        key = self.source.key(index)
        with self._lock:
            known = key in self.unreadable
            self.unreadable[key] = reason
        if not known:
            logger.warning("Skipped an unreadable record, %s: %s", key, reason)


class Batches(RecordBatches):
    """The batches of a source, epoch by epoch. Batch `number` of `epoch` depends on nothing but the arguments here.

    A record that cannot be read, or whose label the tokenizer drops, keeps its row: zeros, labels of -1, weight 0.
    `unreadable` and `labels` count both; an unreadable record's key is logged once.

    Args:
        source: where records come from.
        converter: makes the input; the canvas is its `height` and `width`, so that every batch has one shape.
        tokenizer: makes the labels.
        batch_size: images in a batch.
        shard: (k, N) is for the k-th of N processes that share each batch, counted from 0: it loads the k-th N-th of
            the rows, B, and no other record. Augmentation draws for each process anew.
        length: M, the label columns.
        canvases: other canvases, (height, width). None is the converter's own.
        canvas_choice: "shape": images of like shape share a batch, on the smallest canvas that fits them (`Grouping`
            says how); "random", in training only: each batch is on a canvas drawn at random (`RandomCanvases`), with as
            many images as make the pixels of B on the first canvas. Evaluation is then on the converter's own.
        time_steps: the network's output steps for a canvas' width, for labels that cannot fit; None: no such limit.
        training: shuffle, and go on without end: a batch that reaches the end of a pass over the source is filled from
            the next one, so that every record is seen equally often. Large JPEGs are decoded to a part of their size,
            never below the canvas' height: as much as reading needs less exactly, and faster. Otherwise records come in
            the source's order, each once, decoded as `read` does, and the last batch is filled with weight 0.
        steps_per_epoch: in training, batches that make an epoch; None is about one pass over the source.
        augment: takes an image, uint8 (H, W, 3) RGB, and a `numpy.random.Generator`; gives an image. It sees images no
            higher than the canvas: what it does is measured in their pixels, and takes time by the pixel. One with a
            method `batch`, (images, generator) -> images, is given all of a batch at once.
        arrange: makes a network's inputs and targets of images, valid ratios and label ids; None takes images and ids.
        seed: of shuffling and augmentation.

    Attributes:
        shapes: (height, width) of every canvas.
        sizes, rows: images a batch on each of them, and this process' rows of it.
        unreadable: why each unreadable record that was met could not be read, by its key.
        labels: what the tokenizer did to the labels that were met; each record counts once.

    Raises:
        ValueError: the source is empty, a number is no number of images or batches, or a batch cannot be shared.
    """

    def __init__(
        self,
        source: Source,
        converter: ImageConverter,
        tokenizer: CTCTokenizer,
        batch_size: int,
        *,
        shard: tuple[int, int] = (0, 1),
        length: int,
        canvases: Sequence[tuple[int, int]] | None = None,
        canvas_choice: str = "shape",
        time_steps: Callable[[int], int] | None = None,
        training: bool = False,
        steps_per_epoch: int | None = None,
        augment: Augmentation | None = None,
        arrange: Arrange | None = None,
        seed: int = 0,
    ):
        at_random = canvas_choice == "random"
        if at_random and not training:
            canvases = None
        shapes = canvases or [(converter.height, converter.width)]
        whole_number("batch_size", batch_size)
        sizes = batch_sizes(batch_size, shapes) if at_random else [batch_size] * len(shapes)
        super().__init__(source, batch_size, shapes, sizes, shard, training, steps_per_epoch, seed)
        self.tokenizer = tokenizer
        self.length = length
        self.arrange = arrange
        self.labels = LabelReport()
        self._counted = np.zeros(len(source), bool)
        converters = [converter.resized(height, width) for height, width in shapes]
        steps = [time_steps(width) if time_steps else None for _, width in shapes]
        self.loader = Loader(source, converters, steps, tokenizer, length, training, augment)
        self._memory = Memory("float32")
        self._grouping: Grouping | RandomCanvases | None = None
        if canvases and at_random:
            self._grouping = RandomCanvases(self.sizes, self._draw, seed)
        elif canvases:
            order_seed = seed if training else None
            self._grouping = Grouping(source, batch_size, self._draw, shapes, converter.upright, order_seed)

    def _grouped(self, number: int) -> tuple[np.ndarray, int]:
        return self._grouping(number) if self._grouping else super()._grouped(number)

    def load(
        self,
        indices: Sequence[int],
        rng: np.random.Generator | None = None,
        canvas: int = 0,
        loader: Callable[..., Loaded] | None = None,
    ) -> Batch:
        """Reads, decodes, augments, converts and encodes up to B records, the canvas' own of `rows`.

        Args:
            indices: their positions in the source.
            rng: what the augmentation draws from.
            canvas: which of `canvases`; H and W are its sides.
            loader: what takes the place of `self.loader`: `LoaderProcesses` of it.

        Returns:
            inputs: what `arrange` makes; float32 (B, H, W, 3), the converted images, without one.
            targets: what `arrange` makes; int32 (B, M), label ids padded with -1, without one.
            weight: float32 (B,), 1 for a usable record, else 0.

        Raises:
            ValueError: the tokenizer's policy is "error" and a label cannot be trained on.
        """
        (height, width), own_rows = self.shapes[canvas], self.rows[canvas]
        x = self._memory.take((own_rows, height, width, 3))
        if loader is None:
            prefetch(self.source, indices)
            loader = self.loader
        ends, rows, texts, ids, keep, unreadable = loader(indices, rng, canvas, x)
        y = np.full((own_rows, self.length), -1, "int32")
        weight = np.zeros(own_rows, "float32")
        y[rows], weight[rows] = ids, keep
        x[weight == 0] = 0
        self._count(np.asarray(indices, int)[rows], texts, self.loader.time_steps[canvas])
        for index, reason in unreadable.items():
            self._skip(index, reason)
        inputs, targets = (x, y) if self.arrange is None else self.arrange(x, ends / width, y)
        return inputs, targets, weight

    def _count(self, indices: np.ndarray, texts: Sequence[str], time_steps: int | None) -> None:
        if self._counted[indices].all():
            return
        indices, rows = np.unique(indices, return_index=True)
        with self._lock:
            rows = rows[~self._counted[indices]]
            self._counted[indices] = True
        if len(rows):
            report = self.tokenizer.check([texts[row] for row in rows], self.length, time_steps)
            with self._lock:
                self.labels += report
