"""Parts of photographs on a canvas, with the words in them whole."""

from collections.abc import Sequence

import cv2
import numpy as np

from keras_textrec.data.regions import TextRegion

_TRIES = 10
_LEAST = 0.3  # of the photograph's sides, of a part


def random_part(shape: tuple[int, ...], regions: Sequence[TextRegion], rng: np.random.Generator) -> tuple[int, ...]:
    """A part of a photograph, (left, top, right, bottom), that cuts no word and has one if it can: EAST's crop.

    Args:
        shape: of the photograph, (H, W, ...).
    """
    height, width = shape[:2]
    free = [np.ones(side + 1, bool) for side in (width, height)]
    for region in regions:
        low, high = np.floor(region.polygon.min(0)).astype(int), np.ceil(region.polygon.max(0)).astype(int)
        for axis in (0, 1):
            free[axis][max(0, low[axis] + 1) : max(0, high[axis])] = False
    for axis in (0, 1):
        free[axis][[0, -1]] = True
    places = [np.flatnonzero(lines) for lines in free]
    for _ in range(_TRIES):
        (left, right), (top, bottom) = (np.sort(rng.choice(lines, 2)) for lines in places)
        if right - left < max(1, _LEAST * width) or bottom - top < max(1, _LEAST * height):
            continue
        part = (int(left), int(top), int(right), int(bottom))
        if not regions or any(_within(region.polygon, part) for region in regions):
            return part
    return 0, 0, width, height


def put_on_canvas(
    photo: np.ndarray, regions: Sequence[TextRegion], part: tuple[int, ...], canvas: np.ndarray
) -> list[TextRegion]:
    """Fits a part of a photograph into a canvas, at its upper left; the rest of it is black.

    Args:
        photo: uint8 (H, W, 3) RGB.
        part: (left, top, right, bottom).
        canvas: uint8 (h, w, 3), written to.

    Returns:
        The regions that touch the part, in the canvas' pixels.
    """
    left, top, right, bottom = part
    height, width = canvas.shape[:2]
    scale = min(height / (bottom - top), width / (right - left))
    size = max(1, min(width, round((right - left) * scale))), max(1, min(height, round((bottom - top) * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas[:] = 0
    canvas[: size[1], : size[0]] = cv2.resize(photo[top:bottom, left:right], size, interpolation=how)
    factors = np.float32([size[0] / (right - left), size[1] / (bottom - top)])
    return [
        region._replace(polygon=(region.polygon - np.float32([left, top])) * factors)
        for region in regions
        if (region.polygon.max(0) > (left, top)).all() and (region.polygon.min(0) < (right, bottom)).all()
    ]


def _within(polygon: np.ndarray, part: tuple[int, ...]) -> bool:
    middle = polygon.mean(0)
    return bool((middle > part[:2]).all() and (middle < part[2:]).all())
