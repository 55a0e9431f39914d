"""What was read."""

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Character:
    """One character that was read, and where it stands, as nearly as the network tells.

    `left` and `right` are columns of the given image, in pixels, in what `read` gives; in what a tokenizer gives,
    fractions of the network input's width. They are None where it is not known, as for attention decoders.
    """

    text: str
    confidence: float
    left: float | None = None
    right: float | None = None


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
