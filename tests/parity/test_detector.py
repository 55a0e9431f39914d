"""RepSVTR's detector held to PaddleOCR's own numbers: same weights in, same maps out."""

import keras
import numpy as np
import pytest

from keras_textrec.converters.paddle import load_paddle_weights
from keras_textrec.models.text_detector import RepSVTRDetector
from tests.parity.comparing import assert_published

NAME = "det_repsvtr_db"


@pytest.fixture(scope="module")
def published(rule):
    """Our network with the published weights, and what the published network computes."""
    model = RepSVTRDetector()
    load_paddle_weights(model, rule.load_weights(NAME))
    return model, rule.expected(NAME)


@pytest.fixture(scope="module")
def ours(published):
    """{published key: our map (B, C, H, W)}, all of them from one pass."""
    model, expected = published
    backbone = model.backbone
    wanted = {"bb.features0": backbone.get_layer("stem1_bn").output}
    wanted |= {f"bb.features{i}": backbone.get_layer(f"block{i}_add").output for i in (1, 3, 4, 5, 10, 11, 12, 13)}
    inner = keras.Model(backbone.input, [*wanted.values(), *backbone.outputs])
    outer = keras.Model(model.input, [model.get_layer("neck").output, model.reader.output, model.output])
    x = expected["input"].transpose(0, 2, 3, 1)
    maps = [*inner.predict_on_batch(x), *outer.predict_on_batch(x)]
    pyramid = ("fine", "p3", "p4", "p5")
    keys = [*wanted, *pyramid, "neck_out", "maps", "trainA.maps"]
    return {key: value.transpose(0, 3, 1, 2) for key, value in zip(keys, maps, strict=True)}


def test_parameter_counts(published, rule):
    model, _ = published
    manifest = rule.manifest(NAME)
    assert model.count_params() == manifest["params_total"]
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == manifest["params_trainable"]


def test_network_input(published):
    """The fixture's images are BGR, and already of a size that stays."""
    model, expected = published
    for image, wanted in zip(expected["images_u8"], expected["input"], strict=True):
        x = model.converter(np.ascontiguousarray(image[..., ::-1]))
        np.testing.assert_allclose(x.transpose(2, 0, 1), wanted, atol=1e-5)


def test_intermediates(published, ours):
    _, expected = published
    for key in expected:
        if key.startswith("bb.") and key.endswith("@shape"):
            key = key.removesuffix("@shape")
            assert_published(ours[key], expected, key)
    assert_published(ours["fine"], expected, "backbone_out")
    np.testing.assert_array_equal(ours["p5"], ours["bb.features13"])
    assert_published(ours["neck_out"], expected, "neck_out")


# Moving the input by 1e-6 N(0, 1) changes the probabilities by 6e-6, and the soft binary map by 6e-5.
@pytest.mark.parametrize("key, allowed", [("maps", 2e-5), ("trainA.maps", 2e-4)], ids=["reading", "training"])
def test_maps(published, ours, key, allowed):
    """The probabilities when it reads; with them threshold and soft binary map when it trains."""
    _, expected = published
    assert list(ours[key].shape) == expected[f"{key}@shape"].tolist()
    theirs = expected[f"{key}@stride"]
    difference = np.abs(ours[key].reshape(-1)[:: int(expected[f"{key}@step"])] - theirs).max()
    print(f"\n{NAME} on {keras.backend.backend()}: {key} within {difference:.1e}")
    assert difference <= allowed


def test_fused_reads_the_same(published, ours):
    model, expected = published
    fused = model.fuse()
    assert fused.count_params() < model.count_params()
    maps = fused.reader.predict_on_batch(expected["input"].transpose(0, 2, 3, 1))
    np.testing.assert_allclose(maps.transpose(0, 3, 1, 2), ours["maps"], atol=2e-5)
