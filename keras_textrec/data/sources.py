"""What a source of labelled images is, and several sources as one."""

import bisect
import os
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from keras_textrec.system.paths import public_path


@runtime_checkable
class Source(Protocol):
    """Labelled images by position: the image as the bytes of its file, the text as it was written (tokenizers normalise
    it).

    A source pickles and opens its files again in the process that unpickles it. `source[i]` raises ValueError or
    OSError when record `i` cannot be read; pipelines count such a record and go on.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[bytes, str]: ...

    def key(self, index: int) -> str:
        """Where record `index` lies, for logs."""
        ...


def check_source(source: Any) -> None:
    """TypeError: it is the path of one, whose letters would be taken for records."""
    if isinstance(source, str | os.PathLike):
        raise TypeError(
            f"{os.fspath(source)!r} is the path of a source; open it first, by textrec.data.open_source (a detector's "
            "by open_region_source)."
        )


class ConcatSource:
    """Several sources one after the other.

    Args:
        sources: the sources in order; their lengths are read once.

    Raises:
        ValueError: no sources.
        TypeError: one is a path.
    """

    def __init__(self, sources: Sequence[Source]):
        self.sources = tuple(sources)
        if not self.sources:
            raise ValueError("ConcatSource needs at least one source; it was given none.")
        self._ends = []
        for source in self.sources:
            check_source(source)
            self._ends.append((self._ends[-1] if self._ends else 0) + len(source))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self):,} records: {self._parts()})"

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> tuple[bytes, str]:
        source, position = self._find(index)
        return source[position]

    def text(self, index: int) -> str:
        source, position = self._find(index)
        return text_of(source, position)

    def key(self, index: int) -> str:
        source, position = self._find(index)
        return source.key(position)

    def prefetch(self, indices: Sequence[int]) -> None:
        positions: dict[int, list[int]] = {}
        for index in indices:
            position = check_index(index, len(self))
            which = bisect.bisect_right(self._ends, position)
            positions.setdefault(which, []).append(position - (self._ends[which - 1] if which else 0))
        for which, part in positions.items():
            prefetch(self.sources[which], part)

    def _parts(self) -> str:
        return ", ".join(map(repr, self.sources))

    def _find(self, index: int) -> tuple[Source, int]:
        index = check_index(index, len(self))
        which = bisect.bisect_right(self._ends, index)
        return self.sources[which], index - (self._ends[which - 1] if which else 0)


def text_of(source: Source, index: int) -> str:
    """The text of a record; without its image, from a source that has a method `text(index)` as all of ours do."""
    text = getattr(source, "text", None)
    return text(index) if text else source[index][1]


def source_summary(source: Source) -> str:
    """What a source holds, as a preset tells it of its training: "2,000 records of plates, 500 records of more.csv"."""
    if isinstance(source, ConcatSource):
        return ", ".join(source_summary(part) for part in source.sources)
    return f"{len(source):,} record{'s' * (len(source) != 1)} of {_name(source)}"


def _name(source: Source) -> str:
    if isinstance(source, ConcatSource):
        return " and ".join(_name(part) for part in source.sources)
    if hasattr(source, "source"):  # a part of that one
        return _name(source.source)
    return public_path(source.path) if hasattr(source, "path") else type(source).__name__


def prefetch(source: Source, indices: Sequence[int]) -> None:
    """Tells a source which records are read next; one that makes its records, with a method `prefetch`, begins."""
    begin = getattr(source, "prefetch", None)
    if begin:
        begin(indices)


def check_index(index: int, length: int) -> int:
    """`index` as 0 <= int < length, counted from the end when negative; IndexError outside (which ends a for loop)."""
    position = int(index) + (length if index < 0 else 0)
    if not 0 <= position < length:
        raise IndexError(f"record {index} of a source with {length} records")
    return position


def spread(length: int, most: int) -> np.ndarray:
    """Up to `most` positions of `length`, evenly spread: int64 (K,)."""
    return np.arange(length) if length <= most else np.linspace(0, length - 1, most).astype(np.int64)
