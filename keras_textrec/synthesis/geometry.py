"""How the camera sees the word's plane: one perspective warp onto the crop a detector would cut."""

import math
from types import SimpleNamespace
from typing import NamedTuple

import cv2
import numpy as np

from keras_textrec.synthesis.dice import Dice


class View(NamedTuple):
    """How a crop shows the plane of a word.

    Attributes:
        matrix: the homography (3, 3), float64, from the ink's pixels to the crop's.
        size: the crop's (width, height), pixels.
        line: about how high the line of text is in the crop, pixels: less than the crop where the word is slanted.
    """

    matrix: np.ndarray
    size: tuple[int, int]
    line: float

    def warp(self, layers: np.ndarray, margin: int) -> np.ndarray:
        """Layers of the plane, uint8 (H, W, ...), with a margin around the ink, in the crop: uint8 (H, W, layers)."""
        height, width = layers.shape[:2]
        matrix = self.matrix @ np.array([[1, 0, -margin], [0, 1, -margin], [0, 0, 1]], np.float64)
        corners = cv2.perspectiveTransform(_rectangle(0, 0, width, height), matrix)[0]
        sides = np.hypot(*(corners - np.roll(corners, -1, 0)).T)
        # What is seen much smaller is shrunk before: the warp alone would lose parts of thin strokes.
        small = [
            math.ceil(full / max(1, full // max(1, seen)))
            for full, seen in ((width, max(sides[::2])), (height, max(sides[1::2])))
        ]
        if small != [width, height]:
            layers = cv2.resize(layers, small, interpolation=cv2.INTER_AREA)
            x, y = np.array([width, height]) / small
            # A pixel's place is its middle.
            matrix = matrix @ np.array([[x, 0, x / 2 - 0.5], [0, y, y / 2 - 0.5], [0, 0, 1]])
        return cv2.warpPerspective(layers, matrix, self.size, flags=cv2.INTER_LINEAR).reshape(*self.size[::-1], -1)

    def overhang(self, width: float, height: float) -> float:
        """How far the crop reaches beyond the ink, in the ink's pixels."""
        corners = cv2.perspectiveTransform(_rectangle(0, 0, *self.size), np.linalg.inv(self.matrix))[0]
        return float(max(-corners.min(), (corners.max(0) - (width, height)).max()))

    def board(self, left: float, top: float, right: float, bottom: float) -> np.ndarray | None:
        """A rectangle of the plane in the crop, float32 (H, W, 1), 0..1; None: it reaches behind the eye."""
        corners = _rectangle(left, top, right, bottom)
        if (corners[0] @ self.matrix[2, :2] + self.matrix[2, 2]).min() < 0.1:
            return None
        corners = cv2.perspectiveTransform(corners, self.matrix)[0]
        mask = np.zeros((*self.size[::-1], 1), np.uint8)
        cv2.fillConvexPoly(mask, np.rint(16 * corners).astype(np.int32), 255, cv2.LINE_AA, 4)
        return mask * np.float32(1 / 255)


def view(width: float, height: float, dice: Dice, config: SimpleNamespace, stacked: bool = False) -> View:
    """Draws a view of a plane whose ink fills `width` x `height` pixels.

    Args:
        config: the section `view` of the configuration.
        stacked: the text stands letter below letter, so that its width is what others call their height.
    """
    hardness = dice.hardness
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    seen = corners - (width / 2, height / 2)
    # Signs stand or lie in other proportions than their fonts.
    seen[:, 0] *= math.exp(config.aspect.shift + dice.gauss(0, config.aspect.deviation * hardness))
    turn = dice.gauss(0, config.turn.degrees * hardness) if dice.happens(config.turn) else 0.0
    if dice.happens(config.far_turn):
        turn = dice.within(config.far_turn.degrees) / max(1.0, width / height / 2.5)
    slant = math.tan(math.radians(dice.gauss(0, config.slant.degrees))) if dice.happens(config.slant) else 0.0
    climb = math.tan(math.radians(dice.gauss(0, config.climb.degrees))) if dice.happens(config.climb) else 0.0
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    if dice.happens(config.foreshortening):
        seen = _from_the_side(seen, dice, config.foreshortening)
    seen = seen @ np.array([[1, climb], [slant, 1]]) @ np.array([[cos, sin], [-sin, cos]])
    if dice.happens(config.perspective):
        across = dice.gauss(0, config.perspective.across) / max(width, height)
        down = dice.gauss(0, config.perspective.down) / height
        seen /= np.clip(1 + seen @ np.array([across, down]), 0.5, 2)[:, None]
    return _crop(corners, seen, dice, config, stacked)


def _from_the_side(seen: np.ndarray, dice: Dice, config: SimpleNamespace) -> np.ndarray:
    """The corners (4, 2) of a sign that one walks along: narrow, its lines rise or fall, its near end is higher."""
    side = dice.sign() * math.radians(dice.within(config.degrees))
    above = math.radians(dice.gauss(0, config.above))  # the eye below or above the sign
    away = dice.within(config.distance) * max(np.ptp(seen[:, 0]), np.ptp(seen[:, 1]))
    x, y = seen.T
    depth = math.sin(side) * math.cos(above) * x - math.sin(above) * y
    flat = np.stack([math.cos(side) * x, math.sin(side) * math.sin(above) * x + math.cos(above) * y], -1)
    return flat / (1 + depth / away)[:, None]


def _crop(corners: np.ndarray, seen: np.ndarray, dice: Dice, config: SimpleNamespace, stacked: bool) -> View:
    """Cuts as detectors and annotators do: upright, mostly with a rim around the ink, sometimes into it."""
    least, most = config.height.limits
    line = dice.lognormvariate(math.log(config.height.median), config.height.deviation)
    reach = getattr(config.rim, dice.kind(config.rim.kinds))
    rims = np.array([dice.uniform(-config.rim.cut * dice.hardness, reach) for _ in range(4)])
    left, top = seen.min(0)
    across, down = seen.max(0) - (left, top)
    # `line` pixels across the line of text, and along it what that makes, as far as there is room.
    short, long, before, after = (across, down, 0, 2) if stacked else (down, across, 1, 3)
    # The letters' height says how near the word was; the crop of a slanted one is higher than that.
    first, last = (seen[1] - seen[0], seen[2] - seen[3]) if stacked else (seen[3] - seen[0], seen[2] - seen[1])
    part = min(1.0, float(np.hypot(*first) + np.hypot(*last)) / 2 / short)
    line = max(least, min(most, round(line * min(1 / part, config.height.slanted))))
    ink = line / (1 + rims[before] + rims[after])
    pads = rims * ink
    length = min(config.widest, max(8, round(long * ink / short + pads.sum() - pads[before] - pads[after])))
    size = (line, length) if stacked else (length, line)
    scale = (np.array(size) - (pads[0] + pads[2], pads[1] + pads[3])) / (across, down)
    target = (seen - (left, top)) * scale + pads[:2]
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), target.astype(np.float32))
    return View(matrix, size, line * part)


def _rectangle(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """Its corners, from the upper left clockwise, float64 (1, 4, 2)."""
    return np.array([[[left, top], [right, top], [right, bottom], [left, bottom]]], np.float64)
