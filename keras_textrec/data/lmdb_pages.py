"""Whether an LMDB's file is whole, told without LMDB, which is killed (SIGBUS) by a page beyond the file's end.

The layout is that of LMDB's data format 1 on 64-bit machines (`struct MDB_page`, `MDB_meta` and `MDB_node` of `mdb.c`).
"""

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

_HEADER = struct.Struct("=Q2xHHH")  # of a page: its number, flags, the end of the node pointers, the start of the nodes
_BRANCH, _LEAF = 0x01, 0x02  # flags of a page
_NODE = struct.Struct("=HHHH")  # a number in two halves, flags, the key's length
_BIG = 0x01  # flag of a node: the value lies on pages of its own

# From a meta page's start: magic number and version; the page size; the roots of the two trees, of free pages and of
# records; the last page and the transaction.
_MAGIC, _PAGE_SIZE, _FREE, _RECORDS, _LAST = (16, "=II"), (40, "=I"), (80, "=Q"), (128, "=Q"), (136, "=QQ")
_LMDB = (0xBEEFC0DE, 1)
_NO_PAGE = (1 << 64) - 1
_META_BYTES = 152
_DEEPEST = 32  # LMDB's own bound of a tree's levels (`CURSOR_STACK`)


class _Meta(NamedTuple):
    page_size: int
    free: int
    records: int
    last_page: int
    transaction: int


def check_whole(path: str | os.PathLike) -> None:
    """Refuses an LMDB's file, `data.mdb`, that is shorter than it says of itself, as after half a copy.

    What is no LMDB at all passes: LMDB refuses it.

    Raises:
        ValueError: pages that are in use lie beyond the end of the file.
    """
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        meta = _newest_meta(file)
        if meta is None or size >= (meta.last_page + 1) * meta.page_size:
            return
        # The last pages may be absent rightly: LMDB does not write one that the same transaction gave up again.
        try:
            end = 1 + max(_pages_in_use(file, meta, size // meta.page_size), default=1)
        except (struct.error, IndexError) as error:
            raise ValueError(f"{path} is damaged; copy it again.") from error
    if end * meta.page_size > size:
        raise ValueError(
            f"{path} is cut off: it has {size:,} bytes of {(meta.last_page + 1) * meta.page_size:,}; copy it again."
        )


def _newest_meta(file: BinaryIO) -> _Meta | None:
    """What the later of the two meta pages says; None where one is no LMDB's."""
    first = _meta(file, 0)
    second = _meta(file, first.page_size) if first else None
    return max(first, second, key=lambda meta: meta.transaction) if second else None


def _meta(file: BinaryIO, start: int) -> _Meta | None:
    file.seek(start)
    page = file.read(_META_BYTES)

    def value(place: tuple[int, str]) -> tuple[int, ...]:
        return struct.unpack_from(place[1], page, place[0])

    if len(page) < _META_BYTES or value(_MAGIC) != _LMDB:
        return None
    return _Meta(*value(_PAGE_SIZE), *value(_FREE), *value(_RECORDS), *value(_LAST))


def _pages_in_use(file: BinaryIO, meta: _Meta, pages: int) -> Iterator[int]:
    """The last page of all that the trees hold, level by level, down to the first that is not among `pages`."""
    level = [root for root in (meta.free, meta.records) if root != _NO_PAGE]  # an empty tree has no page
    for _ in range(_DEEPEST):
        if not level:
            return
        yield max(level)
        below = []
        for number in level:
            if number >= pages:
                return
            file.seek(number * meta.page_size)
            page = file.read(meta.page_size)
            _, flags, lower, _ = _HEADER.unpack_from(page)
            for at in struct.unpack_from(f"={(lower - _HEADER.size) // 2}H", page, _HEADER.size):
                low, high, kind, key_length = _NODE.unpack_from(page, at)
                value = low | high << 16
                if flags & _BRANCH:
                    below.append(value | kind << 32)  # the flags of such a node are a part of the page's number
                elif flags & _LEAF and kind & _BIG:
                    (start,) = struct.unpack_from("=Q", page, at + _NODE.size + key_length)
                    yield start + (_HEADER.size + value - 1) // meta.page_size
        level = below
