"""Pixels and decoding in TensorFlow's operators, against OpenCV and the tokenizers."""

import numpy as np
import pytest

from keras_textrec.images import ImageConverter
from keras_textrec.reading.confidence import Calibration
from keras_textrec.reading.contract import decoder_of
from keras_textrec.text import AttentionTokenizer, CTCTokenizer, SARTokenizer

pytestmark = pytest.mark.once
tf = pytest.importorskip("tensorflow")

from keras_textrec.export.tf_reading import decode, normalize, resize  # noqa: E402

CONVERTERS = {
    "stretch": ImageConverter(16, 40, "stretch"),
    "pad": ImageConverter(16, 40, "pad", channel_order="BGR", pad_value=-1.0, round_width_to=4, minimum_width=12),
    "widen": ImageConverter(16, 40, "widen", mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4), width_multiple=8),
    "fit": ImageConverter(16, 40, "fit", width_multiple=4, minimum_width=24),
    "turn": ImageConverter(16, 40, "pad", turn_above=2),
}


@pytest.mark.parametrize("converter", CONVERTERS.values(), ids=CONVERTERS)
def test_pixels_are_those_of_the_converter(converter):
    rng = np.random.default_rng(0)
    for height, width in [(16, 40), (32, 80), (9, 100), (50, 7), (33, 61), (2, 2), *rng.integers(2, 90, (20, 2))]:
        image = rng.integers(0, 256, (height, width, 3), "uint8")
        canvas = np.zeros((converter.height, converter.canvas_width(image.shape), 3), "uint8")
        end = converter.fit(image, canvas)
        pixels, filled = resize(tf.constant(image[None]), converter)
        assert int(filled) == end
        np.testing.assert_array_equal(pixels[0], canvas)
        x = normalize(pixels, filled, converter)
        np.testing.assert_array_equal(x, converter.convert([image], canvas.shape[1]))


def test_what_is_too_long_is_refused():
    with pytest.raises(tf.errors.InvalidArgumentError, match="too long"):
        resize(tf.zeros((1, 2, 202, 3), tf.uint8), CONVERTERS["widen"])


@pytest.mark.parametrize("tokenizer", [CTCTokenizer("ab"), AttentionTokenizer("ab"), SARTokenizer("ab")])
def test_characters_are_those_of_the_tokenizer(tokenizer):
    rng = np.random.default_rng(0)
    steps, canvas = 9, 36
    for end in (36, 30, 7, 1):
        probabilities = rng.dirichlet([0.3] * tokenizer.vocabulary_size, (50, steps)).astype("float32")
        outputs = decode(tf.constant(probabilities), tf.constant(end), canvas, decoder_of(tokenizer), 2)
        outputs = {name: value.numpy() for name, value in outputs.items()}
        ratios = np.full(50, end / canvas)
        for row, reading in enumerate(tokenizer.decode(probabilities, valid_ratio=ratios)):
            written = outputs["characters"][row] >= 0
            text = "".join("ab"[place] for place in outputs["characters"][row][written])
            assert text == reading.text
            assert outputs["confidence"][row] == pytest.approx(reading.confidence, abs=1e-6)
            assert (outputs["confidences"][row][~written] == 0).all()
            for name, unit in (("confidence", 1), ("left", canvas), ("right", canvas)):
                values = [getattr(character, name) for character in reading.characters]
                values = [-1 if value is None else value * unit for value in values]
                found = outputs[name + "s" if name == "confidence" else name][row]
                np.testing.assert_allclose(found[written], values, rtol=1e-5, atol=1e-5)
                assert name == "confidence" or (found[~written] == -1).all()


def test_confidence_is_calibrated():
    tokenizer, calibration = CTCTokenizer("ab"), Calibration(-0.4, 0.6)
    probabilities = np.random.default_rng(0).dirichlet([0.2] * 3, (50, 6)).astype("float32")
    probabilities[0] = np.eye(3)[0]  # nothing is read
    wanted = [calibration(reading).confidence for reading in tokenizer.decode(probabilities)]
    outputs = decode(tf.constant(probabilities), tf.constant(24), 24, decoder_of(tokenizer), 2, calibration)
    np.testing.assert_allclose(outputs["confidence"], wanted, atol=1e-4)
