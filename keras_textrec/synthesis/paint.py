"""Paints a text on its ground: borders, shadows, relief, neighbours, textures, blending."""

import math
from types import SimpleNamespace

import cv2
import numpy as np

from keras_textrec.synthesis import colour
from keras_textrec.synthesis.dice import Dice

# How the paint mixes with the ground, both 0..1.
BLENDS = {
    "multiply": lambda ground, paint: ground * paint,
    "screen": lambda ground, paint: ground + paint - ground * paint,
    "overlay": lambda ground, paint: _hard_light(paint, ground),
    "hard_light": lambda ground, paint: _hard_light(ground, paint),
    "soft_light": lambda ground, paint: ground * (ground + 2 * paint * (1 - ground)),
    "darken": np.minimum,
    "lighten": np.maximum,
    "difference": lambda ground, paint: np.abs(ground - paint),
}


def paint(
    alphas: np.ndarray, line: float, dice: Dice, config: SimpleNamespace, board: np.ndarray | None = None
) -> tuple[np.ndarray, tuple[float, float]]:
    """Paints the scene.

    Args:
        alphas: float32 (H, W, 1 or 3), 0..1: the text; its rim; other words.
        line: about how high the line of text is, pixels.
        board: where the sign is, float32 (H, W, 1), 0..1; None: everywhere.
        config: the section `colour` of the configuration.

    Returns:
        The scene, float32 (H, W, 3), 0..255; and about the luminance of the text and of its ground.
    """
    height, width = alphas.shape[:2]
    text, ground = colour.colour_pair(dice, config)
    step = colour.contrast(text, ground)
    scene = colour.surface(height, width, ground, dice, config, step)
    if dice.happens(config.things):
        colour.things(scene, dice, config)
    if board is not None:
        beyond = colour.surface(height, width, colour.colour(dice, config), dice, config)
        scene = beyond + board * (scene - beyond)
    if alphas.shape[2] == 3:
        if alphas[:, :, 2].any():
            near = text if dice.random() < 0.7 else colour.colour(dice, config)
            near_by = alphas[:, :, 2:] if board is None else alphas[:, :, 2:] * board
            scene += near_by * (near - scene)
        if alphas[:, :, 1].any():
            rim = _rim_colour(text, ground, dice, config)
            scene += (alphas[:, :, 1:2] * np.float32(dice.uniform(0.5, 1))) * (rim - scene)
    alpha = alphas[:, :, :1]
    tone = colour.surface(height, width, text, dice, config, step) if dice.happens(config.textured_text) else text
    if dice.happens(config.blend):
        tone = _blended(BLENDS[dice.kind(config.blend.kinds)], scene, tone, alpha, config.low.step[0])
    if dice.happens(config.opacity):
        alpha = alpha * np.float32(dice.within(config.opacity.alpha))
    if dice.happens(config.relief):
        tone = _relief(scene, alphas[:, :, :1], alpha, tone, line, dice, config.relief)
    else:
        scene += alpha * (tone - scene)
    if dice.happens(config.occlusion):
        _occlude(scene, ground, line, dice, config)
    if dice.happens(config.grey):
        scene[:] = (scene @ colour.LUMA)[:, :, None]
    return scene, (float(np.mean(tone @ colour.LUMA)), float(ground @ colour.LUMA))


def _relief(
    scene: np.ndarray,
    text: np.ndarray,
    alpha: np.ndarray,
    tone: np.ndarray,
    line: float,
    dice: Dice,
    config: SimpleNamespace,
) -> np.ndarray:
    """Paints letters that stand out of the sign, or are cut into it, in place: their edges are lit from one side.

    Args:
        text, alpha: where letters are, and how much their paint covers there, float32 (H, W, 1), 0..1.
        tone: the paint's.
        config: the section `colour.relief`.

    Returns:
        The tone that tells the text from its ground.
    """
    kind, strength = dice.kind(config.kinds), np.float32(dice.within(config.strength))
    body = cv2.GaussianBlur(text, (0, 0), max(0.6, line * dice.within(config.height)))
    if kind == "painted":
        scene += alpha * (tone - scene)
    elif kind == "outlined":  # tubes, or faces in the colour of the wall
        scene += (4 * body * (1 - body))[:, :, None] * (tone - scene)
    angle = dice.uniform(0, 2 * math.pi)  # of the light; below, for letters that are cut in
    slope = math.cos(angle) * cv2.Sobel(body, -1, 1, 0) + math.sin(angle) * cv2.Sobel(body, -1, 0, 1)
    steepest = float(np.abs(slope).max())
    if steepest:
        scene += (strength / steepest * slope)[:, :, None]
    return scene + strength if kind == "bare" else tone


def _occlude(scene: np.ndarray, ground: np.ndarray, line: float, dice: Dice, config: SimpleNamespace) -> None:
    """Covers a part of the word, in place: what is left of it tells the rest."""
    height, width = scene.shape[:2]
    kind = dice.kind(config.occlusion.kinds)
    if kind == "bar":
        top, thick = dice.uniform(0.1, 0.8), dice.within(config.occlusion.height)
        colour.bar(scene, top, top + thick, dice, tuple(map(float, colour.colour(dice, config))))
    elif width > 2 * line:  # of shorter words too little would be left
        reach, slope = line * dice.within(config.occlusion.width) / 2, dice.uniform(-0.2, 0.2)
        x = np.arange(width, dtype=np.float32) - np.float32(width * dice.uniform(0.1, 0.9))
        y = np.arange(height, dtype=np.float32)[:, None] - np.float32(height / 2)
        soft = 1.0 if kind == "pole" else 0.15 * line  # how wide its edges are
        cover = np.clip((np.float32(reach) - np.abs(x + np.float32(slope) * y)) / np.float32(soft) + 0.5, 0, 1)
        if kind == "pole":
            tone = colour.surface(height, width, colour.colour(dice, config), dice, config)
        else:  # worn off
            tone, cover = ground, cover * np.float32(dice.uniform(0.6, 1))
        scene += cover[:, :, None] * (tone - scene)


def _blended(blend, scene: np.ndarray, tone: np.ndarray, alpha: np.ndarray, least: float) -> np.ndarray:
    """`tone` blended with the scene; as it is, where the text would not be seen."""
    mixed = 255 * blend(np.clip(scene, 0, 255) / 255, np.clip(tone, 0, 255) / 255)
    weight = alpha[:, :, 0]
    seen = np.abs((mixed - scene) @ colour.LUMA)
    return mixed if float((weight * seen).sum()) >= least * float(weight.sum()) else tone


def _hard_light(ground: np.ndarray, paint: np.ndarray) -> np.ndarray:
    return np.where(paint < 0.5, 2 * ground * paint, 1 - 2 * (1 - ground) * (1 - paint))


def add_rim(ink: np.ndarray, height: int, dice: Dice, config: SimpleNamespace) -> np.ndarray:
    """An outline, a shadow or an extrusion of the ink, uint8, of the same size; `config` is `layout.rim`."""
    kind, reach = dice.kind(config.kinds), max(1, round(height * dice.within(config.height)))
    if kind == "border":
        return cv2.dilate(ink, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)))
    dx, dy = dice.choice((-1, 0, 1, 1)) * reach, dice.choice((-1, 1, 1)) * reach
    if kind == "shadow":
        moved = cv2.warpAffine(ink, np.array([[1, 0, dx], [0, 1, dy]], np.float32), ink.shape[::-1])
        return cv2.GaussianBlur(moved, (0, 0), reach * dice.uniform(0.3, 1.2)) if dice.random() < 0.7 else moved
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.uint8)
    cv2.line(kernel, (reach, reach), (reach - dx, reach - dy), 1)
    return cv2.dilate(ink, kernel)


def _rim_colour(text: np.ndarray, ground: np.ndarray, dice: Dice, config: SimpleNamespace) -> np.ndarray:
    """One that keeps the text legible; or the text's own, for the sides of letters that stand out: in the shade, or
    in the light where the text is dark."""
    if dice.happens(config.sides):
        shade = np.float32(dice.within(config.sides.light))
        return text * shade if text @ colour.LUMA > 60 else text + (255 - text) * (1 - shade)
    rim = colour.colour(dice, config)
    if abs(float(rim.mean() - text.mean())) < 50:
        rim = np.zeros(3, np.float32) if text.mean() > 110 else np.full(3, 255, np.float32)
    return rim if dice.random() < 0.7 else 0.5 * rim + 0.5 * ground


def paste(canvas: np.ndarray, ink: np.ndarray, x: int, y: int) -> None:
    """Writes `ink` into `canvas` with its upper left corner at (x, y), as far as it lies inside."""
    height, width = canvas.shape
    left, top = max(0, x), max(0, y)
    right, bottom = min(width, x + ink.shape[1]), min(height, y + ink.shape[0])
    if left < right and top < bottom:
        canvas[top:bottom, left:right] = ink[top - y : bottom - y, left - x : right - x]
