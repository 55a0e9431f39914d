import numpy as np
import pytest

from keras_textrec import CTCTokenizer
from keras_textrec.reading.confidence import Calibration
from keras_textrec.reports import calibrate
from keras_textrec.text import Character
from keras_textrec.text.readings import reading_of
from tests.tiny import draw, png

pytestmark = pytest.mark.once

IMAGE = png(draw("x"))


class Records(list):
    """A source of the texts in it."""

    def __getitem__(self, index):
        return IMAGE, super().__getitem__(index)

    def key(self, index):
        return f"here/words: {index}"


class Sure:
    """A recogniser that reads every word as "ab", as sure of it as it is told."""

    tokenizer = CTCTokenizer("abc")

    def __init__(self, confidences):
        self.confidences = confidences
        self.about = {"license": "MIT", "calibration": "an older one"}

    def read_stream(self, images, batch_size):
        for position, _ in enumerate(images):
            yield position, reading_of([Character(text, self.confidences[position]) for text in "ab"])


def test_too_sure_a_recogniser_is_made_honest():
    rng = np.random.default_rng(0)
    confidences = rng.uniform(0.6, 1, 1500)
    right = rng.random(1500) < Calibration(-1.5, 1.2).apply(confidences**2)
    model = Sure(confidences.tolist())
    report = calibrate(model, {"words": Records(np.where(right, "ab", "c").tolist())})
    kept, judged = model.about["calibration"], report["all"]
    assert model.about["license"] == "MIT" and kept == report["calibration"]
    assert kept["fitted"] + kept["judged"] == 1500 and 650 < kept["judged"] < 850
    assert kept["error_before"] > 0.3 and kept["error"] < 0.08
    assert judged["confidence"] == pytest.approx(judged["accuracy"], abs=0.07)
    assert [row["name"] for row in report["sets"]] == ["words"] and report["sets"][0]["error"] == judged["error"]
    easy, middle, _ = report["trusted"]
    assert easy["confidence"] < middle["confidence"] and 1 > easy["coverage"] > middle["coverage"]
    assert easy["reached"] == pytest.approx(0.9, abs=0.05)


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["ab", "c"] * 99, "There are 198 words that can be read; a calibration needs at least 200"),
        (["ab"] * 295 + ["c"] * 5, "Of 300 words, 295 are read right and 5 wrong; .* give harder words"),
        (["c"] * 300, "Of 300 words, 0 are read right and 300 wrong; .* give easier words"),
    ],
)
def test_words_that_calibrate_nothing(words, sentence):
    model = Sure([0.9] * len(words))
    with pytest.raises(ValueError, match=sentence):
        calibrate(model, {"words": Records(words)})
    assert model.about["calibration"] == "an older one"
