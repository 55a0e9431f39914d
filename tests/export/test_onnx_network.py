"""Networks as ONNX graphs compute what they do in Keras, whatever the backend."""

import hashlib
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import onnx
import onnxruntime
import pytest

import keras_textrec as textrec
from keras_textrec.export.graph import NEWEST_OPSET
from keras_textrec.export.onnx_network import core
from keras_textrec.presets.description import dtype_policy
from tests.export.networks import MAKERS, STEPS, inputs, make, network, probabilities
from tests.tiny import same_weights

# The file does not depend on the backend (tested below), and what it is compared with takes others long to compile.
EVERYWHERE = ("rare", "repsvtr")
NAMES = [name if name in EVERYWHERE else pytest.param(name, marks=pytest.mark.one_backend) for name in MAKERS]
SIZES = [(2, 64), (1, 101), (3, 40)] if keras.backend.backend() == "torch" else [(2, 64)]


def session(model: onnx.ModelProto):
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def nodes(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def steps_written(model, expected: np.ndarray) -> int:
    """The steps until every text has ended; what a network without an end always makes."""
    if not hasattr(model, "steps"):
        return expected.shape[1]
    ended = (expected.argmax(-1) == model.tokenizer.end_id).cumsum(1) > 0
    return min(model.steps, 1 + int((~ended).sum(1).max()))


@pytest.mark.parametrize("name", NAMES)
def test_a_network_computes_what_it_does_in_keras(name):
    model = network(name)
    written = core(model)
    run = session(written).run
    assert (written.opset_import[0].version, written.ir_version) == (17, 8)
    assert {node.domain for node in written.graph.node} == {""}
    for rows, width in SIZES:
        x = inputs(model, rows, width)
        expected = probabilities(model, x)
        (found,) = run(None, x)
        assert np.ptp(expected) > 0.2  # it has something to say
        assert found.shape == (rows, steps_written(model, expected), expected.shape[2])
        np.testing.assert_allclose(found, expected[:, : found.shape[1]], atol=1e-5)


@pytest.mark.one_backend
@pytest.mark.parametrize(
    "name, rows, symbol, lengths",
    [("rare_unrectified", [0, 1, 3], 1, [3, 4, 3]), ("robust_scanner", [0, 2], 9, [2, 2])],
)
def test_reading_stops_when_every_text_has_ended(name, rows, symbol, lengths):
    """What would write this symbol now ends the text, and the other way round."""
    model = make(name)
    head, end = model.get_layer("decoder").rnn.cell.head, model.tokenizer.end_id
    weights = [w.copy() for w in head.get_weights()]
    for array in weights:
        array[..., [symbol, end]] = array[..., [end, symbol]]
    head.set_weights(weights)
    x = {key: array[rows] for key, array in inputs(model, 4, 64).items()}
    expected = probabilities(model, x)
    (found,) = session(core(model)).run(None, x)
    assert found.shape[1] == 1 + max(lengths) < STEPS == expected.shape[1]
    np.testing.assert_allclose(found, expected[:, : found.shape[1]], atol=1e-5)
    readings = model.tokenizer.decode(expected)
    assert [len(reading.characters) for reading in readings] == lengths
    assert [reading.text for reading in model.tokenizer.decode(found)] == [reading.text for reading in readings]

    weights[1][end] += 100
    head.set_weights(weights)
    (nothing,) = session(core(model)).run(None, x)
    assert nothing.shape[1] == 1


@pytest.mark.one_backend
def test_a_network_is_fused_in_the_file_and_left_as_it_is():
    model = make("repsvtr")
    before = make("repsvtr")
    written = core(model)
    assert not model.backbone.fused and same_weights(model, before)
    assert written.SerializeToString() == core(model.fuse()).SerializeToString()
    assert not {"BatchNormalization", "GroupNormalization"} & set(nodes(written))


@pytest.mark.one_backend
def test_a_graph_is_lean_and_names_its_layers():
    """Transposed are the image, the map to a sequence, and what each LSTM gives."""
    written = core(network("crnn_mv3"))
    kinds = nodes(written)
    assert kinds.count("Transpose") == 4 and "BatchNormalization" not in kinds and "Clip" not in kinds
    layers = [layer.name for layer in network("crnn_mv3").backbone.layers]
    excited = sum(name.endswith("_se_mean") for name in layers)
    assert kinds.count("HardSigmoid") == kinds.count("GlobalAveragePool") == kinds.count("Mul") == excited > 0
    assert kinds.count("Conv") == sum(name.endswith(("conv", "reduce", "expand")) for name in layers)
    names = {node.name for node in written.graph.node}
    assert {"mobilenet_v3/block0_depthwise_conv/Conv", "lstm_0/LSTM", "head/MatMul"} <= names
    assert "mobilenet_v3/conv1_conv/kernel" in {constant.name for constant in written.graph.initializer}


@pytest.mark.one_backend
def test_names_that_keras_counts_up_change_nothing():
    assert core(make("svtrv2")).SerializeToString() == core(make("svtrv2")).SerializeToString()


@pytest.mark.one_backend
def test_a_model_of_mixed_precision_is_written_in_float32():
    with dtype_policy("mixed_bfloat16"):
        written = core(make("robust_scanner"))
    assert written.SerializeToString() == core(network("robust_scanner")).SerializeToString()


@keras.saving.register_keras_serializable("tests")
class Doubled(keras.layers.Layer):
    def call(self, x):
        return 2 * x


def backbone_with(layer):
    image = keras.Input((32, None, 3))
    x = layer(keras.layers.AveragePooling2D((32, 4))(image))
    return keras.Model(image, x, name="odd")


@pytest.mark.one_backend
def test_a_layer_of_an_unknown_class_is_refused():
    model = textrec.CRNN("ab", textrec.ImageConverter(32, 64), backbone_with(Doubled(name="twice")), 4)
    wanted = r"crnn/odd: the layer 'twice' \(.*\.Doubled\) cannot be written to ONNX .* export a SavedModel"
    with pytest.raises(ValueError, match=wanted):
        core(model)


@pytest.mark.one_backend
def test_a_layer_that_is_set_up_otherwise_is_refused():
    layer = keras.layers.Activation("softplus", name="soft")
    model = textrec.CRNN("ab", textrec.ImageConverter(32, 64), backbone_with(layer), 4)
    with pytest.raises(ValueError, match="'soft' .*Activation. cannot be written to ONNX .its activation softplus"):
        core(model)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rare", "robust_scanner", "svtrv2", "detector"])
def test_every_opset_computes_the_same(name):
    model = network(name)
    x = inputs(model, 2, 64)
    (expected,) = session(core(model)).run(None, x)
    for opset in range(18, NEWEST_OPSET + 1):
        written = core(model, opset)
        assert written.opset_import[0].version == opset
        np.testing.assert_allclose(session(written).run(None, x)[0], expected, atol=1e-6)


def in_process(backend: str, script: str) -> str:
    """What a script prints in a process of its own, on another backend."""
    root = pathlib.Path(__file__).parents[2]
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-W", "ignore", "-c", script]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_every_backend_writes_the_same_bytes():
    names = ("rare", "robust_scanner", "svtrv2")
    script = f"""
import hashlib
from keras_textrec.export.onnx_network import core
from tests.conftest import draw_few_numbers
from tests.export.networks import make
draw_few_numbers()
print(*(hashlib.sha256(core(make(name)).SerializeToString()).hexdigest() for name in {names}))
"""
    expected = [hashlib.sha256(core(network(name)).SerializeToString()).hexdigest() for name in names]
    for backend in {"tensorflow", "jax", "torch"} - {keras.backend.backend()}:
        assert in_process(backend, script).split() == expected, backend


@pytest.mark.slow
def test_another_writer_makes_the_same_of_a_network(tmp_path):
    """tf2onnx, of what TensorFlow traces."""
    script = f"""
from tests.export.networks import inputs, network, probabilities
model = network("crnn_mv3")
probabilities(model, inputs(model, 1, 64))  # Keras exports what was called
model.reader.export({str(tmp_path / "other.onnx")!r}, format="onnx", opset_version=17, verbose=False)
"""
    in_process("tensorflow", script)
    model = network("crnn_mv3")
    other = session(onnx.load(tmp_path / "other.onnx"))
    for rows, width in [(1, 64), (3, 101)]:
        x = inputs(model, rows, width)
        (expected,) = other.run(None, {other.get_inputs()[0].name: x["image"]})
        np.testing.assert_allclose(session(core(model)).run(None, x)[0], expected, atol=1e-5)
