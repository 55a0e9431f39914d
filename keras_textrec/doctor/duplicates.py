"""Records whose images are the same file, or look the same."""

import itertools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

# How alike thumbnails of one word are to be for the pixels to be compared. Of images written again as JPEG of quality
# 50, at half the size, or with up to 6 % of the height cut off each side, 98 of 100 are; of two photographs, 3.
_THUMBNAILS = 0.84
# With different texts, only what looks nearly the same is worth a comparison: so many of a look's 128 bits may differ.
_NEAR = 4
# Two 64-bit numbers that differ in up to three bits are alike in at least two of these five parts.
_PARTS = [((1 << width) - 1) << shift for width, shift in ((13, 0), (13, 13), (13, 26), (13, 39), (12, 52))]
# Each record is compared with so many that follow it in an order: linear in all cases.
_NEIGHBOURS = 16
_BLOCK = 1 << 14  # pairs that are looked at at a time
# A look of fewer bits is that of an empty or faint image, as many are.
_TELLING_BITS = 12
# Widths relative to heights may differ by this factor.
_STRETCH = 1.2


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


class Looks(NamedTuple):
    """What images look like, in a few numbers each; those of `Scan`.

    Attributes:
        bits: uint64 (N, 2), where brightness rises to the right.
        thumbnail: uint8 (N, P).
        ratio: float32 (N,), width / height.
        word: uint64 (N,), alike for texts of the same letters.
    """

    bits: np.ndarray
    thumbnail: np.ndarray
    ratio: np.ndarray
    word: np.ndarray


def equal_groups(keys: np.ndarray, positions: np.ndarray) -> Groups:
    """The records whose key is another's too; `keys` and `positions` are (N,), each group is in the order of these."""
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    several = np.flatnonzero(counts[inverse] > 1)
    order = several[np.argsort(inverse[several], kind="stable")]
    return Groups(positions[order], np.unique(inverse[order], return_inverse=True)[1])


def similar_groups(looks: Looks, chosen: np.ndarray, same: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Groups:
    """The records whose images are the same, each with at least one other of its group.

    Args:
        looks: of N records; they say which pairs are worth a comparison.
        chosen: bool (N,), the records to look at.
        same: two arrays of K positions to bool (K,): what a comparison of the images says.

    Time grows as N log N, and hardly more than one comparison a record is in vain. Of more than `_NEIGHBOURS` images
    that look nearly, not quite, the same, some may be missed.
    """
    number = np.arange(len(chosen))  # of each record's group: the lowest position in it
    failed = np.zeros(0, np.int64)  # pairs that are not the same, as the one's position times N plus the other's
    for one, other in itertools.chain(_same_word(looks, chosen), _same_look(looks, chosen)):
        apart = number[one] != number[other]
        apart &= np.abs(np.log(looks.ratio[one] / looks.ratio[other])) < np.log(_STRETCH)
        pairs = np.minimum(one, other)[apart] * len(chosen) + np.maximum(one, other)[apart]
        one, other = np.divmod(np.setdiff1d(pairs, failed), len(chosen))
        good = same(one, other)
        _link(number, one[good], other[good])
        failed = np.union1d(failed, one[~good] * len(chosen) + other[~good])
        if len(failed) > len(chosen):
            break
    return equal_groups(number, np.arange(len(chosen)))


def _same_word(looks: Looks, chosen: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of positions with one word and thumbnails that are alike."""
    for shift, half in ((None, 0), *itertools.product((0, 20, 40), (0, 1))):
        key = looks.ratio if shift is None else np.bitwise_left_shift(looks.bits[:, half], shift)
        order = np.lexsort((key, looks.word))
        for one, other in _neighbours(order[chosen[order]], looks.word):
            alike = _correlation(looks.thumbnail[one], looks.thumbnail[other]) > _THUMBNAILS
            yield one[alike], other[alike]


def _same_look(looks: Looks, chosen: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of positions that look nearly the same, whatever their texts."""
    chosen = chosen & (np.bitwise_count(looks.bits).sum(1) >= _TELLING_BITS)
    for half, parts in itertools.product((0, 1), itertools.combinations(_PARTS, 2)):
        key = looks.bits[:, half] & np.uint64(sum(parts))
        order = np.lexsort((looks.ratio, looks.bits[:, 1 - half], looks.bits[:, half], key))
        for one, other in _neighbours(order[chosen[order]], key):
            near = np.bitwise_count(looks.bits[one] ^ looks.bits[other]).sum(1) <= _NEAR
            yield one[near], other[near]


def _neighbours(order: np.ndarray, key: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of positions that are alike in `key`, up to `_NEIGHBOURS` apart in `order`, where the like lie together."""
    for step in range(1, min(_NEIGHBOURS, len(order) - 1) + 1):
        for start in range(0, len(order) - step, _BLOCK):
            one, other = order[start : len(order) - step][:_BLOCK], order[start + step :][:_BLOCK]
            alike = key[one] == key[other]
            yield one[alike], other[alike]


def _correlation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Of the rows of two arrays, uint8 (K, P): float32 (K,)."""
    one, other = (some - some.mean(1, dtype=np.float32, keepdims=True) for some in (one, other))
    squares = np.einsum("kp,kp->k", one, one) * np.einsum("kp,kp->k", other, other)
    return np.einsum("kp,kp->k", one, other) / np.sqrt(np.maximum(squares, 1e-6))


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
