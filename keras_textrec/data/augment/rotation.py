"""Turned lines of text."""

import numpy as np

from keras_textrec.data.augment.warp import rotated, warp_affine


class Rotation:
    """Turns an image about its centre, by any angle up to `degrees` either way; it grows to hold all of it.

    Args:
        degrees: 15 is a photograph held askew; 180 is text in any direction.
    """

    def __init__(self, degrees: float = 15.0):
        self.degrees = degrees

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        matrix, size = rotated(*image.shape[:2], (2 * rng.random() - 1) * self.degrees)
        return warp_affine(image, matrix, size, None)
