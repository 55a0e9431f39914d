"""Records into the rows of a batch: what takes time, in this process or in others."""

import functools
import math
import multiprocessing
import pickle
import queue
from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np

from keras_textrec.data.augment import Augmentation, augmented
from keras_textrec.data.memory import Memory
from keras_textrec.data.sources import Source
from keras_textrec.images.converter import ImageConverter
from keras_textrec.images.load import decode
from keras_textrec.images.size import shrink
from keras_textrec.system.workers import Workers
from keras_textrec.text.ctc_tokenizer import CTCTokenizer


class Loaded(NamedTuple):
    """What there is to say of a batch, beside its pixels.

    Attributes:
        ends: int (B,), the columns that each image fills; 0 in a row without one.
        rows: N rows that hold an image.
        texts: their N texts.
        ids, keep: what `CTCTokenizer.encode_batch` makes of these.
        unreadable: why each other record could not be read, by its position in the source.
    """

    ends: np.ndarray
    rows: list[int]
    texts: list[str]
    ids: np.ndarray
    keep: np.ndarray
    unreadable: dict[int, str]


class Loader:
    """Reads, decodes, augments and resizes records, and encodes their texts.

    Args:
        source: where records come from.
        converters: of each canvas.
        time_steps: the network's output steps on each canvas, or None.
        tokenizer, length, training, augment: as `Batches` has them.
    """

    def __init__(
        self,
        source: Source,
        converters: Sequence[ImageConverter],
        time_steps: Sequence[int | None],
        tokenizer: CTCTokenizer,
        length: int,
        training: bool,
        augment: Augmentation | None,
    ):
        self.source = source
        self.converters = converters
        self.time_steps = time_steps
        self.tokenizer = tokenizer
        self.length = length
        self.training = training
        self.augment = augment
        self._scratch = Memory("uint8")

    def __call__(self, indices: Sequence[int], rng: np.random.Generator | None, canvas: int, x: np.ndarray) -> Loaded:
        """Fills `x`, float32 (B, H, W, 3), with the records `indices`, up to B, converted for one of the canvases."""
        pixels = self._scratch.take(x.shape)
        loaded = self.draw(indices, rng, canvas, pixels)
        self.finish(pixels, loaded, canvas, x)
        return loaded

    def finish(self, pixels: np.ndarray, loaded: Loaded, canvas: int, x: np.ndarray) -> None:
        """The smaller half: pixels to the network's numbers."""
        self.converters[canvas].normalize(pixels, loaded.ends, x)

    def draw(self, indices: Sequence[int], rng: np.random.Generator | None, canvas: int, pixels: np.ndarray) -> Loaded:
        """The larger half of it: fills `pixels`, uint8 (B, H, W, 3) RGB."""
        converter = self.converters[canvas]
        ends = np.zeros(len(pixels), int)
        rows, images, texts, unreadable = [], [], [], {}
        side = converter.height if self.training else None
        for row, index in enumerate(indices):
            try:
                data, text = self.source[index]
                image = decode(data, side=side)
                converter.canvas_width(image.shape)  # refuses, as reading does, what is too long for a line
                images.append(image)
            except (ValueError, OSError) as error:
                unreadable[int(index)] = str(error)
                continue
            rows.append(row)
            texts.append(text)
        # All images through one stage, then through the next: the processor's caches make that a fifth faster.
        if self.augment is not None and images:
            images = [shrink(image, converter.height / converter.upright(image.shape)[0]) for image in images]
            images = augmented(images, self.augment, rng)
        for row, image in zip(rows, images, strict=True):
            ends[row] = converter.fit(image, pixels[row])
        ids, keep = self.tokenizer.encode_batch(texts, length=self.length, time_steps=self.time_steps[canvas])
        return Loaded(ends, rows, texts, ids, keep, unreadable)


class LoaderProcesses:
    """A loader in processes of its own, to be called by threads; pixels come back through shared memory.

    Args:
        loader: what each process has: a `Loader`, or what else has its `draw` and `finish`.
        size: bytes of the largest batch's pixels.
        processes: how many.
        calls: how many calls there are at a time.

    Raises:
        ValueError: the loader does not pickle, for a function of the user's that is a lambda.
        WorkersFailed: the processes do not start.
    """

    def __init__(self, loader: Any, size: int, processes: int, calls: int):
        self._loader = loader
        self._memory = multiprocessing.RawArray("B", calls * size)
        self._slots: queue.SimpleQueue[int] = queue.SimpleQueue()
        for slot in range(calls):
            self._slots.put(slot * size)
        try:
            self._workers = Workers(
                functools.partial(_draw, loader), processes, functools.partial(_begin, self._memory)
            )
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ValueError(
                f"Loading by processes needs a source, an augmentation and a tokenizer that pickle (functions of a "
                f"module, no lambdas); use processes=0 or change this: {error}."
            ) from error

    def __call__(self, indices: Sequence[int], rng: np.random.Generator | None, canvas: int, x: np.ndarray) -> Any:
        """As `Loader`'s. WorkersFailed: processes are killed again and again."""
        start = self._slots.get()
        try:
            loaded = self._workers(start, x.shape, indices, rng, canvas)
            pixels = _view(self._memory, start, x.shape)
            self._loader.finish(pixels, loaded, canvas, x)
        finally:
            self._slots.put(start)
        return loaded

    def close(self) -> None:
        """Ends the processes; what is still being loaded is lost."""
        self._workers.close()


_memory = None  # in a process: what it shares with its parent


def _begin(memory) -> None:
    """What a process does first."""
    global _memory
    _memory = memory
    cv2.setNumThreads(1)  # the processes share the cores


def _draw(
    loader: Any,
    start: int,
    shape: tuple[int, ...],
    indices: Sequence[int],
    rng: np.random.Generator | None,
    canvas: int,
) -> Any:
    """What a process is then called for."""
    return loader.draw(indices, rng, canvas, _view(_memory, start, shape))


def _view(memory, start: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.frombuffer(memory, np.uint8, math.prod(shape), start).reshape(shape)
