"""Words cut out of a photograph."""

from typing import Any

import cv2
import numpy as np

from keras_textrec.images.boxes import clockwise
from keras_textrec.images.converter import LONGEST_LINE


def crop_word(photo: np.ndarray, polygon: Any, rotate_tall: float | None = 1.5) -> np.ndarray:
    """A word cut out of a photograph, uint8 (H, W, 3), and straightened: uint8 (h, w, 3), h and w its sides' lengths.

    Args:
        polygon: float (N, 2), corners in pixels. Four of a convex polygon go clockwise from the text's top left; of
            others, the smallest rectangle around them is taken.
        rotate_tall: a word this many times as high as wide is turned a quarter to the left; None never turns.

    Raises:
        ValueError: the polygon is none, lies outside the photograph, is less than two pixels wide or high, or is too
            long for text, as a ruled line is.
    """
    polygon = checked_polygon(polygon)
    corners = word_corners(polygon)
    size = np.array(photo.shape[1::-1])
    if (corners.max(0) <= 0).any() or (corners.min(0) >= size).any() or np.abs(corners).max() > 3 * size.max():
        raise ValueError(f"The polygon {polygon.tolist()} lies outside the photograph of {size[0]} x {size[1]} pixels.")
    top, right, bottom, left = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    width, height = int(max(top, bottom)), int(max(left, right))
    if min(width, height) < 2:
        raise ValueError(f"The polygon {polygon.tolist()} is too thin to hold text.")
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], "float32")
    crop = cv2.warpPerspective(
        photo,
        cv2.getPerspectiveTransform(corners, target),
        (width, height),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if rotate_tall is not None and height >= rotate_tall * width:
        crop = cv2.rotate(crop, cv2.ROTATE_90_COUNTERCLOCKWISE)
    if crop.shape[1] > LONGEST_LINE * crop.shape[0]:  # recognisers refuse it
        raise ValueError(f"A polygon of {crop.shape[1]} x {crop.shape[0]} pixels is too long for text.")
    return crop


def checked_polygon(polygon: Any) -> np.ndarray:
    """The polygon as float32 (N, 2). ValueError: it is none."""
    polygon = np.asarray(polygon, "float32")
    if polygon.ndim != 2 or polygon.shape[1] != 2 or len(polygon) < 3 or not np.isfinite(polygon).all():
        raise ValueError(f"The polygon {polygon.tolist()} does not have three corners (x, y) or more.")
    return polygon


def word_corners(polygon: np.ndarray) -> np.ndarray:
    """The four corners of a polygon, float32 (N, 2), clockwise from the top left."""
    is_clockwise = cv2.isContourConvex(polygon) and cv2.contourArea(polygon, oriented=True) > 0
    return polygon if len(polygon) == 4 and is_clockwise else box_around(polygon)


def box_around(points: np.ndarray) -> np.ndarray:
    """The smallest rectangle around points, float32 (N, 2): its corners, clockwise from the top left."""
    return clockwise(cv2.boxPoints(cv2.minAreaRect(points)))
