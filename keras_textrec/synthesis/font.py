"""One font: what it can write."""

import re
import string
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import ImageFont

NOT_TEXT = re.compile(
    r"symbol|dingbat|emoji|barcode|math|icon|awesome|braille|music|d050000l|ornament|keys|nonuni|integrals|sizes?\d"
    r"|lignes|kanjistroke|circos|rulers|initials|wingding",
    re.IGNORECASE,
)
SHAPE_PAIRS = "abdeghnqrt"  # letters whose small form is no small capital
_PROBE = 28  # pixels an em, for the checks
_GRID = 12  # a glyph's shape is compared on this many cells a side
_ASCII = frozenset(string.ascii_letters)


@dataclass(frozen=True)
class Font:
    """One face of a font file.

    Attributes:
        characters: those of the requested characters that it draws.
        caps: its small letters are capitals, so a text's case cannot be seen.
        plainness: 0..1, how much its letters look like the letters of most other fonts.
    """

    path: str
    family: str
    characters: frozenset[str] = field(repr=False)
    caps: bool = False
    plainness: float = 1.0

    def load(self, size: int, shaping: bool = False) -> ImageFont.FreeTypeFont:
        """The font at `size` pixels an em (cached); with `shaping`, letters join and marks find their places."""
        return _load(self.path, size, ImageFont.Layout.RAQM if shaping else ImageFont.Layout.BASIC)


@lru_cache(maxsize=4096)
def _load(path: str, size: int, layout: ImageFont.Layout) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size, layout_engine=layout)


def check(path: Path, wanted: str, coverage: float) -> tuple[Font, np.ndarray] | None:
    """The font and the shapes of some letters, (n, 144), NaN where it has none; None for one that is of no use.

    Raises:
        OSError, ValueError: a broken or exotic file.
    """
    font = ImageFont.truetype(str(path), _PROBE, layout_engine=ImageFont.Layout.BASIC)
    family = font.getname()[0] or path.stem
    glyphs = {} if NOT_TEXT.search(family) else _glyphs(font, wanted, coverage)
    if not glyphs:
        return None
    # Some fonts fill the places of what they miss with one picture. Letters of several scripts may well look alike.
    copies = Counter((glyph.shape, glyph.tobytes()) for glyph in glyphs.values())
    pictures = {what: times for what, times in copies.items() if times > 3}
    glyphs = {
        char: glyph
        for char, glyph in glyphs.items()
        if pictures.get((glyph.shape, glyph.tobytes()), 0) <= (8 if char.isalnum() else 3)
    }
    characters = frozenset(glyphs) | ({" "} if " " in wanted and font.getlength(" ") > 0 else frozenset())
    missing = np.full(_GRID * _GRID, np.nan, np.float32)
    shapes = np.stack([_shape(glyphs[c]) if c in glyphs else missing for c in compared(wanted)] or [missing])
    return Font(str(path), family, characters, only_capitals(glyphs)), shapes


def _glyphs(font: ImageFont.FreeTypeFont, wanted: str, coverage: float) -> dict[str, np.ndarray]:
    """The glyphs of the characters that a usable font draws; none of another."""
    marks = [char for char in wanted if not char.isalnum()]
    scripts: dict[str, list[str]] = defaultdict(list)
    for char in wanted:
        if char.isalnum():
            name = unicodedata.name(char, "?").split()[0].split("-")[0]
            scripts["DIGIT" if char.isdigit() else name].append(char)
    if len(scripts) > 1:  # digits alone make no font usable where there are letters
        marks += scripts.pop("DIGIT", [])
    glyphs, usable = {}, not scripts
    for letters in scripts.values():
        # The first tell of most fonts that they lack the script.
        ascii_first = [char for char in letters if char in _ASCII]
        first = ascii_first or letters[:: len(letters) // 40 + 1]
        found = _draw(font, first)
        if len(found) >= (len(first) if ascii_first else coverage * len(first)):
            found |= _draw(font, [char for char in letters if char not in found])
            usable |= len(found) >= coverage * len(letters)
        glyphs |= found
    return glyphs | _draw(font, marks) if usable else {}


def _draw(font: ImageFont.FreeTypeFont, characters: Iterable[str]) -> dict[str, np.ndarray]:
    """The glyphs of those characters that the font has: with ink, and other than the picture of a missing one."""
    missing = _glyph(font, "\U0010fffd")
    glyphs = {char: glyph for char in characters if (glyph := _glyph(font, char)) is not None}
    return {char: glyph for char, glyph in glyphs.items() if missing is None or not np.array_equal(glyph, missing)}


def drawn(path: Path, wanted: str) -> set[str]:
    """Those of the characters that a font file draws; none of an unreadable one."""
    try:
        return set(_draw(ImageFont.truetype(str(path), _PROBE, layout_engine=ImageFont.Layout.BASIC), wanted))
    except (OSError, ValueError):
        return set()


def _glyph(font: ImageFont.FreeTypeFont, char: str) -> np.ndarray | None:
    """The ink of a character, uint8 (H, W), cropped; None when there is none."""
    mask = font.getmask(char, mode="L")
    width, height = mask.size
    if not (0 < width < 8 * _PROBE and 0 < height < 8 * _PROBE):
        return None
    ink = np.frombuffer(bytes(mask), np.uint8).reshape(height, width)
    return ink if ink.max() > 64 else None


def compared(wanted: str) -> list[str]:
    """The letters by whose shapes fonts are compared: those of ASCII, else some of all."""
    letters = [char for char in wanted if char.isalnum()]
    return [char for char in letters if char in _ASCII] or letters[:: len(letters) // 60 + 1]


def _shape(glyph: np.ndarray) -> np.ndarray:
    """The glyph on a small grid, float32 (144,), mean 0 and length 1, so that a dot product compares two."""
    shape = cv2.resize(glyph, (_GRID, _GRID), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    shape -= shape.mean()
    return shape / (np.sqrt(shape @ shape) + 1e-6)


def only_capitals(glyphs: dict[str, np.ndarray]) -> bool:
    pairs = [(glyphs[char], glyphs[char.upper()]) for char in SHAPE_PAIRS if char in glyphs and char.upper() in glyphs]
    return bool(pairs) and float(np.median([_shape(small) @ _shape(large) for small, large in pairs])) > 0.75
