import json

import numpy as np
import pytest

from keras_textrec.images import PhotoConverter

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    "shape, wanted",
    [
        ((480, 640), (480, 640)),
        ((1080, 1920), (544, 960)),
        ((500, 70), (512, 64)),
        ((2000, 100), (960, 64)),
        ((20, 20), (32, 32)),
    ],
)
def test_photographs_keep_their_ratio_in_steps_of_32(shape, wanted):
    x = PhotoConverter()(np.zeros((*shape, 3), "uint8"))
    assert (x.shape, x.dtype) == ((*wanted, 3), np.float32)


def test_sides():
    assert PhotoConverter(100, multiple=10)(np.zeros((400, 290, 3), "uint8")).shape == (100, 70, 3)


@pytest.mark.parametrize("order, first, last", [("RGB", 255, 128), ("BGR", 128, 255)])
def test_channels_and_normalisation(order, first, last):
    converter = PhotoConverter(channel_order=order, mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
    x = converter(np.full((32, 32, 3), (255, 0, 128), "uint8"))
    wanted = [(first / 255 - 0.485) / 0.229, (0 - 0.456) / 0.224, (last / 255 - 0.406) / 0.225]
    np.testing.assert_allclose(x[5, 7], wanted, rtol=1e-5)
    gray = PhotoConverter(channel_order=order)(np.full((32, 32, 3), (255, 0, 51), "uint8"))
    np.testing.assert_allclose(gray[5, 7], [1.0, -1.0, -0.6][:: 1 if order == "RGB" else -1], atol=1e-6)


def test_serialisation_round_trip():
    converter = PhotoConverter(640, 16, "BGR", [0.1, 0.2, 0.3], 0.4)
    again = PhotoConverter.from_config(json.loads(json.dumps(converter.get_config())))
    assert again.get_config() == converter.get_config()
    photo = np.random.default_rng(0).integers(0, 256, (50, 70, 3), "uint8")
    np.testing.assert_array_equal(again(photo), converter(photo))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"longest_side": 16}, "its longest side at least the multiple, got multiple=32 and longest_side=16"),
        ({"multiple": 0}, "multiple must be at least 1"),
        ({"channel_order": "GRB"}, "must be 'RGB' or 'BGR', got 'GRB'"),
        ({"mean": [0.5, 0.5]}, r"mean must be a number, or three, got \[0.5, 0.5\]"),
        ({"mean": float("nan")}, "mean must be a number, or three"),
        ({"std": [0.5, 0.0, 0.5]}, "std must be above 0"),
    ],
)
def test_refused(options, message):
    with pytest.raises(ValueError, match=message):
        PhotoConverter(**options)
