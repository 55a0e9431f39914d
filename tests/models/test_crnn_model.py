import keras
import numpy as np
import pytest

from keras_textrec import CRNN, CTCTokenizer, ImageConverter
from keras_textrec.backbones import MobileNetV3, ResNetVD
from keras_textrec.data import lmdb
from keras_textrec.presets import build
from keras_textrec.presets.folder import describe_folder
from tests.tiny import crnn, draw, make_crnn, write_lmdb

BACKEND = keras.backend.backend()


def pixels(rows, width, height=32):
    return np.random.default_rng(0).normal(size=(rows, height, width, 3)).astype("float32")


def labels():
    return np.array([[13, 11, 30, -1, -1, -1, -1, -1], [14, 14, -1, -1, -1, -1, -1, -1]], "int32")


def values(model):
    return [np.array(keras.ops.convert_to_numpy(v.value)) for v in model.trainable_variables]


@pytest.mark.one_backend
@pytest.mark.parametrize("width", [8, 101])
def test_output_shapes_and_time_steps(width):
    model = crnn()
    assert model.predict_on_batch(pixels(2, width)).shape == (2, model.time_steps(width), 37)
    assert model.time_steps(width) == width // 4
    assert model.time_steps() == 16  # the converter's width is 64
    assert model.input.shape == (None, 32, None, 3)


def test_the_reader_gives_probabilities_of_the_same_graph():
    model, x = crnn(), pixels(2, 64)
    probabilities = model.reader.predict_on_batch(x)
    np.testing.assert_allclose(probabilities.sum(-1), 1, rtol=1e-5)
    exponentials = np.exp(model.predict_on_batch(x))
    np.testing.assert_allclose(probabilities, exponentials / exponentials.sum(-1, keepdims=True), atol=1e-5)
    assert model.reader is model.reader
    assert len(model.reader.weights) == len(model.weights)


@pytest.mark.one_backend
@pytest.mark.parametrize("height", [17, 48])
def test_heights_that_leave_one_row(height):
    model = CRNN("ab", ImageConverter(height, 64), ResNetVD((1, 1, 1, 1), (4, 4, 4, 4), (4, 4, 4)), hidden_size=4)
    assert model.predict_on_batch(pixels(1, 64, height)).shape == (1, 16, 3)


@pytest.mark.parametrize("height, rows", [(8, 0), (16, 0), (64, 2)])
def test_other_heights_are_refused(height, rows):
    backbone = ResNetVD((1, 1, 1, 1), (4, 4, 4, 4), (4, 4, 4))
    with pytest.raises(ValueError, match=f"resnet_vd makes {rows} rows of an image of height {height}"):
        CRNN("ab", ImageConverter(height, 64), backbone, hidden_size=4)


@pytest.mark.one_backend
@pytest.mark.parametrize(
    "size, multiplier, channels",
    [("large", 0.1, 96), ("small", 0.5, 288)],
)
def test_mobile_backbones(size, multiplier, channels):
    backbone = MobileNetV3(size, multiplier)
    assert backbone.compute_output_shape((None, 32, 100, 3)) == (None, 1, 25, channels)
    model = CRNN("ab", backbone=backbone, hidden_size=4)
    assert model.compute_output_shape((2, 32, 100, 3)) == (2, 25, 3)
    again = MobileNetV3.from_config(backbone.get_config())
    assert again.count_params() == backbone.count_params()
    assert again.get_config() == backbone.get_config()


@pytest.mark.parametrize(
    "make", [lambda: MobileNetV3("medium"), lambda: MobileNetV3(strides=(1, 2)), lambda: ResNetVD((1, 1), (8,))]
)
def test_backbones_refuse_what_they_are_not(make):
    with pytest.raises(ValueError, match="^(MobileNetV3|ResNetVD): .*must"):
        make()


def test_configuration_round_trips():
    model = crnn()
    by_config = CRNN.from_config(model.get_config())
    by_keras = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model))
    for again in (by_config, by_keras):
        assert again.get_config() == model.get_config()
        assert again.tokenizer.charset == model.tokenizer.charset
        assert again.converter.get_config() == model.converter.get_config()
        assert [w.shape for w in again.weights] == [w.shape for w in model.weights]


def test_a_keras_file_keeps_the_tokenizer_and_the_converter(tmp_path):
    model, image = crnn(), draw("word")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.tokenizer.get_config() == model.tokenizer.get_config()
    assert loaded.converter.get_config() == model.converter.get_config()
    assert loaded.read(image) == model.read(image)


def test_mixed_precision_keeps_the_head_in_float32(tmp_path):
    crnn().save_to_preset(tmp_path / "preset")
    model = build(describe_folder(tmp_path / "preset"), "mixed_bfloat16")
    assert keras.config.dtype_policy().name == "float32"  # only the model is built in the other policy
    assert model.backbone.get_layer("stem1_conv").compute_dtype == "bfloat16"
    assert model.output.dtype == "float32"
    assert {v.dtype for v in model.weights} == {"float32"}
    model.compile(keras.optimizers.SGD(0.01), weighted_metrics=None)
    results = model.train_on_batch(pixels(2, 64), labels(), np.ones(2), return_dict=True)
    assert np.isfinite(float(results["loss"]))


# On TensorFlow without a GPU the default is not to compile, on JAX it is; the other tests train by default.
OTHER_JIT = pytest.param(BACKEND == "tensorflow", marks=pytest.mark.slow if BACKEND == "jax" else ())


@pytest.mark.parametrize("jit", [OTHER_JIT])
def test_one_step_with_the_other_jit_setting(jit):
    model = make_crnn(hidden_size=8, widths=(8, 8, 8, 8))
    model.compile(keras.optimizers.SGD(0.01), weighted_metrics=None, jit_compile=jit)
    results = model.train_on_batch(pixels(2, 64), labels(), np.ones(2), return_dict=True)
    assert np.isfinite(float(results["loss"]))


def test_fit_follows_the_policy_for_characters_outside_the_charset(tmp_path):
    """One compiled model, the policies one after the other."""
    source = lmdb(write_lmdb(tmp_path / "words", ["cat", "a-b", "---", "dog"]))
    model = make_crnn("error")
    model.compile(keras.optimizers.SGD(0.01), weighted_metrics=None)
    with pytest.raises(ValueError, match="Not all labels can be used: 2 of 4 labels dropped; 2 unknown"):
        model.training_data(source, batch_size=4)

    for unknown in ("strip", "drop"):
        before = values(model)
        model.tokenizer = CTCTokenizer(model.tokenizer.charset, unknown=unknown)
        history = model.fit(model.training_data(source, batch_size=4), verbose=0).history
        assert np.isfinite(history["loss"]).all()
        after = values(model)
        assert all(np.isfinite(value).all() for value in after)
        assert sum(not np.array_equal(a, b) for a, b in zip(before, after)) >= 0.9 * len(before)


def test_what_the_policies_train_on(tmp_path):
    """The batch says it: weight 0 for a dropped label, and its ids are all padding."""
    source = lmdb(write_lmdb(tmp_path / "words", ["cat", "a-b", "---", "dog"]))
    model = make_crnn("strip")
    for unknown, wanted in [("strip", [1, 1, 0, 1]), ("drop", [1, 0, 0, 1])]:
        model.tokenizer = CTCTokenizer(model.tokenizer.charset, unknown=unknown)
        _, y, weight = next(iter(model.evaluation_data(source, batch_size=4)))
        assert np.array(weight).tolist() == wanted
        assert (np.array(y)[np.array(wanted) == 0] == -1).all()
        assert np.array(y)[1].tolist()[:3] == ([11, 12, -1] if unknown == "strip" else [-1, -1, -1])


@pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow alone traces a step again that makes variables")
def test_fit_traces_the_training_step_once(tmp_path, monkeypatch):
    traced = []

    def train_step(self, data):
        traced.append(data)
        return super(CRNN, self).train_step(data)

    monkeypatch.setattr(CRNN, "train_step", train_step, raising=False)
    model = make_crnn()
    model.compile()
    words = lmdb(write_lmdb(tmp_path / "words"))
    model.fit(model.training_data(words, steps_per_epoch=2), shuffle=False, verbose=0)
    assert len(traced) == 1
