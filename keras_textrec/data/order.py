"""The order in which training draws the records of a source: endless, and a function of the seed alone."""

import threading

import numpy as np

from keras_textrec.data.mixing import MixedSource
from keras_textrec.data.sources import Source

# Draws after which a mixture's pattern comes again; ratios are rounded to its parts.
CYCLE = 10_000


def training_order(source: Source, seed: int) -> "ShuffledPasses | MixedPasses":
    """What maps the draws of a training, counted from its start, int64 (B,), to positions in the source, int64 (B,)."""
    if isinstance(source, MixedSource):
        return MixedPasses([len(part) for part in source.sources], source.ratios, seed)
    return ShuffledPasses(len(source), (seed,))


class ShuffledPasses:
    """One pass over all positions after the other, each shuffled anew, so that every record is drawn equally often."""

    def __init__(self, length: int, seed: tuple[int, ...]):
        self.length = length
        self.seed = seed
        self._passes: dict[int, np.ndarray] = {}
        self._lock = threading.Lock()

    def __call__(self, draws: np.ndarray) -> np.ndarray:
        passes, places = np.divmod(draws, self.length)
        positions = np.empty(len(draws), np.int64)
        for number in np.unique(passes):
            positions[passes == number] = self._pass(int(number))[places[passes == number]]
        return positions

    def _pass(self, number: int) -> np.ndarray:
        """All positions in the order of one pass."""
        with self._lock:  # the threads that load an epoch's first batches all ask at once
            if number not in self._passes:
                order = np.arange(self.length, dtype=np.min_scalar_type(self.length))  # 40 MB for 10 million records
                np.random.default_rng((*self.seed, number)).shuffle(order)
                kept = {key: value for key, value in self._passes.items() if key >= number - 1}
                self._passes = {**kept, number: order}
            return self._passes[number]

    def __getstate__(self) -> dict:
        return {"length": self.length, "seed": self.seed}

    def __setstate__(self, state: dict) -> None:
        self.__init__(**state)


class MixedPasses:
    """Shuffled passes over each of several sources that lie one after the other, drawn from in fixed ratios.

    The sources take turns as evenly as their ratios allow: any stretch of draws holds every source's share, up to one
    or two records. A source's own passes go on at its own pace, however much longer another is.
    """

    def __init__(self, lengths: list[int], ratios: tuple[float, ...], seed: int):
        self._counts = np.diff(np.rint(np.cumsum([0, *ratios]) * CYCLE)).astype(np.int64)
        self._starts = np.cumsum([0, *lengths[:-1]])
        self._passes = [ShuffledPasses(length, (seed, part)) for part, length in enumerate(lengths)]
        # Within a cycle, source k's j-th record of n is due at (j + 1/2) / n.
        due = np.concatenate([(np.arange(count) + 0.5) / count for count in self._counts])
        order = np.argsort(due, kind="stable")
        self._which = np.repeat(np.arange(len(lengths)), self._counts)[order]
        self._turns = np.concatenate([np.arange(count) for count in self._counts])[order]

    def __call__(self, draws: np.ndarray) -> np.ndarray:
        cycles, places = np.divmod(draws, CYCLE)
        which = self._which[places]
        turns = cycles * self._counts[which] + self._turns[places]
        positions = self._starts[which]
        for part in np.unique(which):
            positions[which == part] += self._passes[part](turns[which == part])
        return positions
