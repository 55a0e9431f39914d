"""Sizes of images."""

import struct

import cv2
import numpy as np

from keras_textrec.images.load import PNG, decode, jpeg_size


def image_size(data: bytes) -> tuple[int, int]:
    """Height and width of an image file; of a JPEG or a PNG without decoding it (and before any EXIF rotation).

    Raises:
        ValueError: it is no image.
    """
    if data.startswith(PNG) and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return height, width
    return jpeg_size(data) or decode(data).shape[:2]


def shrink(image: np.ndarray, scale: float) -> np.ndarray:
    """The image, uint8 (H, W, 3), times `scale` if that is less than 1."""
    if scale >= 1:
        return image
    height, width = (max(2, round(side * scale)) for side in image.shape[:2])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
