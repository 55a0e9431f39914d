import functools

import keras
import numpy as np
import pytest

from keras_textrec import CTCTokenizer, ImageConverter, RepSVTR, SVTRv2, TextRecognizer
from keras_textrec.backbones import RepSVTRBackbone, ResNetVD, SVTRv2Backbone
from keras_textrec.presets.description import dtype_policy
from keras_textrec.training import CTCLoss
from tests.tiny import draw

BACKEND = keras.backend.backend()
Y = np.array([[13, 11, 30, -1], [14, 14, -1, -1]], "int32")
BLOCKS = ((32, True, 1, 1), (64, False, 2, 1), (64, False, 1, 1))


def make(cls, guided=True, **options):
    """A network of every kind of block, for 36 characters; its input is 32 x 64 or wider."""
    keras.utils.set_random_seed(0)
    tokenizer = CTCTokenizer("0123456789abcdefghijklmnopqrstuvwxyz", lowercase=True, unknown="strip")
    converter = ImageConverter(32, 64, "widen", width_multiple=8)
    backbone = RepSVTRBackbone(BLOCKS) if cls is RepSVTR else SVTRv2Backbone((32, 64), (1, 2), (1, 1))
    model = cls(tokenizer, converter, backbone, guided=guided, hidden_size=32, **options)
    rng = np.random.default_rng(0)
    for variable in model.weights:  # so that every branch does something, and images are read differently
        noise = rng.normal(size=variable.shape) * (0.3 if len(variable.shape) > 1 else 0.1)
        variable.assign(1 + np.abs(noise) if variable.path.endswith(("gamma", "variance")) else noise)
    return model


shared_model = functools.cache(make)


def pixels(rows=2, height=32, width=64):
    return np.random.default_rng(0).normal(size=(rows, height, width, 3)).astype("float32")


def read(model, x):
    return keras.ops.convert_to_numpy(model.reader.predict_on_batch(x))


@pytest.mark.parametrize("cls", [SVTRv2, RepSVTR])
def test_heights_and_widths_are_free(cls):
    model = shared_model(cls)
    assert [model.time_steps(width) for width in (64, 101, 7)] == [8, 13, 1]
    assert model.time_steps() == 8
    for height, width in [(48, 101), (64, 64)]:
        assert read(model, pixels(1, height, width)).shape == (1, model.time_steps(width), 37)


@pytest.mark.parametrize("cls", [SVTRv2, RepSVTR])
def test_a_preset_keeps_the_guide_and_without_it_reads_the_same(cls, tmp_path):
    model = shared_model(cls)
    shipped = model.without_guide()
    assert type(shipped) is cls and not shipped.guided
    assert shipped.count_params() == model.reader.count_params() < model.count_params()
    image = draw("word")
    for kept in (model, shipped):
        kept.save_to_preset(tmp_path / "preset")
        loaded = TextRecognizer.from_preset(tmp_path / "preset")
        assert type(loaded) is cls and loaded.guided == kept.guided
        assert loaded.get_config() == kept.get_config()
        assert loaded.count_params() == kept.count_params()
        assert loaded.read(image) == model.read(image)


def test_fused_repsvtr_reads_the_same(tmp_path):
    model, x = shared_model(RepSVTR), pixels()
    fused = model.fuse()
    assert fused.guided and fused.count_params() < model.count_params()
    np.testing.assert_allclose(read(fused, x), read(model, x), atol=1e-5)
    fused.without_guide().save_to_preset(tmp_path / "preset")
    np.testing.assert_allclose(read(TextRecognizer.from_preset(tmp_path / "preset"), x), read(fused, x), atol=1e-6)
    with pytest.raises(ValueError, match="repsvtr_backbone is fused already"):
        fused.fuse()


@pytest.mark.one_backend
def test_the_guide_trains_the_backbone_and_ctc_does_not():
    """The published `use_guide`; without a guide CTC trains everything."""
    for guided in (True, False):
        model = make(RepSVTR, guided, dropout=0.0)
        inputs, targets = model.arrange(pixels(), None, Y, training=True)
        loss = {"ctc": CTCLoss(), "guide": None} if guided else CTCLoss()
        model.compile(keras.optimizers.SGD(0.1), loss, weighted_metrics=None, jit_compile=BACKEND == "jax")
        stem = model.backbone.get_layer("stem0_conv")
        before = stem.get_weights()[0].copy()
        model.train_on_batch(inputs, targets)
        assert np.array_equal(before, stem.get_weights()[0]) == guided


@pytest.mark.slow
def test_one_guided_step_in_mixed_precision():
    with dtype_policy("mixed_bfloat16"):
        model = make(SVTRv2)
    assert model.backbone.compute_dtype == "bfloat16"
    assert {output.dtype for output in model.outputs} == {"float32"}
    assert {variable.dtype for variable in model.weights} == {"float32"}
    model.compile()
    results = model.train_on_batch(*model.arrange(pixels(), None, Y, training=True), np.ones(2), return_dict=True)
    assert {"loss", "ctc_loss", "guide_loss", "ctc_accuracy", "ctc_exact", "ctc_similarity"} == set(results)
    assert np.isfinite([float(value) for value in results.values()]).all()


@pytest.mark.slow  # XLA compiles the step for a minute and more
@pytest.mark.parametrize("jit", [{"tensorflow": True, "jax": False, "torch": False}[BACKEND]])
def test_one_step_with_the_other_jit_setting(jit):
    model = make(SVTRv2)
    model.compile(weighted_metrics=None, jit_compile=jit)  # the metrics are those of every recogniser
    results = model.train_on_batch(*model.arrange(pixels(), None, Y, training=True), np.ones(2), return_dict=True)
    assert np.isfinite([float(value) for value in results.values()]).all()


def test_stochastic_depth_grows_from_nothing():
    backbone = SVTRv2Backbone((32, 64), (3, 2), (3, 0), stochastic_depth=0.2)
    names = ["stage0_block0", "stage0_block1", "stage0_block2", "stage1_block0", "stage1_block1"]
    rates = [[backbone.get_layer(f"{name}_norm{i}_drop").rate for name in names] for i in (1, 2)]
    np.testing.assert_allclose(rates, [[0, 0.05, 0.1, 0.15, 0.2]] * 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SVTRv2Backbone((32, 64), (1, 1), (1,)), "SVTRv2Backbone: .*one entry a stage"),
        (lambda: SVTRv2Backbone((48,), (1,), (1,)), "SVTRv2Backbone: widths .48. must be multiples of 32"),
        (
            lambda: RepSVTRBackbone(((32, True, 1, 1), (64, True, 1, 1))),
            "block 2 must stride to make 64 channels of 32",
        ),
        (lambda: SVTRv2("abc", backbone=ResNetVD((1, 1), (8, 8))), "SVTRv2: resnet_vd makes 6 rows"),
        (
            lambda: SVTRv2("abc", backbone=shared_model(SVTRv2).backbone, hidden_size=40),
            "neck_block0_mixer: .* multiples of 32",
        ),
    ],
)
def test_what_cannot_be_built_says_why(make, message):
    with pytest.raises(ValueError, match=message):
        make()
