"""PaddleOCR's RecAug, which SVTRv2 and RepSVTR are trained with.

Published files: PaddleOCR `ppocr/data/imaug/rec_img_aug.py` and `text_image_aug/augment.py` (Luo et al., "Learn to
Augment", 2020). Where the published arithmetic on uint8 comes down to less, this says so and does that.
"""

import cv2
import numpy as np

from keras_textrec.data.augment.warp import CELL, warp_mls

SMALLEST = 20  # pixels a side, for what needs room

# Where points of the image are, and where they go.
Warp = tuple[list[complex], list[complex]]


class RecAug:
    """TIA's warps, then crop, blur, HSV, jitter, noise and inversion, in this order, each by its own probability.

    The three warps of TIA are one; the published code samples the image three times.

    Args:
        probability: of each; the published 0.4.
    """

    def __init__(self, probability: float = 0.4):
        self.probability = probability

    effects = property(lambda self: {step.__name__: step for step in STEPS}, doc="Each step alone, by its name.")

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """An image, uint8 (H, W, 3); the crop may cost it up to 8 rows."""
        roomy = min(image.shape[:2]) >= SMALLEST
        for step in STEPS:
            if rng.random() <= self.probability and (roomy or step is not crop):
                image = step(image, rng)
        return image


def tia(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Distorts, stretches and tilts. A very small image is only tilted."""
    height, width = image.shape[:2]
    warps = [perspective(height, width, rng)]
    if min(height, width) >= SMALLEST:
        segments = rng.integers(3, 7, 2).tolist()
        if width > CELL + 1:  # in a narrower one the corners decide, and stretching leaves them
            warps.insert(0, stretch(height, width, segments[1], rng))
        warps.insert(0, distort(height, width, segments[0], rng))
    return warp_mls(image, warps)


def distort(height: int, width: int, segments: int, rng: np.random.Generator) -> Warp:
    """All points move, by up to a third of a segment, the corners inwards."""
    reach = width // segments // 3
    points = _points(height, width, segments)
    moves = [complex(x, y) for x, y in rng.integers(reach, size=(len(points), 2)).tolist()]
    inwards = [moves[0], -moves[1].conjugate(), -moves[2], moves[3].conjugate()]
    moves = inwards + [move - complex(reach, reach) / 2 for move in moves[4:]]
    return points, [point + move for point, move in zip(points, moves)]


def stretch(height: int, width: int, segments: int, rng: np.random.Generator) -> Warp:
    """The lines between the segments move along the image, by up to two fifths of a segment."""
    reach = width // segments * 4 // 5
    points = _points(height, width, segments)
    moves = [0.0] * 4 + [
        move - reach / 2 for move in rng.integers(reach, size=segments - 1).tolist() for _ in ("top", "bottom")
    ]
    return points, [point + move for point, move in zip(points, moves)]


def perspective(height: int, width: int, rng: np.random.Generator) -> Warp:
    """The corners move up or down, inwards, by less than half the height."""
    a, b, c, d = rng.integers(height // 2, size=4).tolist()
    points = _points(height, width, 1)
    return points, [point + 1j * move for point, move in zip(points, (a, b, -c, -d))]


def crop(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Without one to eight rows at the top or at the bottom."""
    rows = min(int(rng.integers(1, 9)), len(image) - 1)
    return image[rows:] if rng.integers(0, 2) else image[: len(image) - rows]


def blur(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return cv2.GaussianBlur(image, (5, 5), 1) if min(image.shape[:2]) > 10 else image


def hsv(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The brightness times 1 +- 0.001 u. On whole levels, that is one level less by one chance in two."""
    return cv2.subtract(image, (1, 1, 1, 0)) if rng.random() < 0.5 else image


def jitter(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows and columns doubled at the top left; nothing in an image of less than 200 pixels a side."""
    height, width = image.shape[:2]
    if min(height, width) <= 10:
        return image
    shifted = image.copy()
    for by in range(1, int(rng.random() * min(height, width) * 0.01)):
        shifted[by:, by:] = image[: height - by, : width - by]
    return shifted


def noise(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Half of N(0, 0.1), added and cut to whole levels: a value falls by one by one chance in two."""
    bits = np.unpackbits(np.frombuffer(rng.bytes(image.size // 8 + 1), np.uint8), count=image.size)
    return cv2.subtract(image, bits.reshape(image.shape))


def invert(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return cv2.bitwise_not(image)


STEPS = (tia, crop, blur, hsv, jitter, noise, invert)


def _points(height: int, width: int, segments: int) -> list[complex]:
    """The corners, clockwise, and the ends of the lines between the segments, top and bottom in turn."""
    points = [0, width, complex(width, height), complex(0, height)]
    for i in range(1, segments):
        points += [i * (width // segments), complex(i * (width // segments), height)]
    return points
