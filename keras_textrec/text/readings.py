"""What was read."""

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Character:
    """One character that was read. `left` and `right` are fractions (0 to 1) of the network input's width."""

    text: str
    confidence: float
    left: float
    right: float


@dataclasses.dataclass(frozen=True)
class Reading:
    """What stands in one image. `confidence` is the mean over the characters, 0.0 when nothing was read.

    `attention`, where it was asked for, is float (characters, ...): for every character, how much of it was read from
    each place of the network's last feature map. It takes no part in comparisons.
    """

    text: str
    confidence: float
    characters: tuple[Character, ...] = ()
    attention: np.ndarray | None = dataclasses.field(default=None, compare=False, repr=False)

    def to_dict(self) -> dict:
        """The reading as plain dictionaries, lists, strings and numbers, for JSON; without the attention."""
        characters = [dataclasses.asdict(c) for c in self.characters]
        return {"text": self.text, "confidence": self.confidence, "characters": characters}


def reading_of(characters: Sequence[Character], attention: np.ndarray | None = None) -> Reading:
    """The reading that characters make."""
    confidence = float(np.mean([c.confidence for c in characters])) if characters else 0.0
    return Reading("".join(c.text for c in characters), confidence, tuple(characters), attention)
