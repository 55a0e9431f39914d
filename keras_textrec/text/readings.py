"""What was read."""

import dataclasses
import html
from collections.abc import Sequence

import numpy as np

_DRAWN_WIDTH = 400  # pixels of a drawn reading
_MARK = (
    '<g><title>{confidence:.4f}</title><text x="{middle:.1f}" y="16" text-anchor="middle" fill="currentColor">{text}'
    '</text><rect x="{x:.1f}" y="22" width="{width:.1f}" height="6" fill="hsl({hue} 80% 40%)"/></g>'
)


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
class Alternative:
    """A text that may stand in an image, and its probability, 0 to 1: how sure the network is of the whole of it."""

    text: str
    probability: float


@dataclasses.dataclass(frozen=True, repr=False)
class Reading:
    """What stands in one image. `confidence` is the mean over the characters, 0.0 when nothing was read; of a preset
    that was calibrated (`keras-textrec calibrate`), the probability that the whole text is right.

    Of a word of a lexicon, `confidence` is the geometric mean per character of its probability, and `text` is None
    where that is less than the `min_confidence` which `read` was given. `constraint` says what limited the text, ""
    where nothing did. `alternatives`, where they were asked for, are the most probable texts, the best first.

    `orientation`, where some were asked for or the image was turned, is that in which it was read: the degrees by which
    the image was turned counterclockwise (0, 90: the text runs downwards, 180: it stands on its head, 270: it runs
    upwards), or "stacked": the letters stand one below the other. None: as the image was given. Places of characters
    are columns of the given image then, too, or of 90, 270 and "stacked" its rows, `left` the lesser and `right` the
    greater one.

    `attention`, where it was asked for, is float (characters, ...): for every character, how much of it was read from
    each place of the network's last feature map. It takes no part in comparisons.
    """

    text: str | None
    confidence: float
    characters: tuple[Character, ...] = ()
    attention: np.ndarray | None = dataclasses.field(default=None, compare=False)
    constraint: str = ""
    alternatives: tuple[Alternative, ...] = ()
    orientation: int | str | None = None

    def __repr__(self) -> str:
        count = len(self.characters)
        facts = [f"confidence={self.confidence:.4f}", f"{count} character{'' if count == 1 else 's'}"]
        facts += [] if self.orientation is None else [f"orientation {self.orientation}"]
        facts += [self.constraint] if self.constraint else []
        facts += [f"{len(self.alternatives)} alternatives"] if self.alternatives else []
        return f"Reading({self.text!r}, {', '.join(facts)})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the text and its confidence; below, each character, and a bar as long as its place is,
        redder where less sure. Characters without places stand side by side."""
        places = [(k, k + 1) if c.left is None else (c.left, c.right) for k, c in enumerate(self.characters)]
        scale = _DRAWN_WIDTH / max((right for _, right in places), default=1.0)
        marks = "".join(
            _MARK.format(
                x=left * scale,
                middle=(left + right) / 2 * scale,
                width=max(1.0, (right - left) * scale - 2),
                hue=round(120 * character.confidence),
                text=_escaped(character.text),
                confidence=character.confidence,
            )
            for character, (left, right) in zip(self.characters, places)
        )
        drawing = f'<svg width="{_DRAWN_WIDTH}" height="30" font-size="14">{marks}</svg>' if marks else ""
        return f"<div><b>{_escaped(self.text or '')}</b> <small>{self.confidence:.4f}</small><br>{drawing}</div>"

    def to_dict(self) -> dict:
        """The reading as plain dictionaries, lists, strings and numbers, for JSON; without the attention."""
        characters = [dict(vars(c)) for c in self.characters]  # `dataclasses.asdict` copies each value deeply
        content = {"text": self.text, "confidence": self.confidence, "characters": characters}
        if self.orientation is not None:
            content["orientation"] = self.orientation
        if self.constraint:
            content["constraint"] = self.constraint
        if self.alternatives:
            content["alternatives"] = [dict(vars(alternative)) for alternative in self.alternatives]
        return content


def reading_of(characters: Sequence[Character], attention: np.ndarray | None = None) -> Reading:
    """The reading that characters make."""
    confidence = float(np.mean([c.confidence for c in characters])) if characters else 0.0
    return Reading("".join(c.text for c in characters), confidence, tuple(characters), attention)


def _escaped(text: str) -> str:
    return html.escape(text.encode("utf-8", "backslashreplace").decode())  # half a surrogate pair is no HTML
