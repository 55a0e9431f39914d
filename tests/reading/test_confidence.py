"""A calibration is found again in what it made, and changes a reading's confidence alone."""

import dataclasses

import numpy as np
import pytest

from keras_textrec.reading.confidence import Calibration, calibrated
from keras_textrec.text import Character
from keras_textrec.text.readings import reading_of

pytestmark = pytest.mark.once


def test_fit_finds_what_made_the_texts_right():
    rng = np.random.default_rng(0)
    products = rng.beta(2, 1, 20_000)
    made = Calibration(-1.0, 0.6)
    found = Calibration.fit(products, rng.random(len(products)) < made.apply(products))
    assert (found.intercept, found.slope) == pytest.approx((made.intercept, made.slope), abs=0.06)


def test_what_is_told_apart_without_a_fault_stays_finite():
    found = Calibration.fit(np.repeat([0.0, 1.0], 200), np.repeat([False, True], 200))
    low, middle, high = found.apply(np.array([0.0, 0.5, 1.0]))
    assert 0 < low < 1e-3 < middle < 1 - 1e-3 < high < 1


def test_confidence_that_says_the_contrary_is_refused():
    with pytest.raises(ValueError, match="no surer of right texts than of wrong ones"):
        Calibration.fit(np.repeat([0.1, 0.9], 200), np.repeat([True, False], 200))


def test_only_the_confidence_of_a_reading_changes():
    reading, error = reading_of([Character("a", 0.5, 0, 3), Character("b", 0.5)]), ValueError("no image")
    (_, changed), (_, nothing), (_, same) = calibrated(
        iter(enumerate([reading, reading_of([]), error])), Calibration(0.5, 2.0)
    )
    logit = 0.5 + 2 * np.log(0.25 / 0.75)
    assert changed.confidence == pytest.approx(1 / (1 + np.exp(-logit)))
    assert changed == dataclasses.replace(reading, confidence=changed.confidence)
    assert (nothing.confidence, same) == (0.0, error)


@pytest.mark.parametrize("values", [{}, {"intercept": 1}, {"intercept": 1, "slope": "much"}, [1, 2], None])
def test_what_is_no_calibration(values):
    with pytest.raises(ValueError, match="has numbers 'intercept' and 'slope'"):
        Calibration.from_dict(values)
