"""What a preset tells of itself after more training."""

import pytest

from keras_textrec.presets.history import trained_further, untrained

pytestmark = pytest.mark.once

ABOUT = {
    "description": "Reads words, trained only on rendered ones.",
    "license": "MIT",
    "trained_on": "Rendered words, and nothing else.",
    "images_seen": 5,
    "results": {"words": {"accuracy": 90.0}},
    "calibration": {"intercept": 0.1, "slope": 0.9},
    "source": {"url": "https://example.org"},
    "hub": "hf://a/b",
}


def test_trained_further():
    about = trained_further(ABOUT, "20 records of plates", "small_en")
    assert about == {
        "description": "small_en, trained further. That one: Reads words, trained only on rendered ones.",
        "license": "MIT",
        "trained_on": "20 records of plates, from the weights of small_en. Those were trained on: Rendered words, and "
        "nothing else.",
        "images_seen": 5,
    }
    assert trained_further(about, "20 records of plates", None) == about  # the next epochs
    more = trained_further(about, "3 records of signs", None)
    assert more["trained_on"] == f"3 records of signs. Before that: {about['trained_on']}"
    assert more["description"] == about["description"]
    for data in ("20 records of plates", "3 records of signs"):
        assert trained_further(more, data, None) == more


def test_a_new_network():
    assert trained_further({"license": "MIT"}, "20 records of plates", None)["trained_on"] == "20 records of plates."


def test_untrained():
    about = untrained(ABOUT)
    assert about.keys() == {"description", "license"}
    assert about["description"].startswith("The architecture of a preset, with other weights. That one: Reads words")
    own = {"description": "My network.", "license": "MIT"}
    assert untrained(own) == own
