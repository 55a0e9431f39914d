"""Renders words as a camera would see them on signs, screens, shirts and paper."""

import random
from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from PIL.ImageFont import FreeTypeFont

from keras_textrec.synthesis import colour
from keras_textrec.synthesis.camera import jpeg, photograph
from keras_textrec.synthesis.fonts import Font, FontChooser, find_fonts
from keras_textrec.synthesis.geometry import view
from keras_textrec.synthesis.layout import draw_text
from keras_textrec.synthesis.words import TextSource

_EM = 48  # pixels an em at which glyphs are drawn, before the warp to their size in the crop


class WordRenderer:
    """Image number `index` depends on the arguments and `index` only, so any number of processes share the work.

    Args:
        fonts: from `find_fonts`; None takes the system's.
        words: the lexicon; None takes the system's word lists.
        charset: the characters a text may hold; None is the 94 printable ASCII characters.
        seed: another seed, other images.
        difficulty: 0 (clean, high contrast, two to six letters) .. 1 (all that photos do to words). Each image draws
            its own hardness up to it.

    Raises:
        FileNotFoundError: no usable font.
        ValueError: no word fits the charset, or `difficulty` is outside 0..1.
    """

    def __init__(
        self,
        fonts: Sequence[Font] | None = None,
        words: Sequence[str] | None = None,
        charset: Iterable[str] | None = None,
        seed: int = 0,
        difficulty: float = 1.0,
    ):
        if not 0 <= difficulty <= 1:
            raise ValueError(f"difficulty is {difficulty}; give a number from 0 (clean words) to 1 (as in photos).")
        self.texts = TextSource(words, charset)
        self.fonts = FontChooser(find_fonts(characters=self.texts.charset) if fonts is None else fonts)
        self.seed = seed
        self.difficulty = difficulty

    def render(self, index: int) -> tuple[np.ndarray, str]:
        """The image, uint8 (H, W, 3) RGB, 16 to 64 pixels high, and its text."""
        return self._render(random.Random(f"{self.seed}/{index}"))

    def render_jpeg(self, index: int) -> tuple[bytes, str]:
        """The same image as a JPEG file of quality 60 to 95, and its text."""
        rng = random.Random(f"{self.seed}/{index}")
        image, text = self._render(rng)
        return jpeg(image, rng.randint(60, 95)), text

    def _render(self, rng: random.Random) -> tuple[np.ndarray, str]:
        hardness = self.difficulty * rng.random() ** 0.7
        for _ in range(100):  # a text that no font can write is drawn again
            text = self.texts.draw(rng, plain=rng.random() >= self.difficulty)
            if font := self.fonts.draw(rng, text, hardness):
                break
        else:
            raise ValueError(f"No font has the characters of texts like {text!r}; give fonts found for this charset.")
        out_height = max(16, min(64, round(rng.lognormvariate(3.45, 0.3))))
        pillow_font = font.load(_EM)
        ink = draw_text(text, pillow_font, rng, hardness)
        if font.caps and self.texts.case_matters:
            text = self.texts.upper(text)  # what one sees
        height, width = ink.shape
        matrix, size = view(width, height, out_height, rng, hardness)
        layers, offset = self._layers(ink, pillow_font, rng, hardness)
        matrix = matrix @ np.array([[1, 0, -offset[0]], [0, 1, -offset[1]], [0, 0, 1]], np.float64)
        alphas = cv2.warpPerspective(layers, matrix, size, flags=cv2.INTER_LINEAR) * np.float32(1 / 255)
        return photograph(self._paint(alphas.reshape(size[1], size[0], -1), rng, hardness), rng, hardness), text

    def _layers(
        self, ink: np.ndarray, font: FreeTypeFont, rng: random.Random, hardness: float
    ) -> tuple[np.ndarray, tuple[int, int]]:
        """Stacks text, its rim or shadow, and neighbour words, uint8 (H, W, 1 or 3); and where the text begins."""
        rim = rng.random() < 0.25 * hardness
        clutter = rng.random() < 0.3 * hardness
        if not rim and not clutter:
            return ink, (0, 0)
        height, width = ink.shape
        margin = (height // 2, height // 2) if clutter else (height // 4, height // 4)
        layers = np.zeros((height + 2 * margin[1], width + 2 * margin[0], 3), np.uint8)
        layers[margin[1] : margin[1] + height, margin[0] : margin[0] + width, 0] = ink
        if rim:
            layers[:, :, 1] = _rim(layers[:, :, 0], height, rng)
        if clutter:
            self._neighbours(layers, font, margin, rng)
        return layers, margin

    def _neighbours(self, layers: np.ndarray, font: FreeTypeFont, margin: tuple[int, int], rng: random.Random) -> None:
        """Writes parts of other words above, below or beside the text, where a tight crop still catches them."""
        height, width = layers.shape[0] - 2 * margin[1], layers.shape[1] - 2 * margin[0]
        for side in rng.sample(("above", "below", "left", "right"), rng.choice((1, 1, 2))):
            text = self.texts.draw(rng)
            ink = draw_text(text, font, rng, 0.0)
            gap = round(height * rng.uniform(0.08, 0.3))
            if side in ("above", "below"):
                x = rng.randint(-ink.shape[1] // 2, max(1, layers.shape[1] - ink.shape[1] // 2))
                y = margin[1] - gap - ink.shape[0] if side == "above" else margin[1] + height + gap
            else:
                gap += height // 8
                x = margin[0] - gap - ink.shape[1] if side == "left" else margin[0] + width + gap
                y = margin[1] + rng.randint(-height // 10, height // 10)
            _paste(layers[:, :, 2], ink, x, y)

    def _paint(self, alphas: np.ndarray, rng: random.Random, hardness: float) -> np.ndarray:
        height, width = alphas.shape[:2]
        text, ground = colour.colour_pair(rng, hardness)
        step = colour.contrast(text, ground)
        scene = colour.surface(height, width, ground, rng, hardness, step)
        if rng.random() < 0.15 * hardness:
            colour.patches(scene, rng)
        if alphas.shape[2] == 3:
            if alphas[:, :, 2].any():
                near = text if rng.random() < 0.7 else colour.any_colour(rng)
                scene += alphas[:, :, 2:] * (near - scene)
            if alphas[:, :, 1].any():
                # A rim further from the text's brightness than the ground keeps the text legible.
                rim = _rim_colour(text, ground, rng)
                scene += (alphas[:, :, 1:2] * np.float32(rng.uniform(0.5, 1))) * (rim - scene)
        paint = (
            colour.surface(height, width, text, rng, 0.5 * hardness, step) if rng.random() < 0.4 * hardness else text
        )
        opacity = np.float32(1 if rng.random() > 0.2 * hardness else rng.uniform(0.75, 1))
        scene += (alphas[:, :, :1] * opacity) * (paint - scene)
        return scene


def _rim(ink: np.ndarray, height: int, rng: random.Random) -> np.ndarray:
    """An outline, a shadow or an extrusion of the ink, uint8, of the same size."""
    kind, reach = rng.random(), max(1, round(height * rng.uniform(0.02, 0.1)))
    if kind < 0.35:
        return cv2.dilate(ink, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)))
    dx, dy = rng.choice((-1, 0, 1, 1)) * reach, rng.choice((-1, 1, 1)) * reach
    if kind < 0.7:
        moved = cv2.warpAffine(ink, np.array([[1, 0, dx], [0, 1, dy]], np.float32), ink.shape[::-1])
        return cv2.GaussianBlur(moved, (0, 0), reach * rng.uniform(0.3, 1.2)) if rng.random() < 0.7 else moved
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.uint8)
    cv2.line(kernel, (reach, reach), (reach - dx, reach - dy), 1)
    return cv2.dilate(ink, kernel)


def _rim_colour(text: np.ndarray, ground: np.ndarray, rng: random.Random) -> np.ndarray:
    rim = colour.any_colour(rng)
    if abs(float(rim.mean() - text.mean())) < 50:
        rim = np.zeros(3, np.float32) if text.mean() > 110 else np.full(3, 255, np.float32)
    return rim if rng.random() < 0.7 else 0.5 * rim + 0.5 * ground


def _paste(canvas: np.ndarray, ink: np.ndarray, x: int, y: int) -> None:
    height, width = canvas.shape
    left, top = max(0, x), max(0, y)
    right, bottom = min(width, x + ink.shape[1]), min(height, y + ink.shape[0])
    if left < right and top < bottom:
        canvas[top:bottom, left:right] = ink[top - y : bottom - y, left - x : right - x]
