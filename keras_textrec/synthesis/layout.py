"""Places the glyphs of a text: a straight row, spaced or jittered letters, an arc."""

import math
import random

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont


def draw_text(text: str, font: ImageFont.FreeTypeFont, rng: random.Random, hardness: float = 1.0) -> np.ndarray:
    """The ink of `text`, uint8 (H, W), cropped to the ink; a font's size is its size in pixels an em."""
    size = font.size
    stroke = size * rng.uniform(0.01, 0.05) if rng.random() < 0.2 * hardness else 0
    kind = rng.random()
    if len(text) > 1 and kind < 0.35 * hardness:
        spacing = size * (rng.uniform(0, 0.12) if kind < 0.15 else rng.uniform(0, 0.5) ** 2 - 0.02)
        jitter = size * rng.uniform(0.02, 0.09) if kind < 0.07 * hardness else 0.0
        ink = _letters(text, font, stroke, spacing, jitter, rng)
    elif text.isupper() and text.isalpha() and len(text) > 2 and kind > 0.92 and rng.random() < hardness:
        ink = _small_capitals(text, font, stroke, rng)
    else:
        ink = _row(text, font, stroke)
    if rng.random() < 0.03 * hardness:
        ink = _underline(ink, rng)
    if len(text) > 2 and rng.random() < 0.14 * hardness:
        ink = bend(ink, rng.choice((-1, 1)) * math.radians(rng.uniform(15, 110 if rng.random() < 0.3 else 60)))
    return ink


def _row(text: str, font: ImageFont.FreeTypeFont, stroke: float) -> np.ndarray:
    left, top, right, bottom = font.getbbox(text, anchor="ls", stroke_width=stroke)
    width, height = math.ceil(right - left) + 4, math.ceil(bottom - top) + 4
    image = Image.new("L", (width, height))
    ImageDraw.Draw(image).text((2 - left, 2 - top), text, font=font, fill=255, anchor="ls", stroke_width=stroke)
    return _crop(np.asarray(image))


def _letters(
    text: str, font: ImageFont.FreeTypeFont, stroke: float, spacing: float, jitter: float, rng: random.Random
) -> np.ndarray:
    """Letter by letter, `spacing` pixels wider, each moved by about `jitter` pixels."""
    size = int(font.size)
    advances = [font.getlength(char) + spacing for char in text]
    margin = 2 * size
    image = Image.new("L", (math.ceil(sum(map(abs, advances))) + 2 * margin, 2 * margin))
    draw, x = ImageDraw.Draw(image), float(margin)
    for char, advance in zip(text, advances, strict=True):
        where = (x + rng.gauss(0, jitter / 2), margin + rng.gauss(0, jitter))
        draw.text(where, char, font=font, fill=255, anchor="ls", stroke_width=stroke)
        x += advance
    return _crop(np.asarray(image))


def _small_capitals(text: str, font: ImageFont.FreeTypeFont, stroke: float, rng: random.Random) -> np.ndarray:
    """A large initial before smaller capitals, as shop signs have it."""
    first, rest = _row(text[0], font, stroke), _row(text[1:], font, stroke)
    ratio = rng.uniform(0.68, 0.88)
    rest = cv2.resize(rest, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA)
    height = max(len(first), len(rest))
    gap = round(font.size * rng.uniform(0.03, 0.12))
    row = np.zeros((height, first.shape[1] + gap + rest.shape[1]), np.uint8)
    row[height - len(first) :, : first.shape[1]] = first
    row[height - len(rest) :, first.shape[1] + gap :] = rest
    return row


def _underline(ink: np.ndarray, rng: random.Random) -> np.ndarray:
    height, width = ink.shape
    thick = max(1, round(height * rng.uniform(0.04, 0.1)))
    lined = np.zeros((height + rng.randint(1, 4) + thick, width), np.uint8)
    lined[:height] = ink
    lined[-thick:] = 255
    return lined


def bend(ink: np.ndarray, angle: float) -> np.ndarray:
    """`ink` along a circle's arc of `angle` radians (less for short words); positive bends the middle up."""
    height, width = ink.shape
    angle = math.copysign(min(abs(angle), 0.45 * width / height), angle)
    radius = width / abs(angle)  # of the row's middle line
    half = abs(angle) / 2
    outer, inner = radius + height / 2, radius - height / 2
    out_width = math.ceil(2 * outer * math.sin(min(half, math.pi / 2))) + 2
    out_height = math.ceil(outer - inner * math.cos(half)) + 2
    x = np.arange(out_width, dtype=np.float32)[None] - out_width / 2
    y = outer + 1 - np.arange(out_height, dtype=np.float32)[:, None]
    from_centre = np.sqrt(x * x + y * y)
    along = np.arctan2(x, y) * radius + width / 2
    bent = cv2.remap(
        ink if angle > 0 else ink[::-1],
        along,
        outer - from_centre,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    return _crop(bent if angle > 0 else bent[::-1])


def _crop(ink: np.ndarray) -> np.ndarray:
    x, y, width, height = cv2.boundingRect(ink)
    return np.ascontiguousarray(ink[y : y + height, x : x + width]) if width else ink[:1, :1]
