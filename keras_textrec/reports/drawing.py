"""A photograph with the words that were read in it, for a person to check."""

import dataclasses
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont, features

from keras_textrec.synthesis.fonts import fonts_that_draw
from keras_textrec.synthesis.layout import needs_shaping
from keras_textrec.system.terminal import one_line
from keras_textrec.text.direction import has_right_to_left, to_visual

# Pixels of the picture: how high small words are to be, the longest side of the photograph, one that is not made
# smaller for large words; letters, at least and at most; and a cell of the grid in which labels find room.
_WORD, _LONGEST, _ENOUGH, _LETTERS, _CELL = 26, 2400, 1000, (13, 60), 4
_BLACK, _GREY, _BLUE, _PALE_BLUE = (0, 0, 0), (150, 150, 150), (30, 80, 220), (190, 210, 255)


class Spotted(Protocol):
    """A word: its `polygon`, float (N, 2), in pixels of the photograph, `text` and `confidence`."""

    polygon: np.ndarray
    text: str
    confidence: float


@dataclasses.dataclass(frozen=True, eq=False)
class _Label:
    """A text, and where in the picture it is to stand, (x, y) of its middle."""

    text: str
    font: ImageFont.FreeTypeFont
    middle: np.ndarray
    colour: tuple[int, int, int] = _BLACK
    direction: str | None = None

    def size(self) -> np.ndarray:
        """Of the ink, (width, height)."""
        left, top, right, bottom = self._ink()
        return np.array([right - left, bottom - top])

    def draw(self, picture: ImageDraw.ImageDraw, middle: np.ndarray) -> None:
        """Draws it with the middle (x, y)."""
        corner = middle - self.size() / 2 - self._ink()[:2]
        picture.text(tuple(corner), self.text, self.colour, self.font, direction=self.direction)

    def _ink(self) -> tuple[float, float, float, float]:
        return self.font.getbbox(self.text, direction=self.direction)


def draw_page(photo: np.ndarray, lines: Sequence[Sequence[Spotted]]) -> Image.Image:
    """The photograph with the words' polygons, greener where surer; and beside it (below, if it is wide) the texts.

    A text stands where its word does, or as near as there is room, with a grey line to the word: none covers another.
    Blue numbers count the lines in reading order, and a pale line runs through the words of each. A text that Pillow's
    own font lacks is drawn in a font of this system.

    Args:
        photo: uint8 (H, W, 3), RGB.
        lines: the words of each line in reading order.
    """
    words = [word for line in lines for word in line]
    scale = _scale(photo, words)
    width, height = (max(1, round(side * scale)) for side in photo.shape[1::-1])
    photo = cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    labels = [_label(word.text, word.polygon * scale) for word in words]
    labels += [_number(number, line, scale) for number, line in enumerate(lines, 1)]
    sizes = [label.size() for label in labels]
    room = _Room(max(width, *(wide for wide, _ in sizes), 0), height)
    places = [room.take(size, label.middle) for size, label in zip(sizes, labels, strict=True)]

    outlined = Image.fromarray(photo)
    texts = Image.new("RGB", (room.width, room.height), "white")
    texts.paste(Image.fromarray(255 - (255 - photo) // 8))
    for line in lines:
        middles = [tuple((word.polygon * scale).mean(0)) for word in line]
        ImageDraw.Draw(texts).line(middles, _PALE_BLUE, 3)
    for word in words:
        corners = [tuple(corner) for corner in word.polygon * scale]
        sure = min(max(word.confidence, 0.0), 1.0)
        colour = (round(230 * (1 - sure)), round(170 * sure), 40)
        ImageDraw.Draw(outlined).line([*corners, *corners[:2]], colour, 2, joint="curve")
        ImageDraw.Draw(texts).polygon(corners, outline=colour)
    for label, size, middle in zip(labels, sizes, places, strict=True):
        if np.abs(middle - label.middle).max() > size[1]:
            ImageDraw.Draw(texts).line([tuple(label.middle), tuple(middle)], _GREY)
    for label, middle in zip(labels, places, strict=True):
        label.draw(ImageDraw.Draw(texts), middle)

    corner = (width, 0) if width < 1.2 * height else (0, height)
    picture = Image.new("RGB", (corner[0] + room.width, corner[1] + room.height), "white")
    picture.paste(outlined)
    picture.paste(texts, corner)
    return picture


def _scale(photo: np.ndarray, words: Sequence[Spotted]) -> float:
    """By how much the photograph is shown larger: small words can be read, and it is no larger than need be."""
    longest = max(photo.shape[:2])
    heights = [min(cv2.minAreaRect(np.asarray(word.polygon, "float32"))[1]) for word in words]
    wanted = _WORD / max(1.0, float(np.percentile(heights, 20))) if heights else 1.0
    return float(np.clip(wanted, min(1.0, _ENOUGH / longest), min(3.0, _LONGEST / longest)))


def _label(text: str, polygon: np.ndarray) -> _Label:
    """A word's text, as large as its polygon (N, 2) has room for."""
    text = one_line(text)
    middle = polygon.mean(0)
    least, most = _LETTERS
    size = float(np.clip(0.75 * min(cv2.minAreaRect(polygon.astype("float32"))[1]), least, most))
    path = _font_file(text)
    shaped = path is not None and needs_shaping(text) and features.check("raqm")
    direction = "rtl" if shaped and has_right_to_left(text) else None
    if not shaped:
        text = "".join(character for _, character in to_visual(text))
    label = _Label(text, _font(path, round(size), shaped), middle, direction=direction)
    size = max(least, size * min(1.0, np.ptp(polygon, axis=0).max() / max(1.0, label.size()[0])))
    return dataclasses.replace(label, font=_font(path, int(size), shaped))


def _number(number: int, line: Sequence[Spotted], scale: float) -> _Label:
    """A line's number, before its first word."""
    polygon = line[0].polygon * scale
    left, right, middle = polygon[:, 0].min(), polygon[:, 0].max(), polygon[:, 1].mean()
    x = right + 12 if any(has_right_to_left(word.text) for word in line) else left - 12
    return _Label(str(number), _font(None, _LETTERS[0], False), np.array([x, middle]), _BLUE)


def _font_file(text: str) -> Path | None:
    """The font file that draws the most of a text; None is Pillow's own font, which has ASCII."""
    characters = {character for character in text if not character.isspace()}
    if text.isascii():
        return None
    files = fonts_that_draw("".join(sorted(characters))).values()
    counts = {path: sum(other == path for other in files) for path in files if path}
    return max(counts, key=counts.get, default=None)


@lru_cache(maxsize=256)
def _font(path: Path | None, size: int, shaped: bool) -> ImageFont.FreeTypeFont:
    if path is None:
        return ImageFont.load_default(size)
    layout = ImageFont.Layout.RAQM if shaped else ImageFont.Layout.BASIC
    return ImageFont.truetype(str(path), size, layout_engine=layout)


class _Room:
    """What is free of a picture of `width` x `height` pixels, which grows downwards when it is full."""

    def __init__(self, width: int, height: int):
        self.taken = np.zeros((-(-height // _CELL), -(-width // _CELL) + 2), "uint8")  # of cells: 0 or 1

    @property
    def width(self) -> int:
        return self.taken.shape[1] * _CELL

    @property
    def height(self) -> int:
        return len(self.taken) * _CELL

    def take(self, size: np.ndarray, middle: np.ndarray) -> np.ndarray:
        """Takes the free room of a size (width, height) that is the nearest to a middle (x, y); where its own is."""
        wide, high = (int(side) // _CELL + 2 for side in size)
        if high > len(self.taken):
            self._grow(high)
        x, y = middle / _CELL - (wide / 2, high / 2)
        column = min(max(0, round(x)), self.taken.shape[1] - wide)
        row = min(max(0, round(y)), len(self.taken) - high)
        if self.taken[row : row + high, column : column + wide].any():
            row, column = self._nearest(x, y, wide, high)
        self.taken[row : row + high, column : column + wide] = 1
        return np.array([column + wide / 2, row + high / 2]) * _CELL

    def _nearest(self, x: float, y: float, wide: int, high: int) -> tuple[int, int]:
        before = cv2.integral(self.taken)
        count = before[high:, wide:] - before[:-high, wide:] - before[high:, :-wide] + before[:-high, :-wide]
        rows, columns = np.nonzero(count == 0)
        if not len(rows):
            self._grow(high)
            return self._nearest(x, y, wide, high)
        best = np.argmin((rows - y) ** 2 + (columns - x) ** 2)
        return int(rows[best]), int(columns[best])

    def _grow(self, rows: int) -> None:
        self.taken = np.pad(self.taken, ((0, rows), (0, 0)))
