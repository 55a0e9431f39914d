"""SVTRv2 and RepSVTR held to PaddleOCR's own numbers: same weights in, same maps, texts, losses and gradients out."""

import keras
import numpy as np
import pytest

from keras_textrec import Charset, CTCTokenizer, Recipe, RepSVTR, SVTRv2
from keras_textrec.backbones import SVTRv2Backbone
from keras_textrec.converters.paddle import load_paddle_weights
from keras_textrec.training import CTCLoss, SequenceLoss
from tests.parity.comparing import TRAINING, assert_published, compare_gradients, compare_running_statistics
from tests.parity.gradients import loss_and_gradients

# {published intermediate of the backbone: our layer}
SVTRV2_MAPS = {
    "pope": "patch1_act",
    "stage0": "stage1_down_norm",
    "stage1": "stage2_down_norm",
    "stage2": "stage2_block5_norm2",
}
REPSVTR_MAPS = {"features0": "stem1_bn"} | {f"features{i}": f"block{i}_add" for i in (1, 3, 4, 5, 10, 11, 12, 13)}
EN36 = Charset.named("alphanumeric")
CHINESE = Charset.named("ppocr_keys_v1", space=True)
NETWORKS = {"svtrv2_en36": EN36, "repsvtr_en36": EN36, "svtrv2": CHINESE, "repsvtr": CHINESE}
# The networks of 6,625 classes differ from the small ones in their heads only.
PARAMS = [pytest.param(name, marks=pytest.mark.slow if NETWORKS[name] is CHINESE else ()) for name in NETWORKS]
# Moving the input by 1e-6 N(0, 1) changes, on running and on batch statistics (torch): the logits by 2e-4 and 1e-3 of
# their spread, the worst gradient norm by 1.3e-4 and 4.8e-3, the median norm by 5e-5 and 1.2e-3.
LOGITS = {"trainA": 3e-4, "trainBN": 1e-3}
WORST_GRADIENT = {"trainA": 5e-4, "trainBN": 1e-2}


@pytest.fixture(scope="module", params=PARAMS)
def published(request, rule):
    """name, our network with the published weights, what the published network computes, its input (B, H, W, 3)."""
    name = request.param
    # The published numbers of training are without dropout and stochastic depth.
    options = {"tokenizer": CTCTokenizer(NETWORKS[name]), "guided": True, "dropout": 0.0}
    if name.startswith("svtrv2"):
        model = SVTRv2(backbone=SVTRv2Backbone(stochastic_depth=0.0), **options)
    else:
        model = RepSVTR(**options)
    sinusoids = {"head.gtc_head.positional_encoding.pe": np.zeros((5000, 1, 384))}  # in checkpoints, not in the rule
    load_paddle_weights(model, rule.load_weights(name) | sinusoids)
    expected = rule.expected(name)
    return name, model, expected, expected["input"].transpose(0, 2, 3, 1)


def test_parameter_counts(published, rule):
    name, model, _, _ = published
    manifest = rule.manifest(name)
    sinusoids = 5000 * 384  # a table in the published network; we compute it
    assert model.count_params() == manifest["params_total"] - sinusoids
    trainable = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert trainable == manifest["params_trainable"]
    # AdamW's decay leaves out names with "norm" and all of one dimension, there.
    settings = Recipe(weight_decay=0.05).variable_settings(model)
    decayed = sum(int(np.prod(v.shape)) for v, values in settings if v.trainable and values.decay)
    tensors = [t for t in manifest["params"] if t["trainable"] and len(t["shape"]) > 1 and "norm" not in t["name"]]
    assert decayed == sum(int(np.prod(t["shape"])) for t in tensors)
    without_guide = {"svtrv2": 20_985_697, "repsvtr": 6_314_201}
    assert model.reader.count_params() == without_guide.get(name, model.reader.count_params())


def test_intermediates(published):
    name, model, expected, x = published
    wanted = SVTRV2_MAPS if name.startswith("svtrv2") else REPSVTR_MAPS
    outputs = [model.backbone.get_layer(layer).output for layer in wanted.values()] + [model.backbone.output]
    maps = keras.Model(model.backbone.input, outputs).predict_on_batch(x)
    for key, ours in zip([*(f"bb.{k}" for k in wanted), "backbone_out"], maps, strict=True):
        if f"{key}@shape" in expected and len(expected[f"{key}@shape"]) == 4:
            assert_published(ours.transpose(0, 3, 1, 2), expected, key)
        else:
            assert_published(ours.reshape(len(x), -1, ours.shape[-1]), expected, key)


def test_reading(published):
    """Also the measure of parity: the largest difference is printed with `pytest -s`."""
    name, model, expected, x = published
    layers = ("neck_norm", "map_to_sequence", "head")
    outputs = [model.get_layer(layer).output for layer in layers] + [model.reader.output]
    norm, neck, logits, probabilities = keras.Model(model.reader.input, outputs).predict_on_batch(x)
    assert_published(norm[:, 0], expected, "ctc_neck.norm")
    assert_published(neck, expected, "ctc_neck")
    assert_published(neck.transpose(0, 2, 1)[:, :, None], expected, "ctc_neck_2d")
    assert_published(logits, expected, "logits")
    assert_published(probabilities, expected, "probs")
    np.testing.assert_array_equal(probabilities.argmax(-1), expected["pred_idx"])
    difference = np.abs(probabilities.max(-1) - expected["pred_prob"]).max()
    print(f"\n{name} on {keras.backend.backend()}: probabilities within {difference:.1e}")
    assert difference <= 1e-4
    readings = model.tokenizer.decode(probabilities)
    np.testing.assert_allclose([reading.confidence for reading in readings], expected["decoded_conf"], rtol=1e-4)
    assert [reading.text for reading in readings] == expected["decoded_text"].tolist()


def test_guide(published):
    """The guide reads by itself, as the published decoder does: 24 steps at most, until all samples end at once."""
    _, model, expected, x = published
    memory = model.get_layer("guide_memory").output
    projected = model.get_layer("guide").get_layer("memory_projection")(memory)
    memory, projected = keras.Model(model.reader.input, [memory, projected]).predict_on_batch(x)
    assert_published(projected, expected, "gtc_memory")
    tokenizer = model.guide_tokenizer
    tokens = np.full((len(x), 25), tokenizer.padding_id, "int32")
    tokens[:, 0] = tokenizer.start_id
    steps, best = [], np.ones((len(x), 25), "float32")
    for step in range(24):
        logits = model.get_layer("guide").predict_on_batch({"memory": memory, "tokens": tokens[:, :-1]})[:, step]
        steps.append(logits)
        symbols = logits.argmax(-1)
        if (symbols == tokenizer.end_id).all():
            break
        tokens[:, step + 1] = symbols
        best[:, step + 1] = keras.ops.convert_to_numpy(keras.ops.softmax(logits)).max(-1)
    assert_published(np.stack(steps, 1), expected, "gtc_step_logits", LOGITS["trainA"])
    length = expected["gtc_seq"].shape[1]
    np.testing.assert_array_equal(tokens[:, :length], expected["gtc_seq"])
    np.testing.assert_allclose(best[:, :length], expected["gtc_prob"], atol=1e-4)


@pytest.mark.parametrize("prefix", TRAINING)
def test_training(published, prefix):
    """The training forward, both losses, every gradient's norm and the updated running statistics."""
    name, model, expected, x = published
    before = [keras.ops.convert_to_numpy(v).copy() for v in model.weights]
    length = expected["lab.length"]
    labels = np.where(np.arange(25) < length[:, None], expected["lab.label_ctc"], -1).astype("int32")
    inputs, targets = model.arrange(x, None, labels, training=True)
    np.testing.assert_array_equal(inputs["tokens"][:, :25], expected["lab.label_gtc"])
    inputs["tokens"] = inputs["tokens"][:, : length.max() + 1]  # the published batch ends with its longest label
    losses = {"ctc": CTCLoss(), "guide": SequenceLoss(model.guide_tokenizer.end_id, 0.1)}

    def loss(y, outputs):
        return sum(losses[key](y[key], outputs[key]) for key in losses)

    total, logits, gradients = loss_and_gradients(model, loss, inputs, targets, training=prefix == "trainBN")
    assert_published(logits["ctc"], expected, f"{prefix}.ctc", LOGITS[prefix])
    assert_published(logits["guide"], expected, f"{prefix}.gtc", LOGITS[prefix])
    for key, theirs in {"ctc": "CTCLoss", "guide": "NRTRLoss"}.items():
        np.testing.assert_allclose(
            losses[key](targets[key], logits[key]), expected[f"{prefix}.loss.{theirs}"], rtol=1e-3
        )
    np.testing.assert_allclose(total, expected[f"{prefix}.loss.loss"], rtol=1e-3)

    compare_gradients(name, model, gradients, expected, prefix, WORST_GRADIENT[prefix])
    compare_running_statistics(model, expected, prefix)
    for variable, value in zip(model.weights, before, strict=True):
        variable.assign(value)


def test_fused_repsvtr(published, shared):
    name, model, expected, x = published
    if name != "repsvtr_en36":
        pytest.skip("the published numbers are of repsvtr_en36")
    fixture = dict(np.load(shared / "parity" / "repsvtr_fused.npz"))
    fused = model.fuse()
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in fused.backbone.layers)
    layers = {
        "f1.dw": "block1_token_conv",
        "f12.dw": "block12_token_conv",
        "f4.dw": "block4_down_conv",
        "f4.pw": "block4_widen_conv",
    }
    for key, layer in layers.items():
        kernel, bias = fused.backbone.get_layer(layer).get_weights()
        theirs = fixture[f"{key}.kernel"].transpose((2, 3, 1, 0) if key.endswith("pw") else (2, 3, 0, 1))
        np.testing.assert_allclose(kernel, theirs, atol=1e-6, err_msg=key)
        np.testing.assert_allclose(bias, fixture[f"{key}.bias"], atol=1e-6, err_msg=key)
    probabilities = fused.reader.predict_on_batch(x)
    np.testing.assert_allclose(probabilities, fixture["probs_fused"], atol=1e-4)
    np.testing.assert_array_equal(probabilities.argmax(-1), expected["pred_idx"])
    assert [r.text for r in fused.tokenizer.decode(probabilities)] == expected["decoded_text"].tolist()
