"""Polygons around words, drawn into the two maps that a DB detector is trained to give.

Liao et al., "Real-time Scene Text Detection with Differentiable Binarization" (2020), section 3.4 and 3.5.
Published code: PaddleOCR `ppocr/data/imaug/make_shrink_map.py` and `make_border_map.py`.
"""

from collections.abc import Sequence

import cv2
import numpy as np

SHRINK_RATIO = 0.4
# Words with a shorter side, in pixels of the map, are left out of the training.
SHORTEST_SIDE = 8
# The threshold map on a word's outline, and at the border's ends.
HIGHEST, LOWEST = 0.7, 0.3


def draw_maps(polygons: Sequence[np.ndarray], ignored: Sequence[bool], height: int, width: int) -> np.ndarray:
    """The maps of a picture, float32 (height, width, 2).

    The first is 1 in the words' cores and 0 elsewhere; -1 is left out: words that are ignored, or too small. A core is
    what lies further within a word's outline than the offset, area * (1 - 0.4^2) / perimeter. The second is the
    threshold: 0.7 on the outlines, and falling to 0.3 at the offset within and without; 0 where none is asked for.

    Args:
        polygons: float (N, 2) each, corners (x, y) in pixels of the map; parts may lie outside it.
        ignored: of each polygon, whether it holds what is no text to be found nor ground.
    """
    maps = np.zeros((height, width, 2), "float32")
    core, threshold = maps[..., 0], maps[..., 1]
    left_out = np.zeros((height, width), bool)
    for polygon, skip in zip(polygons, ignored, strict=True):
        offset = core_offset(polygon)
        skip = skip or offset == 0 or min(np.ptp(polygon, axis=0)) < SHORTEST_SIDE
        reach = 0 if skip else offset
        left, top = np.clip(np.floor(polygon.min(0) - reach).astype(int), 0, [width, height])
        right, bottom = np.clip(np.ceil(polygon.max(0) + reach).astype(int) + 1, 0, [width, height])
        if left >= right or top >= bottom:
            continue
        part = np.s_[top:bottom, left:right]
        depth = _depth(polygon, left, top, right - left, bottom - top)
        inner = depth >= offset
        if skip or not inner.any():
            left_out[part] |= depth >= 0
            continue
        core[part][inner] = 1
        border = np.abs(depth) < offset
        closeness = LOWEST + (HIGHEST - LOWEST) * (1 - np.abs(depth) / offset)
        # Within a word and around it, and not only on its border: a core's threshold is low.
        asked = np.where(border, closeness, LOWEST) * (depth > -offset)
        np.maximum(threshold[part], asked, out=threshold[part])
    core[left_out & (core == 0)] = -1
    return maps


def core_offset(polygon: np.ndarray) -> float:
    """How far within its outline the core of a polygon (N, 2) begins, in pixels: the Vatti clipping's offset."""
    polygon = np.asarray(polygon, "float32")
    return cv2.contourArea(polygon) * (1 - SHRINK_RATIO**2) / max(cv2.arcLength(polygon, True), 1e-6)


def _depth(polygon: np.ndarray, left: int, top: int, width: int, height: int) -> np.ndarray:
    """How far within a polygon (N, 2) each pixel lies, float32 (height, width); negative outside it."""
    x = np.arange(left, left + width, dtype="float32")
    y = np.arange(top, top + height, dtype="float32")[:, None]
    squared = np.full((height, width), np.inf, "float32")
    inside = np.zeros((height, width), bool)
    for (ax, ay), (bx, by) in zip(polygon.astype("float32"), np.roll(polygon, -1, axis=0).astype("float32")):
        dx, dy = bx - ax, by - ay
        along = np.clip(((x - ax) * dx + (y - ay) * dy) / max(dx * dx + dy * dy, 1e-6), 0, 1)
        np.minimum(squared, (ax + along * dx - x) ** 2 + (ay + along * dy - y) ** 2, out=squared)
        if dy:  # a ray to the right crosses this side
            inside ^= ((ay > y) != (by > y)) & (x < ax + (y - ay) * (dx / dy))
    distance = np.sqrt(squared)
    return np.where(inside, distance, -distance)
