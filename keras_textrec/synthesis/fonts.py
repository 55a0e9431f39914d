"""Finds the fonts of this machine that can write the wanted characters."""

import logging
import re
import string
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatch
from functools import lru_cache
from itertools import accumulate, islice
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from keras_textrec.synthesis import font_cache
from keras_textrec.synthesis.dice import Dice
from keras_textrec.synthesis.font import NOT_TEXT, SHAPE_PAIRS, Font, check, compared, drawn

logger = logging.getLogger(__name__)

_SUFFIXES = {".ttf", ".otf", ".ttc", ".woff", ".woff2"}


def font_folders() -> list[Path]:
    """The folders where this system keeps fonts."""
    home = Path.home()
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"]
    if sys.platform == "win32":
        return [Path("C:/Windows/Fonts"), home / "AppData/Local/Microsoft/Windows/Fonts"]
    return [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".local/share/fonts", home / ".fonts"]


def find_fonts(
    folders: str | Path | Sequence[str | Path] | None = None,
    characters: Iterable[str] | None = None,
    coverage: float = 0.6,
) -> list[Font]:
    """Every usable font below `folders` (or of the system), sorted by path.

    Usable: of one script among `characters` (default: printable ASCII) it draws at least the part `coverage` of the
    letters, and of Latin ones all that are ASCII, with ink and not with the box for missing glyphs; and it is no
    symbol, emoji, barcode or maths font. `Font.characters` are all that it draws. What was found is kept in a cache on
    disk until a font file changes. A file in `folders` that cannot be read is skipped and logged.

    Raises:
        FileNotFoundError: a given folder does not exist, or no usable font was found; the sentence tells which
            characters lack and which fonts of the system would do.
        ValueError: a font file that was named itself cannot be read.
    """
    if folders is None:
        roots = [folder for folder in font_folders() if folder.is_dir()]
    else:
        roots = [Path(folder) for folder in ([folders] if isinstance(folders, str | Path) else folders)]
    wanted = "".join(sorted(set("".join(string.printable[:94] if characters is None else characters))))
    fonts, unreadable = _find_fonts(tuple(roots), wanted, coverage)
    for path, reason in unreadable.items() if folders is not None else ():
        if Path(path) in roots:
            raise ValueError(f"The font {path} cannot be read: {reason}.")
        logger.warning("Skipped the font %s, which cannot be read: %s.", path, reason)
    if not fonts:
        places = ", ".join(str(root) for root in roots) or "the system's font folders"
        if len(unreadable) == len(_files(roots)):
            kinds = ", ".join(sorted(_SUFFIXES))
            hint = would_do(wanted if folders else "")
            raise FileNotFoundError(f"There is no font ({kinds}) in {places} that can be read; {hint}")
        lacking = sorted(set(wanted) - {char for file in _files(roots)[:300] for char in drawn(file, wanted)})
        what = f"the characters {listed(lacking)}" if lacking else "enough of the characters"
        raise FileNotFoundError(f"No font in {places} can write {what}; {would_do(wanted if folders else '')}")
    return list(fonts)


def would_do(characters: str) -> str:
    """Which fonts have the characters: some of the system's, or where there are more."""
    sample = characters[:: len(characters) // 40 + 1]
    able = (path for path in _files(filter(Path.is_dir, font_folders())) if set(sample) <= drawn(path, sample))
    names = [path.name for path in islice(able if sample else (), 3)]
    if names:
        return f"of the system's fonts these would do: {', '.join(names)}."
    return "fonts-noto-core and fonts-noto-cjk (Debian), or Noto's fonts for the script, would do; see docs/fonts.md."


# Fonts for labels: of many characters and plain; then all that are neither bold, slanted nor narrow.
_LABELS = re.compile(r"^(dejavusans|(noto|source ?han)sans(?!.*mono).*[-_]regular|arial|arial ?unicode)\.", re.I)
_NO_LABELS = re.compile(r"bold|black|heavy|italic|oblique|thin|light|cond|mono", re.I)
_drawn_by: dict[str, Path | None] = {}  # what `fonts_that_draw` found, of this process


def fonts_that_draw(characters: str) -> dict[str, Path | None]:
    """A font file of this system for each character, the same for many, plain ones first; None where no font has it."""
    missing = set(characters).difference(_drawn_by)
    if missing:
        files = _files(filter(Path.is_dir, font_folders()))
        files.sort(key=lambda path: 0 if _LABELS.search(path.name) else 2 if _NO_LABELS.search(path.name) else 1)
        for path in files:
            found = drawn(path, "".join(missing))
            _drawn_by.update(dict.fromkeys(found, path))
            missing -= found
            if not missing:
                break
        _drawn_by.update(dict.fromkeys(missing))
    return {character: _drawn_by[character] for character in characters}


def listed(characters: Sequence[str]) -> str:
    return " ".join(characters[:20]) + (f" and {len(characters) - 20} more" if len(characters) > 20 else "")


@lru_cache(maxsize=8)
def _find_fonts(roots: tuple[Path, ...], wanted: str, coverage: float) -> tuple[tuple[Font, ...], dict[str, str]]:
    """The usable fonts, and why others cannot be read, by their paths."""
    files = _files(roots)
    key = font_cache.key(files, wanted, coverage)
    found = font_cache.load(key)
    if found is None:
        checked, unreadable = [], {}
        for path in files:
            try:
                result = check(path, wanted, coverage)
            except (OSError, ValueError) as error:
                unreadable[str(path)] = str(error)
            else:
                checked += [result] if result else []
        fonts = _rate(checked, compared(wanted))
        found = [(f.path, f.family, "".join(sorted(f.characters)), f.caps, f.plainness) for f in fonts], unreadable
        font_cache.save(key, found)
    rows, unreadable = found
    fonts = (Font(path, family, frozenset(chars), caps, plain) for path, family, chars, caps, plain in rows)
    return tuple(fonts), unreadable


def _files(roots: Iterable[Path]) -> list[Path]:
    files = []
    for root in roots:
        if not root.exists():
            raise FileNotFoundError(f"There is no font folder {root}.")
        found = [root] if root.is_file() else root.rglob("*")
        files += sorted(p for p in found if p.suffix.lower() in _SUFFIXES and not NOT_TEXT.search(p.name))
    return files


def _rate(checked: list[tuple[Font, np.ndarray]], letters: list[str]) -> list[Font]:
    """Sets the plainness and, among many fonts, drops those whose `letters` look like none (pictures, ciphers)."""
    if len(checked) < 40:
        return [font for font, _ in checked]
    shapes = np.stack([shape for _, shape in checked])
    model = np.nan_to_num(np.nanmedian(shapes, axis=0))
    model /= np.linalg.norm(model, axis=-1, keepdims=True) + 1e-6
    scores = np.nanmean((shapes * model).sum(-1), axis=-1)
    low, high = 0.35, float(np.nanquantile(scores, 0.98))
    pairs = [(letters.index(c), letters.index(c.upper())) for c in SHAPE_PAIRS if {c, c.upper()} <= set(letters)]
    small, large = ([pair[side] for pair in pairs] for side in (0, 1))
    fonts = []
    for (font, shape), score in zip(checked, scores, strict=True):
        if score <= low:
            continue
        plainness = float(np.clip((score - low) / (high - low), 0, 1)) if not np.isnan(score) else 0.5
        capital = bool(pairs) and bool(np.nansum(shape[small] * (model[large] - model[small])) > 0)
        if font.caps and pairs and not capital:  # one case only, and it is the small one
            continue
        # The odd ones draw other signs in the place of rare marks.
        known = font.characters if plainness > 0.4 else {c for c in font.characters if c.isalnum() or c in " .,-!?'"}
        fonts.append(replace(font, characters=frozenset(known), caps=font.caps or capital, plainness=plainness))
    return fonts


class FontChooser:
    """Draws fonts: families alike (a family of many weights counts a little more), plain ones more often.

    Args:
        config: the section `fonts` of the configuration.
    """

    def __init__(self, fonts: Sequence[Font], config: SimpleNamespace):
        sizes = Counter(font.family for font in fonts)
        self.fonts, weights = [], []
        for font in fonts:
            chosen = [w for pattern, w in config.weights.items() if fnmatch(font.family, pattern)]
            weight = (chosen or [1.0])[0] * sizes[font.family] ** -0.5 * (config.odd + font.plainness)
            if weight > 0:
                self.fonts.append(font)
                weights.append(weight)
        if not self.fonts:
            raise ValueError("fonts.weights gives every font here the weight 0; leave one.")
        self._any = list(accumulate(weights))
        plain = sorted(font.plainness for font in self.fonts)[len(self.fonts) // 3]
        self._plain = list(
            accumulate(w if font.plainness >= plain else 0.0 for w, font in zip(weights, self.fonts, strict=True))
        )

    def draw(self, dice: Dice, text: str, as_it_is: bool = False) -> Font | None:
        """A font that has all characters of `text`; None when no font has.

        Args:
            as_it_is: not one that shows small letters as capitals, if the text has any.
        """
        cumulative = self._any if dice.random() < dice.hardness else self._plain
        for _ in range(10):
            font = dice.choices(self.fonts, cum_weights=cumulative)[0]
            if _can_write(font, text, as_it_is):
                return font
        able = [n for n, font in enumerate(self.fonts) if _can_write(font, text, as_it_is)]
        weights = [self._any[n] - (self._any[n - 1] if n else 0) for n in able]
        return self.fonts[dice.choices(able, weights)[0]] if able else None

    def can_write_as_it_is(self, text: str) -> bool:
        """Whether a font has all characters of `text` and does not show small letters as capitals."""
        return any(_can_write(font, text, as_it_is=True) for font in self.fonts)


def _can_write(font: Font, text: str, as_it_is: bool) -> bool:
    return font.characters.issuperset(text) and not (as_it_is and font.caps and text != text.upper())
