"""The preset that comes with the package reads."""

import numpy as np
import pytest

import keras_textrec as textrec
from keras_textrec.commands.read import DEFAULT_PRESET
from keras_textrec.presets.description import FOLDER
from keras_textrec.text.comparing import normalize_text
from tests.tiny import draw

WEIGHTS = FOLDER / "weights" / f"{DEFAULT_PRESET}.weights.h5"


@pytest.fixture(scope="module")
def model():
    return textrec.TextRecognizer.from_preset(DEFAULT_PRESET)


def test_it_is_small(model):
    assert WEIGHTS.stat().st_size <= 10e6
    assert {"trained_on", "results"} <= set(model.about)


def test_it_reads_clean_words(model):
    words = ["HELLO", "coffee", "Street", "Market", "2026", "open", "Hotel", "GARAGE"]
    readings = model.read([draw(word, height=40) for word in words])
    right = np.mean([reading.text.lower() == word.lower() for reading, word in zip(readings, words, strict=True)])
    assert right >= 0.75, [reading.text for reading in readings]


@pytest.mark.one_backend
def test_it_makes_no_words_of_random_strings():
    """As TrOCR does of plates (microsoft/unilm#1550)."""
    strings = ["QHXVZKT", "WKPTNGF", "TRAIM5", "STREEL", "XOPEN7"]
    plates = textrec.TextRecognizer.from_preset(DEFAULT_PRESET, charset="ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
    assert [reading.text for reading in plates.read([draw(text, height=40) for text in strings])] == strings


def test_it_reads_photographs(model, shared):
    """The first bar: 65 % of words in photographs, a-z and 0-9, case ignored; the whole set is in its description."""
    source = textrec.data.lmdb(shared / "data" / "validation" / "IIIT5k_train")
    records = [source[i] for i in range(200)]
    readings = model.read([data for data, _ in records])
    texts = [(reading.text, text) for reading, (_, text) in zip(readings, records, strict=True)]
    right = [normalize_text(read, "alphanumeric") == normalize_text(text, "alphanumeric") for read, text in texts]
    assert np.mean(right) >= 0.65
