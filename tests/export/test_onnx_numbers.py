"""ONNX files of smaller numbers: what is in them, what they read, what is refused."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto

import keras_textrec as textrec
from keras_textrec.data import from_arrays
from keras_textrec.export import onnx as onnx_writer
from keras_textrec.export import onnx_numbers
from keras_textrec.export.formats import Options
from keras_textrec.export.onnx_network import core
from keras_textrec.system.errors import Failure
from tests.export.networks import inputs, network, pictures
from tests.tiny import WORDS, crnn, draw

pytestmark = pytest.mark.one_backend

IMAGES = [draw(word) for word in WORDS]


def labelled(model):
    """Drawn words with what the model reads of them."""
    return from_arrays(IMAGES, [reading.text or "none" for reading in model.read(IMAGES)])


def run(proto, x):
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, x)[0]


def numbers(proto, dtype):
    return sum(np.prod(constant.dims) for constant in proto.graph.initializer if constant.data_type == dtype)


@pytest.mark.parametrize("dtype, tolerance", [("float16", 5e-3), ("int8", 0.1)])
@pytest.mark.parametrize("name", ["crnn_mv3", "rare_unrectified", "detector"])
def test_weights_are_stored_smaller_and_computed_with_as_before(name, dtype, tolerance, monkeypatch):
    monkeypatch.setattr(onnx_numbers, "_LEAST", 64)
    model = network(name)
    proto, x = core(model), inputs(model, 2, 64)
    whole, wanted = numbers(proto, TensorProto.FLOAT), run(proto, x)
    onnx_numbers.store_weights(proto, dtype)
    onnx.checker.check_model(proto, full_check=True)
    assert {opset.domain for opset in proto.opset_import} == {""}
    assert numbers(proto, TensorProto.FLOAT) < whole / 4
    assert numbers(proto, getattr(TensorProto, dtype.upper())) > whole * 3 / 4
    found = run(proto, x)
    assert 0 < np.abs(found - wanted).max() < tolerance


def test_every_output_has_a_scale_of_its_own():
    weights = np.random.default_rng(0).normal(size=(64, 64)).astype("float32") * np.logspace(-4, 4, 64, dtype="float32")
    weights[:, 7] = 0
    graph = onnx_writer.Graph()
    graph.output(graph("MatMul", graph.input("x", "float32", [64, 64]), weights), "float32", [64, 64], "y")
    proto = graph.model("m")
    onnx_numbers.store_weights(proto, "int8")
    found = run(proto, {"x": np.eye(64, dtype="float32")})
    assert (np.abs(found - weights) <= np.abs(weights).max(0) / 127 * 0.501).all()
    assert (found[:, 7] == 0).all() and (found != weights).any()


@pytest.mark.parametrize("quantize", ["float16", "int8", "int8-full"])
def test_a_file_reads_as_its_model(quantize, tmp_path):
    model, path = network("crnn_vgg7"), tmp_path / "m.onnx"
    calibrate = {} if quantize == "float16" else {"calibrate": labelled(model)}
    report = model.export(path, quantize=quantize, **calibrate)
    assert report["quantize"] == quantize and report["same_texts"] == 36
    if calibrate:
        assert report["calibration"] == {"records": len(WORDS), "model": 1.0, "file": 1.0}
    readings = textrec.load_exported(path).read(IMAGES)
    assert [reading.text for reading in readings] == [reading.text for reading in model.read(IMAGES)]
    found = [reading.confidence for reading in readings]
    assert 0 < max(abs(a - b.confidence) for a, b in zip(found, model.read(IMAGES), strict=True)) < 0.1
    pixels = onnx_writer.stages(path, IMAGES[2])["pixels"]
    np.testing.assert_array_equal(pixels, model.converter([IMAGES[2]])[0])
    metadata = {entry.key for entry in onnx.load(path).metadata_props}
    assert "contract" in metadata and not any(key.startswith("onnx") for key in metadata)


@pytest.mark.parametrize("name, input", [("svtrv2", "core"), ("repsvtr", "image")])
def test_arithmetic_in_int8(name, input, tmp_path):
    model, source = network(name), from_arrays(pictures(), ["a"] * 5)
    whole, small = tmp_path / "float32.onnx", tmp_path / "int8.onnx"
    onnx_writer.write(model, whole, Options(input=input))
    onnx_writer.write(model, small, Options("int8-full", input, calibrate=source))
    protos = [onnx.load(path) for path in (whole, small)]
    onnx.checker.check_model(protos[1], full_check=True)
    assert {opset.domain for opset in protos[1].opset_import} == {""}
    turned = {node.output[0] for node in protos[1].graph.node if node.op_type == "DequantizeLinear"}
    convolutions = [node for node in protos[1].graph.node if node.op_type == "Conv"]
    assert convolutions and all(set(node.input[:2]) <= turned for node in convolutions)
    if input == "core":
        found, wanted = (run(proto, inputs(model, 2, 64)) for proto in protos)
    else:
        # What stands around the network is as it was.
        around = [
            {node.SerializeToString() for node in proto.graph.node if node.name.startswith(("converter/", "decoding/"))}
            for proto in protos
        ]
        assert around[0] and around[0] <= around[1]
        found, wanted = (onnx_writer.stages(path, pictures()[1])["network"] for path in (small, whole))
    assert 0 < np.abs(found - wanted).mean() < 0.02


def test_a_file_that_reads_otherwise_is_not_written(tmp_path):
    model = crnn()  # its weights are so great that every rounding changes a text
    with pytest.raises(Failure, match=r"\d+ of 36 words are read otherwise.*the first stage that differs: network"):
        model.export(tmp_path / "m.onnx", quantize="int8-full", calibrate=labelled(model))
    assert not list(tmp_path.iterdir())


def test_what_is_refused(tmp_path):
    in_a_loop = r"no quantize='int8-full' for a RARE: .* Take quantize='int8' or 'float16'\."
    for name, file, quantize, sentence in (
        ("rare", "m.onnx", "int8-full", in_a_loop),
        ("rare", "m.tflite", "int8-full", in_a_loop),
        ("detector", "m.onnx", "int8", "A RepSVTRDetector reads no words to calibrate it with; leave calibrate out"),
    ):
        with pytest.raises(ValueError, match=sentence):
            network(name).export(tmp_path / file, quantize=quantize, calibrate=labelled(crnn()))
    with pytest.raises(ValueError, match="No image of the calibration source can be read; 3 were tried"):
        crnn().export(tmp_path / "m.onnx", quantize="int8-full", calibrate=from_arrays([b"none"] * 3, ["a"] * 3))
    assert not list(tmp_path.iterdir())
