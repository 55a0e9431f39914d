"""Geometry as one warp: moving least squares, one after the other, and affine turns; each image is sampled once.

Words are small: a call to NumPy takes as long as sampling a hundred pixels. So moving least squares go over a batch of
images at once, turns are plain arithmetic, and what depends on sizes alone is kept.
"""

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

# Moving least squares are computed at every 100th pixel and at the last, and interpolated between, as published.
CELL = 100

# From a place (x, y) to (a x + b y + c, d x + e y + f); written a, b, c, d, e, f.
Affine = tuple[float, float, float, float, float, float]


class Warp(NamedTuple):
    """Control points of B images, up to K each; x + iy in pixels.

    Attributes:
        points: where they are, complex128 (B, K).
        goals: where they go, complex128 (B, K).
        used: bool (B, K), which of them there are. An image without any is left as it is.
    """

    points: np.ndarray
    goals: np.ndarray
    used: np.ndarray


def warp_mls(images: Sequence[np.ndarray], warps: Sequence[Warp]) -> list[np.ndarray]:
    """The images, each uint8 (H, W, 3), warped so that control points go where they are to, warp after warp.

    Schaefer et al., "Image Deformation Using Moving Least Squares" (2006), the similarity transform; PaddleOCR
    `ppocr/data/imaug/text_image_aug/warp_mls.py`. Beyond an image lies its rim.
    """
    grids = [_nodes(*image.shape[:2]) for image in images]
    owner = np.repeat(np.arange(len(images)), [grid.shape[1] for grid in grids])
    places, beyond = np.concatenate(grids, 1)
    for points, goals, used in reversed(warps):
        moving = used.any(1)[owner]
        row = owner[moving]
        places[moving] = _mls(places[moving], goals[row], points[row], used[row])
    corners = (places + beyond).astype(np.complex64)
    end, warped = 0, []
    for image, grid in zip(images, grids):
        start, end = end, end + grid.shape[1]
        field = _field(image, corners[start:end])
        warped.append(cv2.remap(image, field, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
    return warped


def _mls(places: np.ndarray, points: np.ndarray, goals: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Where N places go, complex128 (N,), when the used ones of each one's K points go to its goals, (N, K).

    With P a point seen from a place, its weight w is 1 / |P|^2. As complex numbers, w conj(P) is 1 / P.
    """
    turned = used / (points - (places + 1e-6)[:, None])  # w conj(P); a place may lie on a point
    weights = turned.real**2 + turned.imag**2
    total = weights.sum(1)
    p, q = turned.sum(1).conj() / total, (weights * goals).sum(1) / total
    # With p and q the weighted means, sum w conj(P - p) (Q - q) over sum w |P - p|^2 is turn and scale about p.
    turn = ((turned * goals).sum(1) / total - p.conj() * q) / (used.sum(1) / total - p.conj() * p)
    return q - turn * p


def rotated(height: float, width: float, degrees: float) -> tuple[Affine, tuple[int, int]]:
    """A counterclockwise turn about the centre, onto a canvas that holds the whole image.

    Returns:
        From the canvas' coordinates to the image's, and the canvas' (height, width). A pixel's centre has the
        coordinate 0.5.
    """
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    tall = math.ceil(abs(sin) * width + abs(cos) * height - 1e-6)
    wide = math.ceil(abs(cos) * width + abs(sin) * height - 1e-6)
    right, down = (width - cos * wide + sin * tall) / 2, (height - sin * wide - cos * tall) / 2
    return (cos, -sin, right, sin, cos, down), (tall, wide)


def chained(first: Affine, then: Affine) -> Affine:
    """One after the other."""
    a, b, c, d, e, f = then
    g, h, i, j, k, m = first
    return a * g + b * j, a * h + b * k, a * i + b * m + c, d * g + e * j, d * h + e * k, d * i + e * m + f


def warp_affine(image: np.ndarray, matrix: Affine, size: tuple[int, int], fill: int | None) -> np.ndarray:
    """The image, uint8 (H, W, 3), seen through a matrix as `rotated` gives.

    Args:
        size: of the result, (height, width).
        fill: the level outside the image; None goes on with its rim.
    """
    a, b, c, d, e, f = matrix
    # OpenCV counts from the centre of the first pixel.
    matrix = np.array(((a, b, c + (a + b - 1) / 2), (d, e, f + (d + e - 1) / 2)))
    border = cv2.BORDER_REPLICATE if fill is None else cv2.BORDER_CONSTANT
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, matrix, size[::-1], flags=flags, borderMode=border, borderValue=(fill or 0,) * 3)


def _field(image: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """For each pixel of the image its place in it, float32 (H, W, 2), from the corners of the cells, complex64 (N,)."""
    height, width = image.shape[:2]
    down, across = _shares(height)[0], _shares(width)[1]
    lines = corners.reshape(down.shape[1], -1) @ across  # the lines of nodes, at every column
    return (down @ lines.view(np.float32)).reshape(height, width, 2)


@functools.lru_cache(maxsize=4096)
def _nodes(height: int, width: int) -> np.ndarray:
    """The nodes of an image, row by row, and how far beyond each the cell before it ends, complex128 (2, N).

    The last cell of a side ends with its node, yet is divided as if the node came one pixel later: as published.
    """
    x, y = (np.array([*range(0, side - 1, CELL), side - 1]) for side in (width, height))
    beyond = np.zeros((len(y), len(x)), complex)
    beyond[:, -1] += 1
    beyond[-1] += 1j
    return np.stack([(x + 1j * y[:, None]).ravel(), beyond.ravel()])


@functools.lru_cache(maxsize=1024)
def _shares(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Of the nodes along a side of an image in each of its pixels: float32 (side, nodes), complex64 (nodes, side)."""
    starts = range(0, side - 1, CELL)
    shares = np.zeros((side, len(starts) + 1), np.float32)
    for cell, start in enumerate(starts):
        end = start + CELL if cell < len(starts) - 1 else side
        part = np.arange(end - start) / (end - start)
        shares[start:end, cell] = 1 - part
        shares[start:end, cell + 1] = part
    return shares, np.ascontiguousarray(shares.T, np.complex64)
