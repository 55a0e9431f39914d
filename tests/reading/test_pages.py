import math

import cv2
import numpy as np
import pytest

from keras_textrec.data import lmdb
from keras_textrec.images import decode
from keras_textrec.reading.pages import UNSURE, page_below, text_rows
from tests.tiny import draw

pytestmark = pytest.mark.once


def page(rows: int, turn: float = 0.0) -> np.ndarray:
    """Rows of text on grey, a little blurred and turned by some degrees."""
    height, width = 60 * rows + 80, 900
    image = np.full((height, width, 3), 230, np.uint8)
    for row in range(rows):
        text = "the quick brown fox jumps over the lazy"[: 39 - 7 * row % 15]
        cv2.putText(image, text, (30, 70 + 60 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.1, (20, 20, 20), 2, cv2.LINE_AA)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, 1)
    return cv2.warpAffine(cv2.GaussianBlur(image, (0, 0), 1.2), matrix, (width, height), borderValue=(230, 230, 230))


@pytest.mark.parametrize("turn", [0, 2])
@pytest.mark.parametrize("rows", [5, 10, 30])
def test_pages(rows, turn):
    assert text_rows(page(rows, turn)) == rows
    assert page_below(page(rows, turn)) == math.inf


def test_words_and_lines():
    assert page_below(draw("walrus")) == 0
    assert page_below(page(10)[100:160]) == 0  # a line
    assert page_below(draw("ox", height=400)) == UNSURE  # large: a photograph, if the reading is not sure
    assert text_rows(np.full((300, 300, 3), 128, np.uint8)) == 0


def test_real_words_are_no_pages(shared):
    """Fewer than 1 in 200 of all validation words, were every reading unsure."""
    words = large = 0
    for name in ("IC15_train", "IIIT5k_train", "SVT_train"):
        source = lmdb(shared / "data" / "validation" / name)
        words += len(source)
        large += sum(page_below(decode(source[index][0])) > 0 for index in range(len(source)))
    assert words == 6725 and large / words < 0.005
