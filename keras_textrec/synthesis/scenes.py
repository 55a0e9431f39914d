"""Renders scenes: words in lines and groups on walls, signs and sheets, among things that are no text."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from keras_textrec.data.regions import TextRegion
from keras_textrec.data.sources import check_index
from keras_textrec.synthesis import colour
from keras_textrec.synthesis.camera import jpeg, photograph
from keras_textrec.synthesis.clutter import clutter
from keras_textrec.synthesis.dice import Dice
from keras_textrec.synthesis.layout import draw_text
from keras_textrec.synthesis.only_words import OnlyWords
from keras_textrec.synthesis.render import WordRenderer

_TRIES = 20  # to find room for a group, or a colour that can be seen
_ROOM = 0.35  # around a word's ink, as those who label leave it, and between groups; in heights of a line
_RIM = 0.08


class Scene(NamedTuple):
    """A rendered scene: `image` uint8 (H, W, 3) RGB, and its words."""

    image: np.ndarray
    regions: list[TextRegion]


class _Group(NamedTuple):
    """Lines of words, flat: their ink, uint8 (H, W), and each word's corners in it, float32 (4, 2), with its text."""

    ink: np.ndarray
    words: list[tuple[np.ndarray, str]]


class SceneRenderer:
    """Scene number `index` depends on the arguments and `index` only. Texts, fonts, colours and the camera are those of
    rendered words (`WordRenderer`, of the same arguments); the section `scene` of the configuration has the rest.
    """

    def __init__(self, config: str | Path | Mapping[str, Any] | None = None, **arguments: Any):
        self.words = WordRenderer(config=config, **arguments)
        self.config = self.words.config

    def render(self, index: int) -> Scene:
        """Scene number `index`."""
        return self._render(self._dice(index))

    def render_jpeg(self, index: int) -> tuple[bytes, list[TextRegion]]:
        """The same as a JPEG file, and its words."""
        dice = self._dice(index)
        scene = self._render(dice)
        return jpeg(scene.image, round(dice.within(self.config.camera.quality))), scene.regions

    def _dice(self, index: int) -> Dice:
        dice = Dice(f"scene {self.config.seed}/{index}")
        dice.draw_hardness(self.config.difficulty)
        return dice

    def _render(self, dice: Dice) -> Scene:
        config = self.config.scene
        height, width = config.height, config.width
        plane = colour.surface(height, width, colour.colour(dice, self.config.colour), dice, self.config.colour)
        clutter(plane, round(dice.within(config.things)), dice, self.config.colour)
        taken, regions, lines = np.zeros((height, width), np.uint8), [], []
        for _ in range(round(dice.within(config.groups))):
            size = math.exp(dice.uniform(*map(math.log, config.size)))
            group = self._group(size, dice)
            if group is None:
                continue
            matrix = self._place(group.ink.shape[::-1], size, taken, dice)
            if matrix is None:
                continue
            self._paint(plane, group, matrix, size, dice)
            lines.append(size)
            for corners, text in group.words:
                regions.append(TextRegion(cv2.perspectiveTransform(corners[None], matrix)[0], text))
        line = float(np.median(lines)) if lines else 32.0
        ink = np.full((height, width, 1), 1, np.float32)
        photo = photograph(plane, ink, (0.0, self.config.colour.contrast[0]), line, dice, self.config.camera)
        return Scene(photo, regions)

    def _group(self, size: float, dice: Dice) -> _Group | None:
        """Draws lines of words in one font, whose letters are `size` pixels an em."""
        config, layout = self.config.scene, self.config.layout
        texts = [self._texts(round(dice.within(config.words)), dice) for _ in range(round(dice.within(config.lines)))]
        font = self.words.fonts.draw(dice, "".join("".join(words) for words in texts))
        if font is None:
            return None
        gap, centred = dice.uniform(0.2, 0.9) * size, dice.random() < 0.4
        rows = []
        for words in texts:
            ink, boxes = draw_text(" ".join(words), font, dice, layout)
            scale = size / layout.em
            small = (max(1, round(ink.shape[1] * scale)), max(1, round(ink.shape[0] * scale)))
            boxes = boxes * (np.array(small) / ink.shape[1::-1])
            rows.append((cv2.resize(ink, small, interpolation=cv2.INTER_AREA), boxes, words))
        room = math.ceil(_ROOM * size)
        width = max(ink.shape[1] for ink, _, _ in rows) + 2 * room
        height = round(sum(ink.shape[0] for ink, _, _ in rows) + gap * (len(rows) - 1)) + 2 * room
        canvas, found, top = np.zeros((height + 1, width), np.uint8), [], float(room)
        for ink, boxes, words in rows:
            left = (width - ink.shape[1]) // 2 if centred else room
            y = round(top)
            canvas[y : y + ink.shape[0], left : left + ink.shape[1]] = ink
            found += [(corners + np.float32([left, y]), word) for corners, word in _words_of(boxes, words, _RIM * size)]
            top += ink.shape[0] + gap
        return _Group(canvas, found)

    def _texts(self, count: int, dice: Dice) -> list[str]:
        """So many words; a text of several words is as many."""
        texts = self.words.texts
        draw = texts.draw if isinstance(texts, OnlyWords) else lambda dice: texts.draw(dice, dice.random() < 0.7)
        return " ".join(draw(dice) for _ in range(count)).split() or ["-"]  # an empty line cannot be drawn

    def _place(self, size: tuple[int, int], line: float, taken: np.ndarray, dice: Dice) -> np.ndarray | None:
        """A homography (3, 3) that puts a group of `size` (width, height) where nothing is; marks it as `taken`."""
        config = self.config.scene
        corners = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float32)
        room = np.array(taken.shape[::-1])
        for _ in range(_TRIES):
            turn = dice.gauss(0, 3 * dice.hardness)
            if dice.happens(config.turn):
                turn = dice.within(config.turn.degrees)
            if dice.random() < config.quarter:
                turn += dice.choice((-90, 90))
            cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
            seen = (corners - np.float32(size) / 2) @ np.array([[cos, sin], [-sin, cos]], np.float32)
            if dice.happens(config.perspective):
                reach = config.perspective.share * line
                seen = seen + np.float32([[dice.uniform(-reach, reach) for _ in range(2)] for _ in range(4)])
            least = -seen.min(0)
            most = room - seen.max(0)
            if (least > most).any():
                continue
            seen = (seen + [dice.uniform(*pair) for pair in zip(least, most)]).astype(np.float32)
            mark = np.zeros_like(taken)
            cv2.fillConvexPoly(mark, seen.astype(np.int32), 1)
            if not (mark & taken).any():
                taken |= mark
                return cv2.getPerspectiveTransform(corners, seen)
        return None

    def _paint(self, plane: np.ndarray, group: _Group, matrix: np.ndarray, size: float, dice: Dice) -> None:
        """Paints a group into a scene, in place: on a sign of its own, or on what is there."""
        config = self.config.colour
        corners = np.float32([[[0, 0], [0, 1], [1, 0], [1, 1]]]) * np.float32(group.ink.shape[::-1])
        x, y, width, height = cv2.boundingRect(cv2.perspectiveTransform(corners, matrix))
        plane = plane[max(0, y) : y + height, max(0, x) : x + width]
        matrix = np.array([[1, 0, -max(0, x)], [0, 1, -max(0, y)], [0, 0, 1]]) @ matrix
        layers = np.dstack([group.ink, np.full_like(group.ink, 255)])
        layers = cv2.warpPerspective(layers, matrix, plane.shape[1::-1], flags=cv2.INTER_LINEAR) * np.float32(1 / 255)
        alpha, area = layers[:, :, :1], layers[:, :, 1:]
        text, ground = colour.colour_pair(dice, config)
        if dice.random() < self.config.scene.signs:
            sign = colour.surface(*plane.shape[:2], ground, dice, config, colour.contrast(text, ground))
            plane += area * np.float32(dice.uniform(0.8, 1)) * (sign - plane)
        else:
            text = self._seen_on(plane[area[:, :, 0] > 0.5], text, dice)
        if dice.happens(config.opacity):
            alpha = alpha * np.float32(dice.within(config.opacity.alpha))
        plane += alpha * (text - plane)

    def _seen_on(self, pixels: np.ndarray, text: colour.Colour, dice: Dice) -> colour.Colour:
        """A colour, `text` at best, that stands out from pixels, float32 (N, 3)."""
        light = pixels @ colour.LUMA
        least = max(self.config.colour.contrast[0], 2 * float(light.std()))
        for _ in range(_TRIES):
            if abs(float(text @ colour.LUMA) - float(light.mean())) >= least:
                return text
            text = colour.colour(dice, self.config.colour)
        return np.full(3, 0.0 if light.mean() > 127 else 255.0, np.float32)


def _words_of(boxes: np.ndarray, words: list[str], rim: float) -> list[tuple[np.ndarray, str]]:
    """The smallest rectangles around the words of a line, float32 (4, 2), of its characters' boxes (N, 4, 2)."""
    found, start = [], 0
    for word in words:
        quads = boxes[start : start + len(word)]
        start += len(word) + 1  # and the space
        across = (quads[:, 1] - quads[:, 0]).sum(0)
        angle = math.atan2(across[1], across[0])
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        points = quads.reshape(-1, 2) @ turn  # the word lies level
        (left, top), (right, bottom) = points.min(0) - rim, points.max(0) + rim
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]]) @ turn.T
        found.append((corners.astype(np.float32), word))
    return found


class SceneSource:
    """The scenes of a configuration, each rendered when it is read. Arguments: as `SceneRenderer` has them."""

    def __init__(self, config: str | Path | Mapping[str, Any] | None = None, **arguments: Any):
        self.path = str(config) if isinstance(config, str | Path) else "rendered scenes"
        self.renderer = SceneRenderer(config, **arguments)

    def __repr__(self) -> str:
        return f"SceneSource({len(self):,} scenes, {self.path})"

    def __len__(self) -> int:
        return self.renderer.config.count

    def __getitem__(self, index: int) -> tuple[bytes, list[TextRegion]]:
        return self.renderer.render_jpeg(check_index(index, len(self)))

    def text(self, index: int) -> str:
        """What tells the scene from those of other seeds; its words are only known once it is rendered."""
        return f"scene {self.renderer.config.seed}/{index}"

    def key(self, index: int) -> str:
        return f"{self.path}: scene {check_index(index, len(self))}"
