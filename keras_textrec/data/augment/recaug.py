"""PaddleOCR's RecAug, which SVTRv2 and RepSVTR are trained with.

Published files: PaddleOCR `ppocr/data/imaug/rec_img_aug.py` and `text_image_aug/augment.py` (Luo et al., "Learn to
Augment", 2020). Where the published arithmetic on uint8 comes down to less, this says so and does that.
"""

import functools
import math
from collections.abc import Sequence

import cv2
import numpy as np

from keras_textrec.data.augment.draws import below, random_bytes
from keras_textrec.data.augment.warp import CELL, Warp, warp_mls

SMALLEST = 20  # pixels a side, for what needs room


class RecAug:
    """TIA's warps, then crop, blur, HSV, jitter, noise and inversion, in this order, each by its own probability.

    The three warps of TIA are one; the published code samples the image three times.

    Args:
        probability: of each; the published 0.4.
    """

    def __init__(self, probability: float = 0.4):
        self.probability = probability

    @property
    def effects(self) -> dict:
        """Each step alone, by its name."""
        return {step.__name__: functools.partial(_alone, step) for step in STEPS}

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """An image, uint8 (H, W, 3); the crop may cost it up to 8 rows."""
        return self.batch([image], rng)[0]

    def batch(self, images: Sequence[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
        """Several images, in a seventh of the time each: TIA's arithmetic is done for all at once."""
        images = list(images)
        for step, chances in zip(STEPS, rng.random((len(STEPS), len(images)))):
            chosen = np.flatnonzero(chances <= self.probability).tolist()
            changed = step([images[i] for i in chosen], rng) if chosen else []
            for i, image in zip(chosen, changed):
                images[i] = image
        return images


# === Steps: (images, rng) -> images ===


def tia(images, rng):
    """Distorts, stretches and tilts. A very small image is only tilted."""
    height, width = np.array([image.shape[:2] for image in images]).T
    segments = rng.integers(3, 7, (2, len(images)))
    warps = [
        distort(height, width, segments[0], rng),
        stretch(height, width, segments[1], rng),
        perspective(height, width, rng),
    ]
    roomy = np.minimum(height, width) >= SMALLEST
    warps[0].used[~roomy] = False
    warps[1].used[~roomy | (width <= CELL + 1)] = False  # the corners alone decide there, and stretching leaves them
    return warp_mls(images, warps)


def crop(images, rng):
    """Without one to eight rows at the top or at the bottom; not a very small image."""
    return [
        image if min(image.shape[:2]) < SMALLEST else _crop(image, below(8, rng) + 1, below(2, rng)) for image in images
    ]


def blur(images, rng):
    return [cv2.GaussianBlur(image, (5, 5), 1) if min(image.shape[:2]) > 10 else image for image in images]


def hsv(images, rng):
    """The brightness times 1 +- 0.001 u. On whole levels, that is one level less by one chance in two."""
    return [cv2.subtract(image, (1, 1, 1, 0)) if below(2, rng) else image for image in images]


def jitter(images, rng):
    """Rows and columns doubled at the top left; nothing in an image of less than 200 pixels a side."""
    return [_jitter(image, int(rng.random() * min(image.shape[:2]) * 0.01)) for image in images]


def noise(images, rng):
    """Half of N(0, 0.1), added and cut to whole levels: a value falls by one by one chance in two."""
    return [cv2.subtract(image, _bits(image.shape, rng)) for image in images]


def invert(images, rng):
    return [cv2.bitwise_not(image) for image in images]


STEPS = (tia, crop, blur, hsv, jitter, noise, invert)


# === TIA's warps, of images of these heights and widths, int (B,) ===


def distort(height: np.ndarray, width: np.ndarray, segments: np.ndarray, rng: np.random.Generator) -> Warp:
    """All points move, by up to a third of a segment, the corners inwards."""
    points, used = _points(height, width, segments)
    reach = (width // segments // 3)[:, None, None]
    moves = np.floor(rng.random((*points.shape, 2)) * reach)
    moves[:, :4] *= [[1, 1], [-1, 1], [-1, -1], [1, -1]]
    moves[:, 4:] -= reach / 2
    return Warp(points, points + moves.view(complex)[..., 0], used)


def stretch(height: np.ndarray, width: np.ndarray, segments: np.ndarray, rng: np.random.Generator) -> Warp:
    """The lines between the segments move along the image, by up to two fifths of a segment."""
    points, used = _points(height, width, segments)
    reach = (width // segments * 4 // 5)[:, None]
    goals = points.copy()
    goals[:, 4:] += np.repeat(np.floor(rng.random((len(points), 5)) * reach) - reach / 2, 2, 1)
    return Warp(points, goals, used)


def perspective(height: np.ndarray, width: np.ndarray, rng: np.random.Generator) -> Warp:
    """The corners move up or down, inwards, by less than half the height."""
    points = _corners(height, width)
    moves = np.floor(rng.random(points.shape) * (height // 2)[:, None])
    return Warp(points, points + moves * [1j, 1j, -1j, -1j], np.ones(points.shape, bool))


def _corners(height: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Clockwise from the top left, complex128 (B, 4)."""
    return np.stack([0 * width, width, width + 1j * height, 1j * height], 1)


def _points(height: np.ndarray, width: np.ndarray, segments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The corners, and the ends of the lines between the segments, top and bottom in turn; which of them there are."""
    line = np.arange(1, 6)  # of at most six segments
    x = line * (width // segments)[:, None]
    ends = np.stack([x, x + 1j * height[:, None]], 2).reshape(len(x), -1)
    points = np.hstack([_corners(height, width), ends])
    return points, np.repeat([0, 0, *line], 2) < segments[:, None]


# === One image ===


def _crop(image: np.ndarray, rows: int, bottom: int) -> np.ndarray:
    return image[: len(image) - rows] if bottom else image[rows:]


def _jitter(image: np.ndarray, end: int) -> np.ndarray:
    shifted = image.copy() if end > 1 else image
    for by in range(1, end):
        shifted[by:, by:] = image[:-by, :-by]
    return shifted


def _bits(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    count = math.prod(shape)
    return np.unpackbits(random_bytes(count // 8 + 1, rng), count=count).reshape(shape)


def _alone(step, image, rng):
    return step([image], rng)[0]
