"""Sources made of sources: mixed by ratio, filtered by text, shared out among processes."""

import logging
from collections.abc import Callable, Sequence

import numpy as np

from keras_textrec.data.sources import ConcatSource, Source, check_index, check_source, prefetch, text_of

logger = logging.getLogger(__name__)


class MixedSource(ConcatSource):
    """Several sources one after the other, from which training draws in fixed ratios. Made by `mix`.

    Attributes:
        ratios: the sources' shares of what training draws; their sum is 1.
    """

    def __init__(self, sources: Sequence[Source], ratios: Sequence[float]):
        super().__init__(sources)
        self.ratios = tuple(float(ratio) / sum(ratios) for ratio in ratios)

    def _parts(self) -> str:
        return ", ".join(f"{ratio:.1%} of {source!r}" for ratio, source in zip(self.ratios, self.sources))


class Subset:
    """Some of a source's records, in any order.

    Args:
        source: where they lie.
        positions: their positions there: a range, or an integer array (N,).
    """

    def __init__(self, source: Source, positions: range | np.ndarray):
        check_source(source)
        self.source = source
        self.positions = positions

    def __repr__(self) -> str:
        return f"Subset({len(self):,} records of {self.source!r})"

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: int) -> tuple[bytes, str]:
        return self.source[self._position(index)]

    def text(self, index: int) -> str:
        return text_of(self.source, self._position(index))

    def key(self, index: int) -> str:
        return self.source.key(self._position(index))

    def prefetch(self, indices: Sequence[int]) -> None:
        prefetch(self.source, [self._position(index) for index in indices])

    def _position(self, index: int) -> int:
        return int(self.positions[check_index(index, len(self))])


def mix(parts: Sequence[tuple[Source, float]]) -> MixedSource:
    """Sources of which training draws in fixed ratios, however long each is: `mix([(mj, 0.5), (st, 0.5)])`.

    Every batch holds the ratios as nearly as its size allows. Each source is gone through in shuffled passes of its
    own, so a short one comes round more often. Evaluation reads all records once, source by source.

    Args:
        parts: the sources and their ratios, which need not add up to 1.

    Raises:
        ValueError: no sources, an empty one, or a ratio that is no share: not above 0, or below 1/1000 of all.
    """
    sources, ratios = [source for source, _ in parts], [ratio for _, ratio in parts]
    for source, ratio in parts:
        if not len(source):
            raise ValueError("A source of the mixture has no records; leave it out.")
        if not ratio > 0 or ratio < sum(ratios) / 1000:
            raise ValueError(f"A ratio of the mixture is {ratio} of {sum(ratios):g}; give at least a thousandth.")
    return MixedSource(sources, ratios)


def with_replay(source: Source, old: Source, share: float) -> MixedSource:
    """A source, and in a share of every batch another one, which is not to be forgotten. Mixtures keep their ratios.

    Raises:
        ValueError: a share that is not above 0 and below 1, or an empty source.
    """
    if not 0 < share < 1:
        raise ValueError(f"The share of {old!r} must be above 0 and below 1, not {share}.")
    parts = []
    for part, weight in ((source, 1 - share), (old, share)):
        mixed = isinstance(part, MixedSource)
        for one, ratio in zip(part.sources, part.ratios) if mixed else [(part, 1.0)]:
            parts.append((one, weight * ratio))
    return mix(parts)


def filter(source: Source, keep: Callable[[str], bool]) -> Source:
    """The records whose text `keep` accepts; no image is read where the source can give its texts without.

    A record whose text cannot be read stays, for the pipeline to count and name it. A mixture stays one.

    Raises:
        ValueError: no text is accepted.
        TypeError: the source is a path.
    """
    check_source(source)
    if isinstance(source, MixedSource):
        return MixedSource([filter(part, keep) for part in source.sources], source.ratios)
    kept = np.fromiter((_accepts(source, index, keep) for index in range(len(source))), bool, len(source))
    if not kept.any():
        raise ValueError(f"The filter accepts none of the {len(source):,} texts.")
    logger.info("The filter keeps %s of %s records.", f"{np.count_nonzero(kept):,}", f"{len(source):,}")
    return Subset(source, np.flatnonzero(kept).astype(np.min_scalar_type(len(source))))


def _accepts(source: Source, index: int, keep: Callable[[str], bool]) -> bool:
    try:
        text = text_of(source, index)
    except (ValueError, OSError):
        return True
    return keep(text)


def shard(source: Source, index: int, count: int) -> Source:
    """The part of a source for process `index` (from 0) of `count` that train together, as `keras.distribution` counts.

    All parts are equally long, so that the processes take the same number of steps: the last `len(source) % count`
    records are in none. A mixture stays one.

    Raises:
        ValueError: no such process, or fewer records than processes.
    """
    if not 0 <= index < count:
        raise ValueError(f"There is no process {index} of {count}; they count from 0.")
    if isinstance(source, MixedSource):
        return MixedSource([shard(part, index, count) for part in source.sources], source.ratios)
    if len(source) < count:
        raise ValueError(f"A source of {len(source)} records cannot be shared out among {count} processes.")
    return Subset(source, range(index, len(source) - len(source) % count, count))
