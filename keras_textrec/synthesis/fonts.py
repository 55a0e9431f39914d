"""Finds the fonts of this machine that can write the wanted characters."""

import random
import re
import string
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

import cv2
import numpy as np
from PIL import ImageFont

_SUFFIXES = {".ttf", ".otf", ".ttc", ".woff", ".woff2"}
_NOT_TEXT = re.compile(
    r"symbol|dingbat|emoji|barcode|math|icon|awesome|braille|music|d050000l|ornament|keys|nonuni|integrals|sizes?\d"
    r"|lignes|kanjistroke|circos|rulers|initials|wingding",
    re.IGNORECASE,
)
_PROBE = 28  # pixels an em, for the checks
_GRID = 12  # a glyph's shape is compared on this many cells a side
_SHAPE_PAIRS = "abdeghnqrt"  # letters whose small form is no small capital


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

    def load(self, size: int) -> ImageFont.FreeTypeFont:
        """The font at `size` pixels an em (cached)."""
        return _load(self.path, size)


@lru_cache(maxsize=4096)
def _load(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


def font_folders() -> list[Path]:
    """The folders where this system keeps fonts."""
    home = Path.home()
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"]
    if sys.platform == "win32":
        return [Path("C:/Windows/Fonts"), home / "AppData/Local/Microsoft/Windows/Fonts"]
    return [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".local/share/fonts", home / ".fonts"]


def find_fonts(
    folders: str | Path | Sequence[str | Path] | None = None, characters: Iterable[str] | None = None
) -> list[Font]:
    """Every usable font below `folders` (or of the system), sorted by path.

    Usable: it draws all letters and digits among `characters` (default: printable ASCII) with ink and not with the box
    for missing glyphs, and is no symbol, emoji, barcode or maths font. Of the other characters, those it draws are in
    `Font.characters`.

    Raises:
        FileNotFoundError: a given folder does not exist, or no usable font was found.
    """
    if folders is None:
        roots = [folder for folder in font_folders() if folder.is_dir()]
    else:
        roots = [Path(folder) for folder in ([folders] if isinstance(folders, str | Path) else folders)]
    wanted = "".join(sorted(set(string.printable[:94] if characters is None else characters)))
    fonts = list(_find_fonts(tuple(roots), wanted))
    if not fonts:
        places = ", ".join(str(root) for root in roots) or "the system's font folders"
        raise FileNotFoundError(
            f"No font in {places} can write the characters; install TrueType or OpenType fonts or name their folder."
        )
    return fonts


@lru_cache(maxsize=8)
def _find_fonts(roots: tuple[Path, ...], wanted: str) -> tuple[Font, ...]:
    checked = []
    for root in roots:
        if not root.exists():
            raise FileNotFoundError(f"There is no font folder {root}.")
        files = [root] if root.is_file() else root.rglob("*")
        for path in sorted(path for path in files if path.suffix.lower() in _SUFFIXES):
            if not _NOT_TEXT.search(path.name) and (result := _check(path, wanted)):
                checked.append(result)
    return tuple(_rate(checked))


def _check(path: Path, wanted: str) -> tuple[Font, np.ndarray] | None:
    try:
        font = ImageFont.truetype(str(path), _PROBE, layout_engine=ImageFont.Layout.BASIC)
        family, missing = font.getname()[0] or path.stem, _glyph(font, "\U0010fffd")
        if _NOT_TEXT.search(family):
            return None
        glyphs = {}
        # Letters and digits first: most unusable fonts fail at the first of them.
        for char in sorted(wanted, key=lambda char: not char.isalnum()):
            glyph = _glyph(font, char)
            if glyph is None or (missing is not None and np.array_equal(glyph, missing)):
                if char.isalnum():
                    return None
            else:
                glyphs[char] = glyph
    except (OSError, ValueError):  # a broken or exotic file is no font for us
        return None
    # Some fonts fill the places of missing marks with one picture.
    copies = Counter((glyph.shape, glyph.tobytes()) for glyph in glyphs.values())
    for char in [char for char in glyphs if not char.isalnum()]:
        if copies[glyphs[char].shape, glyphs[char].tobytes()] > 3:
            del glyphs[char]
    shapes = np.stack([_shape(glyphs[char]) for char in wanted if char in glyphs and char.isalnum()] or [np.zeros(1)])
    return Font(str(path), family, frozenset(glyphs), _only_capitals(glyphs)), shapes


def _glyph(font: ImageFont.FreeTypeFont, char: str) -> np.ndarray | None:
    """The ink of a character, uint8 (H, W), cropped; None when there is none."""
    mask = font.getmask(char, mode="L")
    width, height = mask.size
    if not (0 < width < 8 * _PROBE and 0 < height < 8 * _PROBE):
        return None
    ink = np.frombuffer(bytes(mask), np.uint8).reshape(height, width)
    return ink if ink.max() > 64 else None


def _shape(glyph: np.ndarray) -> np.ndarray:
    """The glyph on a small grid, float32 (144,), mean 0 and length 1, so that a dot product compares two."""
    shape = cv2.resize(glyph, (_GRID, _GRID), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    shape -= shape.mean()
    return shape / (np.sqrt(shape @ shape) + 1e-6)


def _only_capitals(glyphs: dict[str, np.ndarray]) -> bool:
    pairs = [(glyphs[char], glyphs[char.upper()]) for char in _SHAPE_PAIRS if char in glyphs and char.upper() in glyphs]
    return bool(pairs) and float(np.median([_shape(small) @ _shape(large) for small, large in pairs])) > 0.75


def _rate(checked: list[tuple[Font, np.ndarray]]) -> list[Font]:
    """Sets the plainness and, among many fonts, drops those whose letters look like no letters (pictures, ciphers)."""
    if len(checked) < 40:
        return [font for font, _ in checked]
    shapes = np.stack([shape for _, shape in checked])
    model = np.median(shapes, axis=0)
    model /= np.linalg.norm(model, axis=-1, keepdims=True) + 1e-6
    scores = (shapes * model).sum(-1).mean(-1)
    low, high = 0.35, float(np.quantile(scores, 0.98))
    letters = sorted(char for char in checked[0][0].characters if char.isalnum())
    pairs = [(letters.index(c), letters.index(c.upper())) for c in _SHAPE_PAIRS if {c, c.upper()} <= set(letters)]
    small, large = ([pair[side] for pair in pairs] for side in (0, 1))
    fonts = []
    for (font, shape), score in zip(checked, scores, strict=True):
        if score <= low:
            continue
        plainness = float(np.clip((score - low) / (high - low), 0, 1))
        capital = bool(pairs) and (shape[small] * (model[large] - model[small])).sum() > 0
        if font.caps and pairs and not capital:  # one case only, and it is the small one
            continue
        # The odd ones draw other signs in the place of rare marks.
        known = font.characters if plainness > 0.4 else {c for c in font.characters if c.isalnum() or c in ".,-!?'"}
        fonts.append(Font(font.path, font.family, frozenset(known), font.caps or capital, plainness))
    return fonts


class FontChooser:
    """Draws fonts: families alike (a family of many weights counts a little more), plain ones more often."""

    def __init__(self, fonts: Sequence[Font]):
        self.fonts = list(fonts)
        sizes: dict[str, int] = defaultdict(int)
        for font in self.fonts:
            sizes[font.family] += 1
        weights = [sizes[font.family] ** -0.5 * (0.15 + font.plainness) for font in self.fonts]
        self._any = list(accumulate(weights))
        plain = sorted(font.plainness for font in self.fonts)[len(self.fonts) // 3]
        self._plain = list(
            accumulate(w if font.plainness >= plain else 0.0 for w, font in zip(weights, self.fonts, strict=True))
        )

    def draw(self, rng: random.Random, text: str, hardness: float = 1.0) -> Font | None:
        """A font that has all characters of `text`; None when twenty draws found none."""
        cumulative = self._any if rng.random() < hardness else self._plain
        for _ in range(20):
            font = rng.choices(self.fonts, cum_weights=cumulative)[0]
            if font.characters.issuperset(text):
                return font
        return next((font for font in self.fonts if font.characters.issuperset(text)), None)
