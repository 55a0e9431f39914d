"""RandAugment as PARSeq's authors set it for text, which OpenOCR's SVTRv2 is trained with too.

Published files: PARSeq `strhub/data/augment.py` and `aa_overrides.py`, over timm's `auto_augment.py`. The published
code gives the warps and the colours in the order drawn, each warp sampling the image anew; here the colours come first
and all warps are one, so that what lies outside the image is always the published grey.
"""

import functools
from collections.abc import Callable

import cv2
import numpy as np

from keras_textrec.data.augment.draws import random_bytes
from keras_textrec.data.augment.warp import chained, rotated, warp_affine

FILL = 128
LEVELS = np.arange(256, dtype=np.uint8)


class RandAugment:
    """Draws `count` different ones of sixteen operations, and does each by one chance in two.

    Args:
        count: how many are drawn; the published 3.
        magnitude: their strength, 0 to 10; the published 5.
    """

    def __init__(self, count: int = 3, magnitude: float = 5.0):
        self.count = count
        self.magnitude = magnitude

    @property
    def effects(self) -> dict[str, Callable]:
        """Each operation alone, by its name."""
        return {operation.__name__: functools.partial(self._apply, [operation]) for operation in OPERATIONS}

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        drawn = rng.permutation(len(OPERATIONS))[: self.count]
        operations = [OPERATIONS[i] for i, happens in zip(drawn, rng.random(self.count) < 0.5) if happens]
        return self._apply(operations, image, rng)

    def _apply(self, operations: list[Callable], image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        strength = self.magnitude / 10
        for operation in operations:
            if operation in COLOURS:
                image = operation(image, strength, rng)
        matrix, size = None, image.shape[:2]
        for operation in operations:
            if operation in WARPS:
                step, size = operation(*size, strength * _sign(rng))
                matrix = chained(step, matrix) if matrix else step
        return warp_affine(image, matrix, size, FILL) if matrix else image


# === Warps: (height, width, strength -1 to 1) -> what `rotated` gives ===


def rotate(height, width, strength):
    return rotated(height, width, 30 * strength)


def shear_x(height, width, strength):
    return (1, 0.9 * strength, 0, 0, 1, 0), (height, width)


def shear_y(height, width, strength):
    return (1, 0, 0, 0.2 * strength, 1, 0), (height, width)


def translate_x(height, width, strength):
    return (1, 0, 0.1 * strength * width, 0, 1, 0), (height, width)


def translate_y(height, width, strength):
    return (1, 0, 0, 0, 1, 0.3 * strength * height), (height, width)


# === Colours: (image, strength 0 to 1, rng) -> image; Pillow's operations, by OpenCV ===


def auto_contrast(image, strength, rng):
    """Each channel's darkest level to 0 and its brightest to 255."""
    return cv2.merge([cv2.normalize(channel, None, 0, 255, cv2.NORM_MINMAX) for channel in cv2.split(image)])


def equalize(image, strength, rng):
    return cv2.merge([cv2.equalizeHist(channel) for channel in cv2.split(image)])


def invert(image, strength, rng):
    return cv2.bitwise_not(image)


def posterize(image, strength, rng):
    return cv2.LUT(image, LEVELS & (0xFF00 >> max(1, 4 - int(4 * strength)) & 0xFF))


def solarize(image, strength, rng):
    """The bright part inverted."""
    return cv2.LUT(image, np.where(256 - int(256 * strength) > LEVELS, LEVELS, 255 - LEVELS))


def solarize_add(image, strength, rng):
    """The dark half brighter."""
    return cv2.LUT(image, np.where(LEVELS < 128, LEVELS + np.uint8(110 * strength), LEVELS))


def color(image, strength, rng):
    factor = _factor(strength, rng)
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return cv2.addWeighted(image, factor, grey, 1 - factor, 0)


def contrast(image, strength, rng):
    factor = _factor(strength, rng)
    mean = round(cv2.mean(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))[0])
    return cv2.addWeighted(image, factor, image, 0, (1 - factor) * mean)


def brightness(image, strength, rng):
    return cv2.addWeighted(image, _factor(strength, rng), image, 0, 0)


def gaussian_blur(image, strength, rng):
    """By a radius of up to 4 pixels, and up to a fiftieth of the longer side."""
    return cv2.GaussianBlur(image, (0, 0), round(min(4 * strength, max(1, 0.02 * max(image.shape)))))


def poisson_noise(image, strength, rng):
    """Poisson's numbers of a mean up to 40, and up to a fifth of the longer side, of either sign, added to grey."""
    mean = round(min(40 * strength, max(1, 0.2 * max(image.shape)))) | 1
    height, width = image.shape[:2]
    draws = random_bytes(height * width, rng).reshape(height, width)
    noise = cv2.LUT(draws, _poisson_levels(mean))
    return cv2.add(image, cv2.merge([noise, noise, noise]), dtype=cv2.CV_8U)


@functools.lru_cache
def _poisson_levels(mean: int) -> np.ndarray:
    """A table from a byte to a number of Poisson's distribution with a sign: 256 quantiles, int16 (256,)."""
    rng = np.random.default_rng(mean)
    draws = rng.poisson(mean, 256 * 63) * rng.choice([-1, 1], 256 * 63)
    return np.sort(draws).reshape(256, 63)[:, 31].astype(np.int16)


def _factor(strength: float, rng: np.random.Generator) -> float:
    return max(0.1, 1 + 0.9 * strength * _sign(rng))


def _sign(rng: np.random.Generator) -> int:
    return 1 if rng.random() < 0.5 else -1


WARPS = (rotate, shear_x, shear_y, translate_x, translate_y)
COLOURS = (
    auto_contrast,
    equalize,
    invert,
    posterize,
    solarize,
    solarize_add,
    color,
    contrast,
    brightness,
    gaussian_blur,
    poisson_noise,
)
OPERATIONS = (*WARPS, *COLOURS)
