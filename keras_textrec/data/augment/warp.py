"""Geometry as one warp: moving least squares, one after the other, and affine turns; each image is sampled once.

A point of an image is a complex number x + iy, in pixels.
"""

import functools
import math
from collections.abc import Sequence

import cv2
import numpy as np

# Moving least squares are computed at every 100th pixel and at the last, and interpolated between, as published.
CELL = 100


def warp_mls(image: np.ndarray, warps: Sequence[tuple[Sequence[complex], Sequence[complex]]]) -> np.ndarray:
    """The image, uint8 (H, W, 3), warped so that control points go where they are to.

    Schaefer et al., "Image Deformation Using Moving Least Squares" (2006), the similarity transform; PaddleOCR
    `ppocr/data/imaug/text_image_aug/warp_mls.py`. Beyond the image lies its rim.

    Args:
        warps: from first to last: where points of the image are, and where they go.
    """
    height, width = image.shape[:2]
    (x, columns, across), (y, rows, down) = _interpolation(width), _interpolation(height)
    nodes = places = (x + 1j * y[:, None]).ravel()
    for points, goals in reversed(warps):
        places = _mls(places, goals, points)
    shift = (places - nodes).reshape(len(y), len(x)).astype(np.complex64)
    field = (down @ shift + 1j * rows[:, None]) @ across.T  # the shares add up to 1, so that y goes through
    field += columns
    pairs = field.view(np.float32).reshape(height, width, 2)  # x, y: the map that OpenCV takes
    return cv2.remap(image, pairs, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _mls(places: np.ndarray, points: Sequence[complex], goals: Sequence[complex]) -> np.ndarray:
    """Where places, complex128 (N,), go when K points go to their goals."""
    terms = np.ones((5, len(points)), complex)  # one product for all weighted sums
    terms[1] = points
    terms[2] = goals
    terms[3] = mirrored = terms[1].conj()
    terms[3] *= terms[2]
    terms[4] = terms[1] * mirrored
    weights = np.maximum(np.abs(places[:, None] - terms[1]), 1e-3) ** -2.0
    total, p, q, pq, pp = terms @ weights.T
    p, q = p / total, q / total
    # With p and q the weighted means, sum w conj(P - p) (Q - q) over sum w |P - p|^2 is turn and scale about p.
    mirrored = p.conj()
    return q + (pq / total - mirrored * q) / (pp / total - mirrored * p) * (places - p)


def rotated(height: float, width: float, degrees: float) -> tuple[np.ndarray, tuple[int, int]]:
    """A counterclockwise turn about the centre, onto a canvas that holds the whole image.

    Returns:
        The matrix (3, 3) from the canvas' coordinates to the image's, and the canvas' (height, width). A pixel's centre
        has the coordinate 0.5.
    """
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    tall = math.ceil(abs(sin) * width + abs(cos) * height - 1e-6)
    wide = math.ceil(abs(cos) * width + abs(sin) * height - 1e-6)
    middle = np.array([wide, tall]) / 2
    turn = np.array([[cos, -sin], [sin, cos]])
    matrix = np.eye(3)
    matrix[:2, :2] = turn
    matrix[:2, 2] = np.array([width, height]) / 2 - turn @ middle
    return matrix, (tall, wide)


def warp_affine(image: np.ndarray, matrix: np.ndarray, size: tuple[int, int], fill: int | None) -> np.ndarray:
    """The image, uint8 (H, W, 3), seen through a matrix as `rotated` gives.

    Args:
        size: of the result, (height, width).
        fill: the level outside the image; None goes on with its rim.
    """
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    matrix = np.linalg.inv(half) @ matrix @ half  # OpenCV counts from the centre of the first pixel
    border = cv2.BORDER_REPLICATE if fill is None else cv2.BORDER_CONSTANT
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, matrix[:2], size[::-1], flags=flags, borderMode=border, borderValue=(fill or 0,) * 3)


@functools.lru_cache(maxsize=1024)
def _interpolation(length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of one side: the nodes, float64 (N,); all pixels, float32 (length,); their shares of the nodes, complex64."""
    nodes = [*range(0, length - 1, CELL), length - 1]
    shares = np.zeros((length, len(nodes)), np.complex64)
    for cell, start in enumerate(nodes[:-1]):
        # The last cell ends with its node, yet is divided as if the node came after it: as published.
        end = start + CELL if cell < len(nodes) - 2 else length
        part = np.arange(end - start) / (end - start)
        shares[start:end, cell] = 1 - part
        shares[start:end, cell + 1] = part
    return np.array(nodes, float), np.arange(length, dtype=np.float32), shares
