"""The words of a list and nothing else: number plates, names, codes of one's own."""

import hashlib
import logging
import unicodedata
from collections.abc import Callable, Iterable

import numpy as np

from keras_textrec.data.order import ShuffledPasses
from keras_textrec.synthesis.dice import Dice

logger = logging.getLogger(__name__)


class OnlyWords:
    """Words as they are written (NFC), each once before any comes twice, in orders drawn by the seed.

    Args:
        words: the list; one that stands twice counts once, and frequencies do not count.
        charset: the characters a word may have; None: those that the words have.
        seed: of the orders.

    Raises:
        ValueError: no word is made of the charset.
    """

    case_matters = False  # nothing is put into another case

    def __init__(self, words: Iterable[str], charset: Iterable[str] | None, seed: int):
        self.words = list(dict.fromkeys(unicodedata.normalize("NFC", word) for word in words))
        characters = "".join(self.words if charset is None else charset)
        self.charset = frozenset(unicodedata.normalize("NFC", characters))
        self._seed = seed
        self.keep(self.charset.issuperset, "hold characters outside the charset")

    def keep(self, usable: Callable[[str], bool], reason: str) -> None:
        """Leaves words out, and tells how many and why. ValueError: none is left."""
        left_out = [word for word in self.words if not usable(word)]
        told = f"{len(left_out):,} of {len(self.words):,} words {reason}: {', '.join(left_out[:5])}"
        if len(left_out) == len(self.words):
            raise ValueError(f"{told}. No word is left.")
        if left_out:
            logger.warning("Left out: %s%s", told, ", ..." if len(left_out) > 5 else ".")
            gone = set(left_out)
            self.words = [word for word in self.words if word not in gone]
        self._order = ShuffledPasses(len(self.words), (self._seed,))

    def text(self, index: int) -> str:
        """The text of image number `index`."""
        return self.words[self._order(np.array([index]))[0]]

    def draw(self, dice: Dice) -> str:
        """Any of the words, for the neighbours of an image's own."""
        return dice.choice(self.words)

    def digest(self) -> str:
        """Tells the list from others."""
        return hashlib.sha256(repr(self.words).encode()).hexdigest()
