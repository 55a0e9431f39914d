"""What a source of labelled images is, and several sources as one."""

import bisect
from collections.abc import Sequence
from typing import Protocol, runtime_checkable


@runtime_checkable
class Source(Protocol):
    """Labelled images by position: the image as the bytes of its file, the text as it was written.

    A source pickles and opens its files again in the process that unpickles it. `source[i]` raises ValueError or
    OSError when record `i` cannot be read; pipelines count such a record and go on.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[bytes, str]: ...

    def key(self, index: int) -> str:
        """Where record `index` lies, for logs."""
        ...


class ConcatSource:
    """Several sources one after the other.

    Args:
        sources: the sources in order; their lengths are read once.

    Raises:
        ValueError: no sources.
    """

    def __init__(self, sources: Sequence[Source]):
        self.sources = tuple(sources)
        if not self.sources:
            raise ValueError("ConcatSource needs at least one source; it was given none.")
        self._ends = []
        for source in self.sources:
            self._ends.append((self._ends[-1] if self._ends else 0) + len(source))

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> tuple[bytes, str]:
        source, position = self._find(index)
        return source[position]

    def key(self, index: int) -> str:
        source, position = self._find(index)
        return source.key(position)

    def _find(self, index: int) -> tuple[Source, int]:
        index = check_index(index, len(self))
        which = bisect.bisect_right(self._ends, index)
        return self.sources[which], index - (self._ends[which - 1] if which else 0)


def check_index(index: int, length: int) -> int:
    """`index` as 0 <= int < length, counted from the end when negative; IndexError outside (which ends a for loop)."""
    position = int(index) + (length if index < 0 else 0)
    if not 0 <= position < length:
        raise IndexError(f"record {index} of a source with {length} records")
    return position
