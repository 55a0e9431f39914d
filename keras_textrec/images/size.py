"""Sizes of images."""

import cv2
import numpy as np

from keras_textrec.images.formats import header_size
from keras_textrec.images.load import decode


def image_size(data: bytes) -> tuple[int, int]:
    """Height and width of an image file; of a JPEG or a PNG without decoding it (and before any EXIF rotation).

    Raises:
        ValueError: it is no image, or has no pixels.
    """
    height, width = header_size(data) or decode(data).shape[:2]
    if not height or not width:
        raise ValueError(f"The image is damaged: its header says {height} x {width} pixels (height x width).")
    return height, width


def shrink(image: np.ndarray, scale: float) -> np.ndarray:
    """The image, uint8 (H, W, 3), times `scale` if that is less than 1."""
    if scale >= 1:
        return image
    height, width = (max(2, round(side * scale)) for side in image.shape[:2])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
