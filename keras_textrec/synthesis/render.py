"""Renders words as a camera would see them on signs, screens, shirts and paper."""

import functools
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from PIL import features

from keras_textrec.synthesis.camera import jpeg, photograph
from keras_textrec.synthesis.colour import photos
from keras_textrec.synthesis.config import as_section, load_config
from keras_textrec.synthesis.dice import Dice
from keras_textrec.synthesis.font import Font
from keras_textrec.synthesis.fonts import FontChooser, find_fonts, listed, would_do
from keras_textrec.synthesis.geometry import View, view
from keras_textrec.synthesis.layout import draw_text, needs_shaping
from keras_textrec.synthesis.only_words import OnlyWords
from keras_textrec.synthesis.paint import add_rim, paint, paste
from keras_textrec.synthesis.words import TextSource, Words, load_words
from keras_textrec.system.workers import Workers
from keras_textrec.text.charset import typed_characters

logger = logging.getLogger(__name__)

_TURNS = {"up": 1, "turned": 2, "down": 3}  # quarter turns against the clock


class Word(NamedTuple):
    """A rendered word.

    Attributes:
        image: uint8 (H, W, 3), RGB; or the bytes of its JPEG file.
        text: what it shows.
        boxes: the corners of each character's box, from the upper left clockwise as one reads it, float32 (N, 4, 2), x
            and y in the image's pixels, perhaps outside it. A box is as high as the ink, and as wide as the ink and
            the room that the character takes in its row.
    """

    image: Any
    text: str
    boxes: np.ndarray


class WordRenderer:
    """Image number `index` depends on the arguments and `index` only, so any number of processes share the work.

    Args:
        fonts: from `find_fonts`; None takes those of the configuration: the system's, by default.
        words: the lexicon; None takes that of the configuration: the system's word lists, by default.
        config: a YAML file or a mapping with what differs from `default.yaml`.
        settings: single values, as in `WordRenderer(seed=2, charset="0123456789", layout={"arc": {"p": 0.5}})`.

    Raises:
        FileNotFoundError: no usable font, or a file or folder of the configuration is not there.
        ValueError: no word fits the charset, or a value of the configuration is out of range.
    """

    def __init__(
        self,
        fonts: Sequence[Font] | None = None,
        words: Words | None = None,
        config: str | Path | Mapping[str, Any] | None = None,
        **settings: Any,
    ):
        self.values = load_config(config, **settings)
        self.config = as_section(self.values)
        if words is None and self.config.text.words is not None:
            words = load_words(self.config.text.words)
        charset = self.config.charset
        charset = typed_characters(charset) if isinstance(charset, str) else charset
        self.texts = self._texts(words, charset)
        if fonts is None:
            fonts = find_fonts(self.config.fonts.folders, self.texts.charset, self.config.fonts.coverage)
        self.fonts = FontChooser(fonts, self.config.fonts)
        if isinstance(self.texts, OnlyWords):
            self.texts.keep(self.fonts.can_write_as_it_is, "can be written by no font here")
        self._check_characters()
        if self.config.colour.photos.folder:
            photos(self.config.colour.photos.folder)

    def render(self, index: int) -> Word:
        """Image number `index`, in the default configuration 16 to 64 pixels high."""
        return self._render(index, self._dice(index))

    def render_jpeg(self, index: int) -> Word:
        """The same image as a JPEG file."""
        dice = self._dice(index)
        word = self._render(index, dice)
        return word._replace(image=jpeg(word.image, round(dice.within(self.config.camera.quality))))

    def render_jpegs(self, indices: Sequence[int]) -> list[Word]:
        """Several of them: a worker's task."""
        return [self.render_jpeg(index) for index in indices]

    def workers(self, processes: int | None = None) -> Workers:
        """Processes that have `render_jpegs`; None: one for each core, which OpenCV is then not to use all in each."""
        return Workers(self.render_jpegs, processes, functools.partial(cv2.setNumThreads, 1))

    def text(self, index: int) -> str:
        """The text of image number `index`, without the image."""
        return self._choose(index, self._dice(index))[0]

    def _dice(self, index: int) -> Dice:
        return Dice(f"{self.config.seed}/{index}")

    def _texts(self, words: Words | None, charset: Sequence[str] | None) -> TextSource | OnlyWords:
        if not self.config.text.only_words:
            return TextSource(self.config.text, words, charset)
        if words is None:
            raise ValueError("text.only_words needs words of yours; give a list (--only-words FILE).")
        return OnlyWords(words, charset, self.config.seed)

    def _choose(self, index: int, dice: Dice) -> tuple[str, Font]:
        """Sets the image's hardness and draws its text and a font that can write it."""
        dice.draw_hardness(self.config.difficulty)
        if isinstance(self.texts, OnlyWords):
            text = self.texts.text(index)
            return text, self.fonts.draw(dice, text, as_it_is=True)
        plain = dice.random() >= self.config.difficulty
        for _ in range(100):  # a text that no font can write is drawn again
            text = self.texts.draw(dice, plain)
            if font := self.fonts.draw(dice, text):
                # A font of capitals shows nothing else.
                seen = self.texts.upper(text, font.characters) if font.caps and self.texts.case_matters else text
                return seen, font
        raise ValueError(f"No font has the characters of texts like {text!r}; give fonts found for this charset.")

    def _render(self, index: int, dice: Dice) -> Word:
        config = self.config
        text, font = self._choose(index, dice)
        direction = dice.kind(config.layout.directions)
        stacked = direction == "stacked" and len(text) > 1 and not needs_shaping(text)
        ink, boxes = draw_text(text, font, dice, config.layout, stacked)
        seen = view(ink.shape[1], ink.shape[0], dice, config.view, stacked)
        layers, margin = self._layers(ink, font, seen, dice)
        alphas = seen.warp(layers, margin) * np.float32(1 / 255)
        board = self._board(ink, seen, dice) if dice.happens(config.colour.board) else None
        scene, tones = paint(alphas, seen.line, dice, config.colour, board)
        boxes = cv2.perspectiveTransform(boxes.reshape(1, -1, 2), seen.matrix).reshape(-1, 4, 2)
        photo = photograph(scene, alphas[:, :, :1], tones, seen.line, dice, config.camera)
        image, boxes = _turned(photo, boxes, _TURNS.get(direction, 0))
        return Word(image, text, boxes)

    def _layers(self, ink: np.ndarray, font: Font, seen: View, dice: Dice) -> tuple[np.ndarray, int]:
        """Stacks text, its rim or shadow, and neighbour words, uint8 (H, W, 1 or 3); and the margin around the text."""
        rim = dice.happens(self.config.layout.rim)
        neighbours = dice.happens(self.config.layout.neighbours)
        if not rim and not neighbours:
            return ink, 0
        height, width = ink.shape
        line = min(height, width)
        # The crop around a slanted word shows more of its neighbours.
        margin = round(max(line / 2, min(seen.overhang(width, height), line))) if neighbours else line // 4
        layers = np.zeros((height + 2 * margin, width + 2 * margin, 3), np.uint8)
        layers[margin : margin + height, margin : margin + width, 0] = ink
        if rim:
            layers[:, :, 1] = add_rim(layers[:, :, 0], line, dice, self.config.layout.rim)
        if neighbours:
            self._neighbours(layers[:, :, 2], font, margin, line, dice)
        return layers, margin

    def _board(self, ink: np.ndarray, seen: View, dice: Dice) -> np.ndarray | None:
        """Where the sign is in the crop, float32 (H, W, 1), 0..1; None: everywhere."""
        height, width = ink.shape
        line = min(height, width)
        left, top, right, bottom = (line * dice.within(self.config.colour.board.height) for _ in range(4))
        return seen.board(-left, -top, width + right, height + bottom)

    def _neighbours(self, layer: np.ndarray, font: Font, margin: int, line: int, dice: Dice) -> None:
        """Writes parts of other words above, below or beside the text, where a tight crop still catches them."""
        height, width = layer.shape[0] - 2 * margin, layer.shape[1] - 2 * margin
        for side in dice.sample(("above", "below", "left", "right"), dice.choice((1, 1, 2))):
            text = self.texts.draw(dice)
            if not font.characters.issuperset(text):
                continue
            hardness, dice.hardness = dice.hardness, 0.0
            ink, _ = draw_text(text, font, dice, self.config.layout)
            dice.hardness = hardness
            gap = round(line * dice.within(self.config.layout.neighbours.gap))
            if side in ("above", "below"):
                x = dice.randint(-ink.shape[1] // 2, max(1, layer.shape[1] - ink.shape[1] // 2))
                y = margin - gap - ink.shape[0] if side == "above" else margin + height + gap
            else:
                gap += line // 8
                x = margin - gap - ink.shape[1] if side == "left" else margin + width + gap
                y = margin + dice.randint(-line // 10, line // 10)
            paste(layer, ink, x, y)

    def _check_characters(self) -> None:
        if any(map(needs_shaping, self.texts.charset)) and not features.check("raqm"):
            raise ValueError("Joined letters and marks need a Pillow with Raqm, as its wheels are; this one has none.")
        lacking = sorted(self.texts.charset.difference(*(font.characters for font in self.fonts.fonts)) - {" "})
        if lacking:
            others = would_do("".join(lacking) if self.config.fonts.folders else "")
            logger.warning("No image will show %s, which no font here has; %s", listed(lacking), others)


def _turned(image: np.ndarray, boxes: np.ndarray, turns: int) -> tuple[np.ndarray, np.ndarray]:
    """Image and boxes after so many quarter turns against the clock."""
    for _ in range(turns):
        boxes = np.stack([boxes[..., 1], image.shape[1] - boxes[..., 0]], -1)
        image = np.rot90(image)
    return np.ascontiguousarray(image), boxes
