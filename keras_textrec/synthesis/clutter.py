"""Things that are no text: panels, poles, rows of bars, shapes and scribbles."""

import math
from types import SimpleNamespace

import cv2
import numpy as np

from keras_textrec.synthesis import colour
from keras_textrec.synthesis.dice import Dice


def clutter(plane: np.ndarray, count: int, dice: Dice, config: SimpleNamespace) -> None:
    """Paints `count` things into a scene, float32 (H, W, 3), in place; `config` is the section `colour`."""
    for _ in range(count):
        kind = dice.choice((_panel, _panel, _line, _shape, _bars, _scribble))
        tone = colour.colour(dice, config)
        reach = max(6.0, min(plane.shape[:2]) * dice.uniform(0.03, 1) ** 2)
        centre = np.array([dice.uniform(0, side) for side in plane.shape[1::-1]])
        kind(plane, centre, reach, tone, dice, config)


def _panel(plane, centre, reach, tone, dice, config) -> None:
    """A rectangle, perhaps turned: a door, a sign without words, a window."""
    sides = np.array([reach, reach * dice.uniform(0.2, 1)])
    corners = cv2.boxPoints((centre.tolist(), sides.tolist(), dice.choice((0.0, 0.0, dice.uniform(0, 90)))))
    left, top = np.maximum(corners.min(0), 0).astype(int)
    right, bottom = np.minimum(np.ceil(corners.max(0)).astype(int) + 1, plane.shape[1::-1])
    part = plane[top:bottom, left:right]
    area = np.zeros(part.shape[:2], np.float32)
    cv2.fillConvexPoly(area, (corners - [left, top]).astype(np.int32), 1.0, cv2.LINE_AA)
    area *= np.float32(dice.uniform(0.5, 1))
    part += area[:, :, None] * (colour.surface(*part.shape[:2], tone, dice, config) - part)
    if dice.random() < 0.4:
        frame = tuple(map(float, colour.colour(dice, config)))
        cv2.polylines(plane, [corners.astype(np.int32)], True, frame, dice.randint(1, 4), cv2.LINE_AA)


def _line(plane, centre, reach, tone, dice, config) -> None:
    angle, length = dice.uniform(0, math.pi), 2 * reach + 20
    step = length * np.array([math.cos(angle), math.sin(angle)])
    ends = (tuple(map(int, centre + sign * step)) for sign in (-1, 1))
    cv2.line(plane, *ends, tuple(map(float, tone)), dice.randint(1, 6), cv2.LINE_AA)


def _shape(plane, centre, reach, tone, dice, config) -> None:
    """A disc, a ring or a polygon: a wheel, an arrow, a leaf."""
    tone, thickness = tuple(map(float, tone)), dice.choice((-1, -1, dice.randint(1, 5)))
    reach = reach / 2
    if dice.random() < 0.5:
        axes = (int(reach) + 1, int(reach * dice.uniform(0.3, 1)) + 1)
        turn = dice.uniform(0, 180)
        cv2.ellipse(plane, tuple(map(int, centre)), axes, turn, 0, 360, tone, thickness, cv2.LINE_AA)
        return
    angles = sorted(dice.uniform(0, 2 * math.pi) for _ in range(dice.randint(3, 8)))
    points = [centre + reach * dice.uniform(0.4, 1) * np.array([math.cos(a), math.sin(a)]) for a in angles]
    points = np.array(points, np.int32)
    if thickness < 0:
        cv2.fillPoly(plane, [points], tone, cv2.LINE_AA)
    else:
        cv2.polylines(plane, [points], True, tone, thickness, cv2.LINE_AA)


def _bars(plane, centre, reach, tone, dice, config) -> None:
    """A row of bars, as of fences, grilles, radiators and bar codes."""
    tone, bars = tuple(map(float, tone)), dice.randint(3, 14)
    width, height = reach / bars, reach * dice.uniform(0.2, 1.2)
    turn = math.radians(dice.choice((0, 0, 90, dice.uniform(0, 180))))
    across = np.array([math.cos(turn), math.sin(turn)])
    down = np.array([-across[1], across[0]]) * height / 2
    for number in range(bars):
        middle = centre + across * (number - bars / 2) * width
        half = across * width * dice.uniform(0.1, 0.3)
        corners = [middle - half - down, middle + half - down, middle + half + down, middle - half + down]
        cv2.fillConvexPoly(plane, np.array(corners, np.int32), tone, cv2.LINE_AA)


def _scribble(plane, centre, reach, tone, dice, config) -> None:
    """A line that wanders: cables, cracks, branches."""
    points = [centre]
    for _ in range(dice.randint(4, 12)):
        points.append(points[-1] + [dice.gauss(0, reach / 4) for _ in range(2)])
    points = np.array(points, np.int32)
    cv2.polylines(plane, [points], False, tuple(map(float, tone)), dice.randint(1, 3), cv2.LINE_AA)
