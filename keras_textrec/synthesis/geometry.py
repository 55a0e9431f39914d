"""How the camera sees the word's plane: one perspective warp onto the crop a detector would cut."""

import math
import random

import cv2
import numpy as np


def view(
    width: float, height: float, out_height: int, rng: random.Random, hardness: float = 1.0, widest: int = 320
) -> tuple[np.ndarray, tuple[int, int]]:
    """Draws a view of a plane whose ink fills `width` x `height` pixels.

    Returns:
        The homography (3, 3), float64, from the ink's pixels to the crop's, and the crop's (width, height).
    """
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    seen = corners - (width / 2, height / 2)
    # Signs stand or lie in other proportions than their fonts.
    seen[:, 0] *= math.exp(rng.gauss(0, 0.18 * hardness))
    turn = rng.gauss(0, 3.5) if rng.random() < 0.8 else rng.uniform(-18, 18) / max(1.0, width / height / 2.5)
    shear_x = math.tan(math.radians(rng.gauss(0, 7) if rng.random() < 0.5 else 0))
    shear_y = math.tan(math.radians(rng.gauss(0, 8) if rng.random() < 0.35 else 0))
    cos, sin = math.cos(math.radians(turn * hardness)), math.sin(math.radians(turn * hardness))
    seen = seen @ np.array([[1, shear_y * hardness], [shear_x * hardness, 1]]) @ np.array([[cos, sin], [-sin, cos]])
    if rng.random() < 0.5 * hardness:
        tilt_x = rng.gauss(0, 0.22) / max(width, height)
        tilt_y = rng.gauss(0, 0.15) / height
        seen /= np.clip(1 + seen @ np.array([tilt_x, tilt_y]), 0.5, 2)[:, None]

    left, top = seen.min(0)
    right, bottom = seen.max(0)
    # Rims around the ink, in parts of its height: detectors mostly leave some, sometimes they cut into the ink.
    loose = rng.random()
    reach = 0.06 if loose < 0.3 else 0.2 if loose < 0.85 else 0.4
    rims = [rng.uniform(-0.05 * hardness, reach) for _ in range(4)]
    ink_height = out_height / (1 + rims[1] + rims[3])
    scale = ink_height / (bottom - top)
    pads = [ink_height * rim for rim in rims]
    out_width = min(widest, max(8, round((right - left) * scale + pads[0] + pads[2])))
    stretch = (out_width - pads[0] - pads[2]) / (right - left)
    target = (seen - (left, top)) * (stretch, scale) + (pads[0], pads[1])
    return cv2.getPerspectiveTransform(corners.astype(np.float32), target.astype(np.float32)), (out_width, out_height)
