"""How the camera sees the word's plane: one perspective warp onto the crop a detector would cut."""

import math
from types import SimpleNamespace

import cv2
import numpy as np

from keras_textrec.synthesis.dice import Dice


def view(
    width: float, height: float, dice: Dice, config: SimpleNamespace, stacked: bool = False
) -> tuple[np.ndarray, tuple[int, int]]:
    """Draws a view of a plane whose ink fills `width` x `height` pixels.

    Args:
        config: the section `view` of the configuration.
        stacked: the text stands letter below letter, so that its width is what others call their height.

    Returns:
        The homography (3, 3), float64, from the ink's pixels to the crop's, and the crop's (width, height).
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
    seen = seen @ np.array([[1, climb], [slant, 1]]) @ np.array([[cos, sin], [-sin, cos]])
    if dice.happens(config.perspective):
        across = dice.gauss(0, config.perspective.across) / max(width, height)
        down = dice.gauss(0, config.perspective.down) / height
        seen /= np.clip(1 + seen @ np.array([across, down]), 0.5, 2)[:, None]
    return _crop(corners, seen, dice, config, stacked)


def _crop(
    corners: np.ndarray, seen: np.ndarray, dice: Dice, config: SimpleNamespace, stacked: bool
) -> tuple[np.ndarray, tuple[int, int]]:
    """Cuts as detectors do: mostly with a rim around the ink, sometimes into it."""
    least, most = config.height.limits
    line = max(least, min(most, round(dice.lognormvariate(math.log(config.height.median), config.height.deviation))))
    reach = getattr(config.rim, dice.kind(config.rim.kinds))
    rims = np.array([dice.uniform(-config.rim.cut * dice.hardness, reach) for _ in range(4)])
    left, top = seen.min(0)
    across, down = seen.max(0) - (left, top)
    # `line` pixels across the line of text, and along it what that makes, as far as there is room.
    short, long, before, after = (across, down, 0, 2) if stacked else (down, across, 1, 3)
    ink = line / (1 + rims[before] + rims[after])
    pads = rims * ink
    length = min(config.widest, max(8, round(long * ink / short + pads.sum() - pads[before] - pads[after])))
    size = (line, length) if stacked else (length, line)
    scale = (np.array(size) - (pads[0] + pads[2], pads[1] + pads[3])) / (across, down)
    target = (seen - (left, top)) * scale + pads[:2]
    return cv2.getPerspectiveTransform(corners.astype(np.float32), target.astype(np.float32)), size
