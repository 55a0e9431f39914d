"""What every recogniser of the zoo does alike: `fit`, keeping as a preset, reading alone or in a batch."""

import keras
import numpy as np
import pytest

import keras_textrec as textrec
from keras_textrec.backbones import MobileNetV3, RepSVTRBackbone, ResNet31, ResNetVD, SVTRv2Backbone
from keras_textrec.training.recipes import Recipe
from tests.tiny import WORDS, draw, write_lmdb

CHARACTERS = textrec.Charset.named("alphanumeric")


def options(tokenizer, resize="pad"):
    return tokenizer(CHARACTERS, lowercase=True), textrec.ImageConverter(32, 64, resize=resize)


def vd():
    return ResNetVD((0, 1, 1, 1), (8, 8, 16, 16), (8,))


def repsvtr():
    return RepSVTRBackbone(((16, True, 1, 1), (32, False, 2, 1), (32, True, 1, 1)))


MODELS = {
    "crnn": lambda: textrec.CRNN(*options(textrec.CTCTokenizer, "widen"), MobileNetV3("small", 0.35), 8),
    "rare": lambda: textrec.RARE(*options(textrec.AttentionTokenizer), vd(), 8, rectify="small", steps=8),
    "rare_unrectified": lambda: textrec.RARE(
        *options(textrec.AttentionTokenizer, "widen"), vd(), 8, rectify=None, steps=8
    ),
    "robust_scanner": lambda: textrec.RobustScanner(
        *options(textrec.SARTokenizer), ResNet31((1, 1, 1, 1), (8, 8, 16, 16), (8, 8)), 8, steps=8
    ),
    "svtrv2_guided": lambda: textrec.SVTRv2(
        *options(textrec.CTCTokenizer, "widen"),
        SVTRv2Backbone((32, 32, 64), (1, 2, 1), (1, 1, 0)),
        guided=True,
        hidden_size=32,
    ),
    "repsvtr": lambda: textrec.RepSVTR(*options(textrec.CTCTokenizer, "widen"), repsvtr(), hidden_size=32),
}


# What RARE without a rectifier has beside the other is a canvas that grows. XLA compiles small depthwise convolutions
# for long; tests/parity trains such networks on JAX.
SLOW = {"rare_unrectified"} | ({"crnn", "repsvtr"} if keras.backend.backend() == "jax" else set())


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in MODELS])
def model(request):
    keras.utils.set_random_seed(0)
    model = MODELS[request.param]()
    model.recipe = Recipe(batch_size=4, learning_rate=1e-2, max_length=7)
    return model


@pytest.mark.builds
def test_fit_keep_and_read(model, tmp_path):
    words = textrec.data.lmdb(write_lmdb(tmp_path / "words"))
    before = [keras.ops.convert_to_numpy(v).copy() for v in model.trainable_variables]
    model.compile()
    history = model.fit(
        model.training_data(words, steps_per_epoch=2),
        validation_data=model.evaluation_data(words),
        epochs=1,
        verbose=0,
    ).history
    assert all(np.isfinite(values[0]) for values in history.values())
    assert any(name.endswith("accuracy") and name.startswith("val_") for name in history)
    changed = [
        not np.array_equal(keras.ops.convert_to_numpy(v), old)
        for v, old in zip(model.trainable_variables, before, strict=True)
    ]
    assert np.mean(changed) > 0.9

    model.save_to_preset(tmp_path / "preset")
    again = textrec.TextRecognizer.from_preset(tmp_path / "preset")
    assert type(again) is type(model) and again.get_config() == model.get_config()

    images = [draw(word) for word in (*WORDS[:3], "averylongwordforthis")]
    together = again.read(images)
    for image, one in zip(images, together, strict=True):
        alone = model.read(image)
        assert alone.text == one.text
        assert alone.confidence == pytest.approx(one.confidence, abs=1e-4)


@pytest.mark.slow
def test_training_a_guided_network(tmp_path):
    """`train` watches the CTC branch of a guided network, and the preset it leaves can be read without the guide."""
    keras.utils.set_random_seed(0)
    model = MODELS["svtrv2_guided"]()
    model.recipe = Recipe(batch_size=4, max_length=7, steps_per_epoch=1)
    words = textrec.data.lmdb(write_lmdb(tmp_path / "words"))
    textrec.train(model, words, words, tmp_path / "run")
    best = textrec.SVTRv2.from_preset(tmp_path / "run" / "best")
    x = np.random.default_rng(0).normal(size=(2, 32, 64, 3)).astype("float32")
    shipped = best.without_guide()
    assert shipped.count_params() < best.count_params()
    np.testing.assert_allclose(shipped.reader.predict_on_batch(x), best.reader.predict_on_batch(x), atol=1e-6)
