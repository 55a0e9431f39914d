"""Several canvases in place of one for all: each batch on the one that suits its images, or on one drawn at random."""

import threading
from collections.abc import Callable, Sequence

import numpy as np

from keras_textrec.data.sources import Source, prefetch
from keras_textrec.images.size import image_size

# The batches whose records are sorted together: more make batches more alike, fewer mix them better.
WINDOW = 32

# How a batch's canvas is chosen: by the shape of its images, or at random.
CANVAS_CHOICES = ("shape", "random")

# (first, end) -> positions in the source of these draws, int64 (N,); fewer where a finite sequence ends.
Draw = Callable[[int, int], np.ndarray]


def batch_sizes(batch_size: int, shapes: Sequence[tuple[int, int]]) -> list[int]:
    """Images a batch on each canvas, as many pixels as `batch_size` images have on the first, rounded down."""
    areas = [height * width for height, width in shapes]
    return [max(1, batch_size * areas[0] // area) for area in areas]


class RandomCanvases:
    """Which records make batch `number` of an endless sequence of draws, and on which canvas, drawn at random.

    Every image comes on each of the canvases in time, so a network learns to read it at several sizes: PaddleOCR's
    `MultiScaleSampler`. All canvases come once, in an order drawn by the seed, before one comes again: so a batch
    depends on the seed and its number alone, and each canvas has as many batches as another.

    Args:
        sizes: images a batch on each canvas.
        draw: the records of the sequence.
        seed: of the canvases' order.
    """

    def __init__(self, sizes: Sequence[int], draw: Draw, seed: int):
        self.sizes = np.array(sizes)
        self.draw = draw
        self.seed = seed

    def __call__(self, number: int) -> tuple[np.ndarray, int]:
        """Positions in the source, int64 (B,), and the canvas' place in `sizes`."""
        turn, place = divmod(number, len(self.sizes))
        order = np.random.default_rng((self.seed, turn)).permutation(len(self.sizes))
        first = int(turn * self.sizes.sum() + self.sizes[order[:place]].sum())
        canvas = int(order[place])
        return self.draw(first, first + int(self.sizes[canvas])), canvas


class Grouping:
    """Which records make batch `number` of an endless (or finite) sequence of draws, and on which canvas.

    The records of every `WINDOW` batches are sorted by width over height, and cut into batches again; these come in an
    order drawn by the seed. So a batch depends on the seed and its number alone, no list of all sizes is made, and each
    record comes as often as without grouping. A batch gets the smallest canvas on which none of its images is squeezed,
    or else the widest. Only the sizes are read here, from the head of each file.

    Args:
        source: the records.
        batch_size: B.
        draw: the records of the sequence.
        shapes: the canvases, (height, width).
        upright: (height, width) of an image -> the same, or turned, as the converter will.
        seed: of the batches' order; None keeps them sorted.
    """

    def __init__(
        self,
        source: Source,
        batch_size: int,
        draw: Draw,
        shapes: Sequence[tuple[int, int]],
        upright: Callable[[tuple[int, int]], tuple[int, int]],
        seed: int | None,
    ):
        self.source = source
        self.batch_size = batch_size
        self.draw = draw
        self.upright = upright
        self.seed = seed
        self._ratios = np.array([width / height for height, width in shapes])
        self._windows: dict[int, list[tuple[np.ndarray, int]]] = {}
        self._lock = threading.Lock()

    def __call__(self, number: int) -> tuple[np.ndarray, int]:
        """Positions in the source, int64 (B,), and the canvas' place in `shapes`."""
        window, place = divmod(number, WINDOW)
        with self._lock:  # the threads that load the first batches of a window all ask at once
            if window not in self._windows:
                kept = {key: value for key, value in self._windows.items() if key >= window - 1}
                self._windows = {**kept, window: self._sorted(window)}
            return self._windows[window][place]

    def _sorted(self, window: int) -> list[tuple[np.ndarray, int]]:
        size = WINDOW * self.batch_size
        positions, next_ones = (self.draw(n * size, (n + 1) * size) for n in (window, window + 1))
        prefetch(self.source, positions)
        prefetch(self.source, next_ones)
        ratios = np.array([self._ratio(position) for position in positions])
        order = np.argsort(ratios, kind="stable")
        batches = []
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            batches.append((positions[rows], self._canvas(ratios[rows[-1]])))
        if self.seed is not None:
            batches = [batches[i] for i in np.random.default_rng((self.seed, window)).permutation(len(batches))]
        return batches

    def _ratio(self, position: int) -> float:
        try:
            height, width = self.upright(image_size(self.source[position][0]))
        except (ValueError, OSError):  # the batch will find out, and name it
            return 1.0
        return width / height

    def _canvas(self, ratio: float) -> int:
        wide_enough = np.where(self._ratios >= ratio - 0.01, self._ratios, np.inf)
        return int(np.argmin(wide_enough) if np.isfinite(wide_enough).any() else np.argmax(self._ratios))

    def __getstate__(self) -> dict:
        return {key: value for key, value in self.__dict__.items() if key != "_lock"}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()
