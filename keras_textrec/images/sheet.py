"""Contact sheets: many images to look at, with a caption each."""

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

_LINE = 14  # pixels below an image, for its caption


def contact_sheet(
    images: Sequence[np.ndarray],
    captions: Sequence[str] = (),
    columns: int = 8,
    height: int = 40,
    width: int = 160,
    font: ImageFont.FreeTypeFont | None = None,
) -> np.ndarray:
    """The images in rows, each shrunk or grown to fit its cell, on white.

    Args:
        images: uint8 (H, W, 3), RGB.
        captions: a line of text for each image, or nothing.
        height, width: of a cell, in pixels, without its caption.
        font: of the captions; None is Pillow's own, for Latin letters.

    Returns:
        uint8 (H, W, 3), RGB.

    Raises:
        ValueError: no images, or not as many captions.
    """
    if not images or len(captions) not in (0, len(images)):
        raise ValueError(f"There are {len(images)} images and {len(captions)} captions; give images, and one for each.")
    high, wide = height + (_LINE if captions else 0) + 4, width + 6
    rows = -(-len(images) // columns)
    sheet = np.full((rows * high, min(columns, len(images)) * wide, 3), 255, np.uint8)
    corners = [(n // columns * high, n % columns * wide) for n in range(len(images))]
    for image, (y, x) in zip(images, corners):
        scale = min(height / image.shape[0], width / image.shape[1])
        size = (max(1, int(image.shape[1] * scale)), max(1, int(image.shape[0] * scale)))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        sheet[y : y + size[1], x : x + size[0]] = cv2.resize(image, size, interpolation=how)
    canvas = Image.fromarray(sheet)
    draw, font = ImageDraw.Draw(canvas), font or ImageFont.load_default(11)
    for caption, (y, x) in zip(captions, corners):
        while caption and draw.textlength(caption, font) > width:
            caption = caption[:-1]
        draw.text((x, y + height), caption, fill=(0, 0, 0), font=font)
    return np.asarray(canvas)
