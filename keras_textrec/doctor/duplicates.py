"""Records whose images are the same file, or look the same."""

import itertools
from typing import NamedTuple

import numpy as np

# Of the 128 bits of two looks, so many may differ; a word in another photograph differs in more. Of images written
# again as JPEG of quality 90, 98 of 100 are within; at quality 50, or at half the size, 7 of 10.
NEAR = 8
# Two 64-bit numbers that differ in up to three bits are alike in at least two of these five parts.
_PARTS = [((1 << width) - 1) << shift for width, shift in ((13, 0), (13, 13), (13, 26), (13, 39), (12, 52))]
# Of looks that are alike in two parts, each is compared with so many that follow it in order: linear in all cases.
_NEIGHBOURS = 16
# A look of fewer bits is that of an empty or faint image, as many are.
_TELLING_BITS = 12
# Widths relative to heights may differ by this factor.
_STRETCH = 1.15


class Groups(NamedTuple):
    """Records in groups: `members` int64 (K,), their positions; `numbers` int64 (K,), rising, the group of each."""

    members: np.ndarray
    numbers: np.ndarray

    def count(self, chosen: np.ndarray) -> np.ndarray:
        """How many members of each group are among `chosen`, bool by position: int64 (G,)."""
        return (
            np.add.reduceat(chosen[self.members].astype(np.int64), self._starts) if len(self.members) else self.numbers
        )

    def differ(self, values: np.ndarray) -> np.ndarray:
        """Whether the members of a group have different `values`, given by position: bool (G,)."""
        if not len(self.members):
            return np.zeros(0, bool)
        mine = values[self.members]
        return np.minimum.reduceat(mine, self._starts) != np.maximum.reduceat(mine, self._starts)

    def select(self, chosen: np.ndarray) -> "Groups":
        """The groups for which `chosen`, bool (G,), says so."""
        keep = chosen[self.numbers]
        return Groups(self.members[keep], np.unique(self.numbers[keep], return_inverse=True)[1])

    @property
    def _starts(self) -> np.ndarray:
        return np.flatnonzero(np.diff(self.numbers, prepend=-1))


def equal_groups(keys: np.ndarray, positions: np.ndarray) -> Groups:
    """The records whose key is another's too; `keys` and `positions` are (N,), each group is in the order of these."""
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    several = np.flatnonzero(counts[inverse] > 1)
    order = several[np.argsort(inverse[several], kind="stable")]
    return Groups(positions[order], np.unique(inverse[order], return_inverse=True)[1])


def similar_groups(look: np.ndarray, ratio: np.ndarray, positions: np.ndarray) -> Groups:
    """The records whose images look the same, each like at least one other of its group.

    Args:
        look: uint64 (N, 2), of `Scan`.
        ratio: float (N,), width / height.
        positions: int64 (N,), of the records.

    Time grows as N log N. Of more than `_NEIGHBOURS` images that look nearly, not quite, the same, some may be missed.
    """
    telling = np.flatnonzero(np.bitwise_count(look).sum(1) >= _TELLING_BITS)
    look, ratio = look[telling], ratio[telling]
    number = np.arange(len(telling))  # of each record's group: the lowest place in it
    for half, parts in itertools.product((0, 1), itertools.combinations(_PARTS, 2)):
        key = look[:, half] & np.uint64(sum(parts))
        order = np.lexsort((ratio, look[:, 1 - half], look[:, half], key))
        for step in range(1, min(_NEIGHBOURS, len(order) - 1) + 1):
            one, other = order[:-step], order[step:]
            alike = key[one] == key[other]
            if not alike.any():
                break
            alike &= number[one] != number[other]
            one, other = one[alike], other[alike]
            near = np.bitwise_count(look[one] ^ look[other]).sum(1) <= NEAR
            near &= np.abs(np.log(ratio[one] / ratio[other])) < np.log(_STRETCH)
            _link(number, one[near], other[near])
    return equal_groups(number, positions[telling])


def _link(number: np.ndarray, one: np.ndarray, other: np.ndarray) -> None:
    """Makes one group of those of each pair of records, in `number`, where every group's number is its own place's."""
    while True:
        mine, theirs = number[one], number[other]
        apart = mine != theirs
        if not apart.any():
            return
        np.minimum.at(number, np.maximum(mine, theirs)[apart], np.minimum(mine, theirs)[apart])
        while (number[number] != number).any():
            number[:] = number[number]
