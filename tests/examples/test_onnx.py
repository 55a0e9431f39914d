"""examples/onnx/read.py, asked for what the model reads."""

import sys

import cv2
import numpy as np
import pytest

from tests.examples.programs import EXAMPLES, run

pytestmark = pytest.mark.one_backend


def read(*arguments: object) -> list[str]:
    """The texts that the script reads; -I: nothing of this checkout can be imported."""
    answer = run(sys.executable, "-I", EXAMPLES / "onnx" / "read.py", *arguments)
    return [line.split("\t")[2] for line in answer.stdout.splitlines()]


def test_tall_words_are_turned_as_by_the_model(exported, restamped, turned, digit, words):
    wanted = [reading.text for readings in (words, turned) for reading in readings.values()]
    assert read(exported, *words, *turned, digit) == [*wanted, "2"]
    assert not set(read(restamped("upright.onnx", orientations=None), *turned)) & set(wanted)


def test_pixels_of_more_bits_and_transparent_ones_are_those_that_the_model_sees(exported, words, tmp_path):
    path, reading = next(iter(words.items()))
    grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    cv2.imwrite(str(tmp_path / "deep.png"), grey.astype("uint16") * 257)
    cv2.imwrite(str(tmp_path / "float.tif"), grey.astype("float32") / 255)
    ink = np.zeros((*grey.shape, 4), "uint8")  # black, and there as far as it is dark
    ink[..., 3] = 255 - grey
    cv2.imwrite(str(tmp_path / "ink.png"), ink)
    assert read(exported, *(tmp_path / name for name in ("deep.png", "float.tif", "ink.png"))) == [reading.text] * 3
