"""What a written file may not do."""

import dataclasses

import numpy as np
import pytest

from keras_textrec.data import from_arrays
from keras_textrec.export.check import WordCheck, first_difference
from keras_textrec.export.formats import Tolerance
from keras_textrec.system.errors import Failure
from keras_textrec.text import Reading
from tests.tiny import WORDS, crnn, draw

pytestmark = pytest.mark.one_backend


@pytest.fixture(scope="module")
def check():
    return WordCheck(crnn(), crnn().converter)


class File:
    """An exported recogniser that reads as the model, but for what `change` makes of it."""

    tokenizer = crnn().tokenizer

    def __init__(self, change):
        self.change = change

    def read(self, images, batch_size=32, orientations=None):
        readings = crnn().read(images, batch_size, orientations)
        return [self.change(i, r) for i, r in enumerate(readings)] if isinstance(readings, list) else readings

    def read_stream(self, images, batch_size=32):
        for position, reading in crnn().read_stream(images, batch_size):
            yield position, self.change(position, reading)


def some_text(position, reading):
    return Reading("other", 1.0) if position < 2 else reading


def less_sure(position, reading):
    characters = [dataclasses.replace(c, confidence=c.confidence - 0.1) for c in reading.characters]
    return dataclasses.replace(reading, characters=tuple(characters))


def moved(position, reading):
    characters = [dataclasses.replace(c, left=c.left + 1) for c in reading.characters]
    return dataclasses.replace(reading, characters=tuple(characters))


def test_what_is_told_of_a_file_that_reads_alike(check):
    told = check.compare(File(lambda position, reading: reading), Tolerance(1e-3), None)
    assert (told["words"], told["same_texts"]) == (36, 36)
    assert max(told["confidence_difference"], told["place_difference"]) < 1e-4


@pytest.mark.parametrize(
    "change, tolerance, sentence",
    [
        (
            some_text,
            Tolerance(1e-3),
            r"2 of 36 words are read otherwise: '.*' \(15 x 15 pixels\) is 'other' in the file",
        ),
        (less_sure, Tolerance(1e-3), r"Confidences are off by up to 0\.1 \(allowed: 0\.001\)"),
        (moved, Tolerance(1e-3), r"places by 1 pixels \(allowed: 0\.5\)"),
    ],
)
def test_what_is_refused(check, change, tolerance, sentence):
    with pytest.raises(Failure, match=sentence):
        check.compare(File(change), tolerance, None)


def test_smaller_numbers_may_read_a_little_otherwise(check):
    told = check.compare(File(some_text), Tolerance(1e-3, changed=0.1), None)
    assert told["same_texts"] == 34
    check.compare(File(less_sure), Tolerance(0.11), None)


def test_half_a_point_of_the_calibration_source_may_be_lost(check):
    images = [draw(word) for word in WORDS]
    source = from_arrays(images, [reading.text for reading in crnn().read(images)])
    figures = check.accuracies(File(lambda position, reading: reading), source)
    assert figures == {"records": 10, "model": 1.0, "file": 1.0}
    with pytest.raises(
        Failure, match=r"Of 10 words of the calibration source, the model reads 100\.00% right and the "
    ):
        check.accuracies(File(some_text), source)


def test_the_first_stage_that_differs():
    pixels, output = np.zeros((4, 5, 3)), np.ones((6, 7))
    stages = {"pixels": pixels, "network": output[:4]}  # a decoder of a file stops at the end
    assert first_difference(stages, pixels, output) == "decoding"
    assert first_difference(stages, pixels, output + 0.5) == "network (by up to 0.5)"
    assert first_difference(stages, pixels + 1, output + 1) == "pixels (by up to 1)"
    assert first_difference(stages, np.zeros((4, 6, 3)), output) == "pixels (shape (4, 5, 3), not (4, 6, 3))"
    assert first_difference(stages, pixels, output * np.nan) == "network (by up to nan)"
