import json
import math

import numpy as np
import pytest

from keras_textrec.reading.evaluate import SetReadings
from keras_textrec.reports.breakdown import BINS, break_down, calibration_error, sign_test

pytestmark = pytest.mark.once


def readings(*words, protocol="exact") -> SetReadings:
    """Of (label, text, confidence) each, in images of 30 x 100 pixels."""
    labels, texts, confidences = (list(column) for column in zip(*words))
    n = len(labels)
    right = np.array([label == text for label, text in zip(labels, texts)])
    sizes = np.full(n, 100, np.int32), np.full(n, 30, np.int32), np.full(n, 12.5, np.float32)
    confidences = np.array(confidences, np.float32)
    numbers = confidences, np.ones(n, np.float32), np.zeros(n, np.float32)
    return SetReadings([b""] * n, protocol, labels, texts, np.ones(n, bool), right, *numbers, *sizes, 1.0)


def test_accuracy_by_length_and_size():
    numbers = break_down([readings(("ab", "ab", 1), ("abc", "abd", 0.5)), readings(("a b", "ab", 1))])
    words, right = numbers.accuracy_by["characters"]  # spaces aside
    assert dict(zip(BINS["characters"], words.tolist()))[2] == 2 and words.sum() == 3
    assert right.tolist()[2:4] == [1, 0]
    words, right = numbers.accuracy_by["width"]
    assert words[BINS["width"].index(96)] == 3 and right.sum() == 1
    assert numbers.accuracy_by["height"][0][BINS["height"].index(24)] == 3
    assert numbers.accuracy_by["contrast"][0][BINS["contrast"].index(10)] == 3


def test_calibration_is_a_plain_count():
    numbers = break_down([readings(("a", "a", 0.95), ("b", "x", 0.95), ("c", "c", 0.2), ("d", "d", 1.0))])
    words, right, _ = numbers.calibration
    assert words.sum() == 4 and right.sum() == 3
    # Three of the surest bin, two of them right; one below, which is right.
    wanted = (abs(2 - (0.95 + 0.95 + 1.0)) + abs(1 - 0.2)) / 4
    assert calibration_error(numbers.calibration) == pytest.approx(wanted, rel=1e-6)
    assert numbers.to_dict()["calibration"]["uncalibrated_error"] == pytest.approx(1 / 4)  # each has the confidence 1


def test_confusions_count_edits_of_wrong_words_as_the_set_compares_them():
    exact = readings(("cat", "cot", 1), ("cats", "cot", 1), ("rn", "m", 1), ("ok", "ok", 1), ("Ab", "ab", 1))
    assert break_down([exact]).confusions == {("a", "o"): 2, ("s", ""): 1, ("r", ""): 1, ("n", "m"): 1, ("A", "a"): 1}
    caseless = readings(("CAT", "cot", 1), protocol="alphanumeric")
    assert break_down([caseless]).confusions == {("a", "o"): 1}


def test_the_numbers_are_json():
    content = json.loads(json.dumps(break_down([readings(("你", "尔", 0.5), ("好", "好", 1))]).to_dict()))
    assert content["confusions"] == [{"label": "你", "read": "尔", "times": 1}]
    assert content["accuracy_by"]["characters"] == [{"from": 1, "words": 2, "accuracy": 0.5}]
    assert [row["accuracy"] for row in content["calibration"]["bins"]] == [0, 1]


def test_the_sign_test_is_exact():
    assert sign_test(0, 0) == sign_test(4, 4) == 1
    assert sign_test(0, 5) == sign_test(5, 0) == 2 / 32
    assert sign_test(1, 9) == 22 / 1024
    assert sign_test(30, 50) == pytest.approx(2 * sum(math.comb(80, k) for k in range(31)) / 2**80)
    # Ten thousand words, where the normal approximation holds.
    wanted = math.erfc((5100 - 4900 - 1) / math.sqrt(10_000) / math.sqrt(2))
    assert sign_test(4900, 5100) == pytest.approx(wanted, rel=1e-3)
