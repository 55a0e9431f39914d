"""Sets a text: letters in a row or below each other, spaced, out of line; along an arc or a wave; out of shape."""

import math
import unicodedata
from types import SimpleNamespace

import cv2
import numpy as np
from PIL import Image, ImageDraw

from keras_textrec.synthesis.dice import Dice
from keras_textrec.synthesis.font import Font
from keras_textrec.text.direction import has_right_to_left, to_visual

# The ink of a text, uint8 (H, W), cropped to it; and the four corners of each character's box, from the upper left
# clockwise as one reads it, float32 (N, 4, 2), x and y in the ink's pixels. A box is as high as the character's ink,
# and as wide as it and the room that it takes in a row.
Ink = tuple[np.ndarray, np.ndarray]


def needs_shaping(text: str) -> bool:
    """Whether letters join, change their order or carry marks, as in Arabic, Hebrew and the scripts of India."""
    return has_right_to_left(text) or any(unicodedata.category(char)[0] == "M" for char in text)


def draw_text(text: str, font: Font, dice: Dice, config: SimpleNamespace, stacked: bool = False) -> Ink:
    """The text in the font, with the effects of `config`, the section `layout` of the configuration.

    Args:
        stacked: letter below letter, for letters that need no shaping.
    """
    em = config.em
    joined = needs_shaping(text)
    # The order of labels (`keras_textrec.text.direction`); by itself the library would go by the first letter.
    direction = "rtl" if has_right_to_left(text) else None
    pieces = [text] if joined else list(text)
    sizes = [em] * len(pieces)
    if len(pieces) > 2 and text.isupper() and text.isalpha() and dice.happens(config.small_capitals):
        sizes[1:] = [round(em * dice.within(config.small_capitals.size))] * (len(pieces) - 1)
    spacing = em * dice.within(config.spacing.em) if dice.happens(config.spacing) else 0.0
    jitter = em * dice.within(config.jitter.em) if dice.happens(config.jitter) else 0.0
    faces = [font.load(size, joined) for size in sizes]
    ink, boxes = _set(pieces, faces, spacing, jitter, dice, stacked, direction)
    if joined:
        boxes = _parts(text, faces[0], boxes[0], direction)
    if dice.happens(config.bold):
        reach = max(1, round(em * dice.within(config.bold.em)))
        ink = cv2.dilate(ink, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)))
        boxes = boxes + np.float32([-reach, -reach, reach, reach])
    if not stacked and dice.happens(config.underline):
        _underline(ink, boxes, dice.within(config.underline.height), dice.uniform(0.02, 0.12))
    return _crop(*_warp(ink, boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]], len(text), dice, config))


def _set(
    pieces, faces, spacing: float, jitter: float, dice: Dice, stacked: bool, direction: str | None
) -> tuple[np.ndarray, np.ndarray]:
    """Draws piece by piece: the canvas, uint8 (H, W), and their boxes in it (left, top, right, bottom), (N, 4)."""
    pens, boxes = [], []
    x = y = 0.0
    for n, (piece, face) in enumerate(zip(pieces, faces)):
        # With the next letter, the advance has the kerning.
        following = pieces[n + 1] if n + 1 < len(pieces) and faces[n + 1] is face and not stacked else ""
        advance = face.getlength(piece + following, direction=direction)
        advance -= face.getlength(following) if following else 0
        left, top, right, bottom = face.getbbox(piece, anchor="ls", direction=direction)
        pen = (-advance / 2 if stacked else x, y)
        if jitter:
            pen = (pen[0] + dice.gauss(0, jitter / 2), pen[1] + dice.gauss(0, jitter))
        pens.append(pen)
        boxes.append((pen[0] + left, pen[1] + top, pen[0] + right, pen[1] + bottom))
        if stacked:
            y += face.size * (0.6 if piece == " " else 1.05) + spacing
        else:
            x += advance + spacing
    boxes = np.array(boxes)
    if not stacked and " " in pieces:  # a space is as high as the line
        boxes[[piece == " " for piece in pieces], 1::2] = boxes[:, 1].min(), boxes[:, 3].max()
    margin = faces[0].size // 4
    left, top = math.floor(boxes[:, 0].min()) - margin, math.floor(boxes[:, 1].min()) - margin
    right, bottom = math.ceil(boxes[:, 2].max()) + margin, math.ceil(boxes[:, 3].max()) + margin
    canvas = Image.new("L", (right - left, bottom - top))
    draw = ImageDraw.Draw(canvas)
    for piece, face, pen in zip(pieces, faces, pens):
        draw.text((pen[0] - left, pen[1] - top), piece, font=face, fill=255, anchor="ls", direction=direction)
    return np.array(canvas), (boxes - [left, top, left, top]).astype(np.float32)


def _parts(text: str, face, box: np.ndarray, direction: str | None) -> np.ndarray:
    """The box of a shaped text shared out among its characters, by the lengths of its beginnings."""
    ends = [face.getlength(text[:n], direction=direction) for n in range(len(text) + 1)]
    order = [place for place, _ in to_visual(text)]
    widths = np.diff(np.maximum.accumulate(ends))[order]
    ends = box[0] + np.cumsum([0, *widths]) * (box[2] - box[0]) / max(widths.sum(), 1)
    parts = np.tile(box, (len(text), 1))
    parts[order, 0], parts[order, 2] = ends[:-1], ends[1:]
    return parts


def _underline(ink: np.ndarray, boxes: np.ndarray, thick: float, gap: float) -> None:
    """Draws a line below the letters, in place."""
    height = boxes[:, 3].max() - boxes[:, 1].min()
    top = min(len(ink) - 2, round(float(np.median(boxes[:, 3]) + gap * height)))
    ink[top : top + max(1, round(float(thick * height))), int(boxes[:, 0].min()) : int(boxes[:, 2].max())] = 255


def _warp(ink: np.ndarray, quads: np.ndarray, length: int, dice: Dice, config: SimpleNamespace) -> Ink:
    """One warp for the arc, the wave and the letters' own shapes."""
    height, width = ink.shape
    angle = rise = period = bump = 0.0
    if length > 2 and dice.happens(config.arc):
        # Short words bend less.
        angle = dice.sign() * min(math.radians(dice.within(config.arc.degrees)), 0.45 * width / height)
    if length > 2 and dice.happens(config.wave):
        rise, period = config.em * dice.within(config.wave.em), config.em * dice.within(config.wave.length)
    if dice.happens(config.elastic):
        bump, cell = config.em * dice.within(config.elastic.em), config.em * dice.within(config.elastic.cell)
    if not angle and not rise and not bump:
        return ink, quads
    radius, middle, phase = width / angle if angle else 0.0, height / 2, dice.uniform(0, 2 * math.pi)

    def forward(points: np.ndarray) -> np.ndarray:
        x, y = points[..., 0], points[..., 1]
        if rise:
            y = y + rise * np.sin(2 * math.pi / period * x + phase)
        if angle:
            turn, reach = (x - width / 2) / radius, radius + middle - y
            x, y = reach * np.sin(turn), middle + radius - reach * np.cos(turn)
        return np.stack([x, y], -1)

    along = np.linspace(0, width, 33)
    border = forward(np.stack([np.tile(along, 2), np.repeat([0, height], 33)], -1))
    origin = np.floor(border.min(0) - 2 * bump)
    wide, high = (int(size) for size in np.ceil(border.max(0) + 2 * bump - origin))
    x = np.arange(wide, dtype=np.float32)[None] + np.float32(origin[0])
    y = np.arange(high, dtype=np.float32)[:, None] + np.float32(origin[1])
    if angle:
        side = math.copysign(1, radius)
        u, v = x, np.float32(middle + radius) - y
        y = np.float32(middle + radius) - side * np.sqrt(u * u + v * v)
        x = np.arctan2(side * u, side * v) * np.float32(radius) + np.float32(width / 2)
    x, y = np.broadcast_to(x, (high, wide)), np.broadcast_to(y, (high, wide))
    if rise:
        y = y - np.float32(rise) * np.sin(np.float32(2 * math.pi / period) * x + np.float32(phase))
    corners = forward(quads) - origin
    if bump:
        coarse = (max(2, round(wide / cell)), max(2, round(high / cell)))
        noise = np.random.default_rng(dice.getrandbits(64)).standard_normal((coarse[1], coarse[0], 2), np.float32)
        field = cv2.resize(np.float32(bump) * noise, (wide, high), interpolation=cv2.INTER_CUBIC)
        x, y = x + field[:, :, 0], y + field[:, :, 1]
        places = np.clip(corners, 0, (wide - 1, high - 1)).astype(int)
        corners = corners - field[places[..., 1], places[..., 0]]
    return cv2.remap(ink, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR), corners.astype(np.float32)


def _crop(ink: np.ndarray, quads: np.ndarray) -> Ink:
    x, y, width, height = cv2.boundingRect(ink)
    if not width:
        return ink[:1, :1], quads
    return np.ascontiguousarray(ink[y : y + height, x : x + width]), quads - np.float32([x, y])
