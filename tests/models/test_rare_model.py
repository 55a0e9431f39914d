import functools

import keras
import numpy as np
import pytest

from keras_textrec import RARE, AttentionTokenizer, Charset, CTCTokenizer, ImageConverter
from keras_textrec.backbones import ResNetVD
from keras_textrec.presets.description import dtype_policy
from keras_textrec.training import FreeRunningLoss, SequenceLoss
from tests.tiny import draw

BACKEND = keras.backend.backend()


def make_rare(converter=None, **options) -> RARE:
    keras.utils.set_random_seed(0)
    tokenizer = AttentionTokenizer(Charset.named("alphanumeric"), lowercase=True)
    converter = converter or ImageConverter(32, 64)
    backbone = ResNetVD((0, 1, 1, 1), (8, 8, 16, 16), (8,))
    return RARE(tokenizer, converter, backbone, 8, **{"rectify": "small", "steps": 6, **options})


@functools.cache
def rare() -> RARE:
    """Rectifying; the tests that share it do not change it."""
    model = make_rare()
    rng = np.random.default_rng(0)
    for weight in model.get_layer("decoder").weights:
        weight.assign(2 * rng.normal(size=weight.shape))
    return model


@functools.cache
def unrectified() -> RARE:
    return make_rare(ImageConverter(32, 64, "widen"), rectify=None)


def pixels(rows, width=64):
    return np.random.default_rng(0).normal(size=(rows, 32, width, 3)).astype("float32")


LABELS = np.array([[13, 11, 30, -1, -1], [14, -1, -1, -1, -1], [-1, -1, -1, -1, -1]], "int32")


def test_teacher_forcing_and_evaluation_tokens():
    assert rare().tokens(LABELS).tolist() == [[0, 13, 11, 30, 37, 0], [0, 14, 37, 0, 0, 0], [0, 37, 0, 0, 0, 0]]
    assert (rare().tokens(LABELS, training=False) == np.full((3, 6), -1)).all()
    loss = rare().make_loss()
    assert isinstance(loss, SequenceLoss) and loss.end_id == 37
    assert rare().time_steps() == rare().time_steps(1000) == 6


def test_free_running_is_the_published_way():
    """It needs a step for the start symbol: with 6 steps, labels of at most 4 characters."""
    model = make_rare(rectify=None, free_running=True)
    assert (model.tokens(LABELS) == np.full((3, 6), -1)).all()
    assert isinstance(model.make_loss(), FreeRunningLoss)
    steps = model.time_steps()
    assert model.tokenizer.check(["abcd", "abcde"], time_steps=steps).dropped == {"infeasible": 1}
    again = RARE.from_config(model.get_config())
    assert again.free_running and again.rectify is None


def test_the_reader_writes_what_training_without_tokens_gives():
    model, x = rare(), pixels(2)
    logits = keras.ops.convert_to_numpy(model([x, np.full((2, 6), -1)]))
    probabilities, attention = (keras.ops.convert_to_numpy(y) for y in model.attention_reader(x))
    np.testing.assert_allclose(probabilities, keras.ops.convert_to_numpy(keras.ops.softmax(logits)), atol=1e-5)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(model.reader(x)), probabilities, atol=1e-5)
    assert probabilities.shape == (2, 6, 38) and attention.shape == (2, 6, 16)
    assert len(model.reader.weights) == len(model.weights)


def test_readings_with_their_attention():
    images = [draw("cat"), draw("hippopotamus")]
    plain = rare().read(images)
    shown = rare().read(images, attention=True)
    assert [reading.text for reading in shown] == [reading.text for reading in plain]
    assert any(reading.text for reading in plain), "the test needs a network that writes something"
    for reading in shown:
        assert reading.attention.shape == (len(reading.text), 16)
        np.testing.assert_allclose(reading.attention.sum(-1), 1, rtol=1e-4)
        assert all((c.left, c.right) == (None, None) for c in reading.characters)
    assert rare().read(images[0], attention=True).text == plain[0].text


def test_straightened_image_of_a_straight_outline():
    """Sampling through the outline of an untouched image gives it back, but for half a pixel at the edges."""
    model, image = make_rare(), draw("word", height=32)[:, :64]
    fc2 = model.get_layer("tps").get_layer("fc2")
    x = np.linspace(-1, 1, 10)
    straight = np.concatenate([np.stack([x, np.full(10, y)], -1) for y in (-1, 1)])
    fc2.set_weights([np.zeros_like(fc2.get_weights()[0]), straight.reshape(-1)])
    rectified = model.rectified(image)
    assert rectified.dtype == "uint8" and rectified.shape == (32, 64, 3)
    assert np.abs(rectified.astype(int) - image).mean() < 16
    centre = (slice(12, 20), slice(28, 36))
    assert np.abs(rectified[centre].astype(int) - image[centre]).mean() < 4

    blue = np.full((32, 64, 3), [0, 0, 255], "uint8")
    np.testing.assert_array_equal(model.rectified(blue)[10, 30], [0, 0, 255])


def test_without_rectification_any_width():
    model = unrectified()
    with pytest.raises(ValueError, match="does not rectify"):
        model.rectified(draw("cat"))
    for width in (16, 90):
        x = pixels(2, width)
        assert tuple(model([x, model.tokens(LABELS[:2])]).shape) == (2, 6, 38)
        assert tuple(model.attention_reader(x)[1].shape) == (2, 6, width // 4)
    assert model.reader.output.shape[-1] == 38


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: make_rare(ImageConverter(32, 64, "widen")), "rectification needs images of one width"),
        (lambda: make_rare(ImageConverter(64, 64)), "makes 2 rows of an image of height 64"),
        (lambda: make_rare(rectify="medium"), "size must be 'large' or 'small'"),
        (lambda: RARE(CTCTokenizer("ab")), "needs the tokenizer AttentionTokenizer, not CTCTokenizer"),
    ],
)
def test_what_it_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_configuration_round_trips():
    model = make_rare(steps=9)
    for again in (
        RARE.from_config(model.get_config()),
        keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model)),
    ):
        assert again.get_config() == model.get_config()
        assert [w.shape for w in again.weights] == [w.shape for w in model.weights]


def test_a_keras_file_reads_the_same(tmp_path):
    image = draw("word")
    rare().save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.read(image).text == rare().read(image).text
    assert loaded.read(image).confidence == pytest.approx(rare().read(image).confidence, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("jit", [{"tensorflow": True, "jax": False, "torch": False}[BACKEND]])
def test_one_step_in_mixed_precision_with_the_other_jit_setting(jit):
    with dtype_policy("mixed_bfloat16"):
        model = make_rare()
    assert model.backbone.get_layer("stem1_conv").compute_dtype == "bfloat16"
    assert model.output.dtype == "float32"
    assert {v.dtype for v in model.weights} == {"float32"}
    model.compile(weighted_metrics=None, jit_compile=jit)
    x = [pixels(3), model.tokens(LABELS)]
    assert np.isfinite(float(model.train_on_batch(x, LABELS, np.array([1, 1, 0]))))
