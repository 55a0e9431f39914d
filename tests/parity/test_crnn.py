"""CRNN held to PaddleOCR's own numbers: same weights in, same maps, probabilities, texts, losses and gradients out."""

import keras
import numpy as np
import pytest

from keras_textrec import CRNN, Charset, CTCTokenizer
from keras_textrec.backbones import MobileNetV3, ResNetVD
from keras_textrec.converters.paddle import load_paddle_weights
from keras_textrec.training import CTCLoss
from tests.parity.comparing import TRAINING, assert_published, compare_gradients, compare_running_statistics
from tests.parity.gradients import loss_and_gradients

# name -> backbone, LSTM units, {published intermediate: our layer}
NETWORKS = {
    "crnn_mv3": (
        MobileNetV3,
        96,
        {"conv1": "conv1_act", "conv2": "conv2_act"}
        | {f"block{i}": f"block{i}_add" for i in (0, 5, 9, 14)}
        | {f"block{i}": f"block{i}_project_bn" for i in (1, 3, 12)},
    ),
    "crnn_r34": (
        ResNetVD,
        256,
        {
            "stem": "stem3_act",
            "pool": "pool",
            "block2": "stage0_block2_act",
            "block6": "stage1_block3_act",
            "block12": "stage2_block5_act",
            "block15": "stage3_block2_act",
        },
    ),
}
# With RARE of ResNet34-vd, CRNN of MobileNetV3 has every part compared on every backend.
PARAMS = ["crnn_mv3", pytest.param("crnn_r34", marks=pytest.mark.one_backend)]


@pytest.fixture(scope="module", params=PARAMS)
def published(request, rule):
    """name, our network with the published weights, what the published network computes, its input (B, H, W, 3)."""
    backbone, hidden_size, _ = NETWORKS[request.param]
    tokenizer = CTCTokenizer(Charset.named("alphanumeric"))
    model = CRNN(tokenizer, backbone=backbone(), hidden_size=hidden_size)
    load_paddle_weights(model, rule.load_weights(request.param))
    expected = rule.expected(request.param)
    return request.param, model, expected, expected["input"].transpose(0, 2, 3, 1)


def test_parameter_counts(published, rule):
    """Ours differ by the LSTMs' second bias only, which is summed into the first."""
    name, model, _, _ = published
    second_biases = 4 * 4 * model.hidden_size
    manifest = rule.manifest(name)
    assert model.count_params() == manifest["params_total"] - second_biases
    trainable = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert trainable == manifest["params_trainable"] - second_biases


def test_intermediates(published):
    name, model, expected, x = published
    wanted = NETWORKS[name][2]
    outputs = [model.backbone.get_layer(layer).output for layer in wanted.values()] + [model.backbone.output]
    maps = keras.Model(model.backbone.input, outputs).predict_on_batch(x)
    for key, ours in zip([*(f"bb.{k}" for k in wanted), "backbone_out"], maps, strict=True):
        assert_published(ours.transpose(0, 3, 1, 2), expected, key)


def test_reading(published):
    """Also the measure of parity: the largest difference is printed with `pytest -s`."""
    name, model, expected, x = published
    outputs = [model.get_layer("lstm_1").output, model.output, model.reader.output]
    neck, logits, probabilities = keras.Model(model.input, outputs).predict_on_batch(x)
    assert_published(neck, expected, "neck_out")
    assert_published(logits, expected, "logits")
    difference = np.abs(probabilities - expected["probs"]).max()
    print(f"\n{name} on {keras.backend.backend()}: probabilities within {difference:.1e}")
    assert difference <= 1e-4
    readings = model.tokenizer.decode(probabilities)
    assert [reading.text for reading in readings] == expected["decoded_text"].tolist()
    np.testing.assert_allclose([reading.confidence for reading in readings], expected["decoded_conf"], rtol=1e-4)


# Gradient norms are conditioned worse than 1e-3: moving the input by 1e-6 N(0, 1) changes the worst of them by 7e-3 on
# running and by 1.4e-2 on batch statistics, and their median by 5e-4 (torch). So their median is held to 1e-3, and each
# of them to what that noise does.
WORST_GRADIENT = {"trainA": 7e-3, "trainBN": 1.4e-2}


@pytest.mark.parametrize("prefix", TRAINING)
def test_training(published, prefix):
    """The training forward, its loss, every gradient's norm and the updated running statistics."""
    name, model, expected, x = published
    before = [keras.ops.convert_to_numpy(v).copy() for v in model.weights]
    labels = np.where(np.arange(25) < expected["lab.length"][:, None], expected["lab.label"], -1)
    loss, logits, gradients = loss_and_gradients(model, CTCLoss(), x, labels, training=prefix == "trainBN")
    np.testing.assert_allclose(logits, expected[f"{prefix}.logits"], atol=5e-3)
    np.testing.assert_allclose(loss, expected[f"{prefix}.loss.loss"], rtol=1e-3)

    compare_gradients(name, model, gradients, expected, prefix, WORST_GRADIENT[prefix])
    compare_running_statistics(model, expected, prefix)
    for variable, value in zip(model.weights, before, strict=True):
        variable.assign(value)
