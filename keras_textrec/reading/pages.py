"""Images that are no word or line of text, but a page or a whole photograph."""

import math

import cv2
import numpy as np

# A line is longer than it is high. Of 6,725 words in photographs 29 are large enough to be doubted, and 8 readings of
# `crnn_small_en`, all of them wrong, are taken for pages.
LONG, ROWS, PAGE_SIDE, PHOTO_SIDE = 4, 4, 150, 200
UNSURE = 0.5

_SIDE = 400  # pixels of the longer side of what is looked at
_EDGE = 12  # grey levels between two neighbours, from which on there is ink


def page_below(image: np.ndarray) -> float:
    """The confidence below which a reading of an image, uint8 (H, W, 3), says that it shows more than a word or line.

    Infinity for a large image with several rows of ink; 0.0 for a small or a long one, which never is a page.
    """
    height, width = image.shape[:2]
    side = min(height, width)
    if width >= LONG * height or side < PAGE_SIDE:
        return 0.0
    if text_rows(image) >= ROWS:
        return math.inf
    return UNSURE if side >= PHOTO_SIDE else 0.0


def text_rows(image: np.ndarray) -> int:
    """How many rows of ink, with less of it between them, an image has: uint8 (H, W, 3)."""
    scale = min(1.0, _SIDE / max(image.shape[:2]))
    size = [max(2, round(side * scale)) for side in image.shape[1::-1]]
    gray = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
    ink = (np.abs(np.diff(gray.astype("int16"), axis=1)) > _EDGE).mean(1)
    ink = np.convolve(ink, np.full(3, 1 / 3), "same")
    full = np.percentile(ink, 95)
    if full < 0.02:
        return 0
    rows, inside = 0, False
    for amount in ink.tolist():
        if not inside and amount > 0.5 * full:
            rows, inside = rows + 1, True
        elif inside and amount < 0.25 * full:
            inside = False
    return rows
