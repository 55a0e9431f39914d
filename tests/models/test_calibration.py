"""A model that was calibrated reads with honest confidences, and stays so until its weights are others."""

import dataclasses

import numpy as np
import pytest

from keras_textrec import TextRecognizer, load_exported
from keras_textrec.export.contract import contract_of
from keras_textrec.reading.confidence import Calibration
from tests.models.test_rare_model import make_rare
from tests.tiny import crnn, draw, make_crnn

pytestmark = pytest.mark.one_backend

KEPT = {"intercept": -0.5, "slope": 0.7, "error": 0.03}
CALIBRATION = Calibration(-0.5, 0.7)


@pytest.fixture(scope="module")
def model():
    model = make_crnn()
    model.about = {**model.about, "calibration": KEPT}
    return model


def test_readings_free_and_within_constraints(model):
    image = draw("walrus")
    for known in ({}, {"allow": "0-9"}, {"pattern": r"\w{3}"}):
        plain = crnn().read(image, **known)
        assert model.read(image, **known) == CALIBRATION(plain) != plain
    words = ["walrus", "cat"]  # whose confidence tells of the list
    assert model.read(image, lexicon=words) == crnn().read(image, lexicon=words)


def test_an_exported_file_is_calibrated_itself(model, tmp_path):
    model.export(tmp_path / "m.onnx")
    exported = load_exported(tmp_path / "m.onnx")
    assert exported.contract.confidence == "probability"
    for image in (draw("walrus"), draw("cat")):
        reading = model.read(image)
        assert reading.confidence != pytest.approx(crnn().read(image).confidence, abs=1e-2)
        assert exported.engine.run({"image": image[None]})["confidence"] == pytest.approx(reading.confidence, abs=1e-4)
        assert exported.read(image).confidence == pytest.approx(reading.confidence, abs=1e-4)


def test_attention_decoders():
    model = make_rare()
    plain, seen = model.read(draw("cat")), model.read(draw("cat"), attention=True)
    model.about = {"calibration": KEPT}
    assert model.read(draw("cat")) == CALIBRATION(plain)
    assert model.read(draw("cat"), attention=True) == CALIBRATION(seen)


def test_it_is_kept_until_the_weights_are_others(model, tmp_path):
    model.save_to_preset(tmp_path / "p")
    again = TextRecognizer.from_preset(tmp_path / "p")
    assert again.calibration == contract_of(model, model.converter).calibration == CALIBRATION
    assert TextRecognizer.from_preset(tmp_path / "p", charset="abc").calibration is None
    again.compile(jit_compile=False)
    again.fit(np.zeros((1, 32, 64, 3), "float32"), np.ones((1, 2), "int32"))
    assert again.calibration is None


def test_a_damaged_one_is_told():
    damaged = make_crnn()
    damaged.about = {"calibration": dataclasses.asdict(CALIBRATION) | {"slope": "much"}}
    with pytest.raises(ValueError, match="has numbers 'intercept' and 'slope'"):
        damaged.read(draw("cat"))
