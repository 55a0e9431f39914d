"""Measuring a detector: which photographs are left out, and which errors are none of theirs."""

import types

import numpy as np
import pytest

from keras_textrec.data import TextRegion
from keras_textrec.images.boxes import Detection
from keras_textrec.reading.finding import evaluate_regions
from tests.tiny import png

pytestmark = pytest.mark.once

WORD = np.float32([[5, 5], [35, 5], [35, 15], [5, 15]])


class Photos:
    """A photograph of a word; one whose polygon lies outside it; a file that is none."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        image = png(np.zeros((20, 40, 3), "uint8"))
        return b"none" if index == 2 else image, [TextRegion(WORD + 100 * index, "word")]

    def key(self, index):
        return f"photo {index}"


def test_what_cannot_be_read_is_told_and_left_out(caplog):
    model = types.SimpleNamespace(detect=lambda photo: [Detection(WORD, 0.9)])
    result = evaluate_regions(model, Photos())
    assert (result["samples"], result["unreadable"], result["words"], result["hmean"]) == (3, 2, 1, 1.0)
    assert "photo 1: the polygon" in caplog.text and "photo 2: " in caplog.text


def test_an_error_of_the_detector_is_raised():
    def detect(photo):
        raise ValueError("a layer does not fit")

    with pytest.raises(ValueError, match="a layer does not fit"):
        evaluate_regions(types.SimpleNamespace(detect=detect), Photos())
