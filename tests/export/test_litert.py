"""LiteRT files: what they read, what they are made of, what is refused."""

import functools
import json
import zipfile

import numpy as np
import pytest

from keras_textrec.data import from_arrays
from keras_textrec.export import litert, timing
from keras_textrec.export.contract import contract_of, file_converter
from keras_textrec.export.formats import Options
from keras_textrec.reading.contract import Contract
from keras_textrec.reading.exported import ExportedRecognizer, load_exported
from keras_textrec.reading.litert_engine import LiteRTEngine
from keras_textrec.reading.stream import read_all, read_stream
from tests.export.networks import network, pictures

# The file is made in a process that has TensorFlow.
pytestmark = [pytest.mark.one_backend, pytest.mark.usefixtures("one_process")]
pytest.importorskip("tensorflow")

WORDS = pictures()


def write(model, path, **options):
    """The file of a model, stamped; gives what runs it."""
    options = Options(**{"width": model.converter.width, **options})
    litert.write(model, path, options)
    litert.stamp(path, contract_of(model, file_converter(model, options.width)).to_metadata())
    return LiteRTEngine(path)


def read_on_one_width(model):
    """What the model reads on the canvas that the file has."""
    converter = file_converter(model, model.converter.width)
    return read_all(WORDS, functools.partial(read_stream, converter=converter, read_batch=model.read_batch))


def check_outputs(model, engine, tolerance=1e-4):
    characters = model.tokenizer.charset.characters
    for image, reading in zip(WORDS, read_on_one_width(model), strict=True):
        outputs = engine.run({"image": image[None]})
        (places,) = outputs["characters"]
        written = places >= 0
        assert "".join(characters[place] for place in places[written]) == reading.text
        assert outputs["confidence"] == pytest.approx(reading.confidence, abs=tolerance)
        values = {"confidences": "confidence", "left": "left", "right": "right"}
        for name, attribute in values.items():
            wanted = [getattr(character, attribute) for character in reading.characters]
            wanted = [-1 if value is None else value for value in wanted]
            np.testing.assert_allclose(outputs[name][0][written], wanted, atol=tolerance, rtol=1e-5)
    assert len({reading.confidence for reading in read_on_one_width(model)}) > 1  # or it would prove nothing


def test_it_reads_what_the_model_reads(tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "_ROUNDS", 1)
    monkeypatch.setattr(timing, "_SECONDS", 0.0)
    model = network("crnn")
    report = model.export(tmp_path / "model.tflite")
    assert report["same_texts"] == report["words"] and report["confidence_difference"] < 1e-4
    recognizer = load_exported(tmp_path / "model.tflite")
    texts = [reading.text for reading in read_on_one_width(model)]
    assert [reading.text for reading in recognizer.read(WORDS)] == texts and len(set(texts)) > 1
    engine = recognizer.engine
    check_outputs(model, engine)
    row = timing.compare_speed(model, [("model.tflite", recognizer)])[1]
    assert row.input == "image" and row.same_texts > 1 and row.milliseconds > 0
    # The metadata as anyone may have them.
    with zipfile.ZipFile(tmp_path / "model.tflite") as archive:
        assert json.loads(archive.read("metadata.json")) == engine.metadata
    converter = Contract.from_metadata(engine.metadata, "the file").make_converter()
    assert (converter.resize, converter.width) == ("pad", 64)
    content = (tmp_path / "model.tflite").read_bytes()
    assert {"CONV_2D", "WHILE"} <= set(litert.operators(content)) and all(map(str.isupper, litert.operators(content)))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["crnn_mv3", "rare", "svtrv2", "repsvtr"])
def test_other_networks(name, tmp_path):
    model = network(name)
    check_outputs(model, write(model, tmp_path / "model.tflite"))


@pytest.mark.slow
def test_smaller_numbers_and_another_width(tmp_path):
    from tensorflow.lite.python import schema_py_generated as schema

    model = network("crnn")
    engine = write(model, tmp_path / "model.tflite", quantize="float16", width=80)
    outputs = engine.run({"image": WORDS[0][None]})
    assert outputs["characters"].shape == (1, 20) and (outputs["characters"] >= 0).any()
    file = schema.Model.GetRootAs((tmp_path / "model.tflite").read_bytes())
    graphs = [file.Subgraphs(i) for i in range(file.SubgraphsLength())]
    types = [graph.Tensors(i).Type() for graph in graphs for i in range(graph.TensorsLength())]
    assert types.count(schema.TensorType.FLOAT16) > 10


@pytest.mark.slow
def test_the_network_alone(tmp_path):
    model = network("robust_scanner")
    engine = write(model, tmp_path / "model.tflite", input="core")
    recognizer = ExportedRecognizer(engine, Contract.from_metadata(engine.metadata, "the file"))
    for reading, wanted in zip(recognizer.read(WORDS), read_on_one_width(model), strict=True):
        assert reading.text == wanted.text and reading.confidence == pytest.approx(wanted.confidence, abs=1e-4)


def test_what_is_no_export_is_refused(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(b"nothing" * 100)
    with pytest.raises(ValueError, match="cannot be loaded by LiteRT"):
        LiteRTEngine(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("metadata.json", "{")
    with pytest.raises(ValueError, match="metadata of .* are damaged"):
        LiteRTEngine(path)


@pytest.mark.slow
def test_int8_throughout_keeps_nothing_from_one_image_to_the_next(tmp_path):
    model = network("crnn")
    engine = write(model, tmp_path / "model.tflite", quantize="int8-full", calibrate=from_arrays(WORDS, ["a"] * 5))
    found = set(litert.operators((tmp_path / "model.tflite").read_bytes()))
    assert "UNIDIRECTIONAL_SEQUENCE_LSTM" in found and "WHILE" not in found
    outputs = [engine.run({"image": image[None]}) for image in (*WORDS, *WORDS[::-1])]
    for output, again in zip(outputs, outputs[::-1], strict=True):
        np.testing.assert_array_equal(output["characters"], again["characters"])
        np.testing.assert_array_equal(output["confidences"], again["confidences"])


def test_a_source_without_images_calibrates_nothing(tmp_path):
    options = Options(width=64, quantize="int8-full", calibrate=from_arrays([b"none"] * 3, ["a"] * 3))
    with pytest.raises(ValueError, match="No image of the calibration source can be read; 3 were tried"):
        litert.write(network("crnn"), tmp_path / "model.tflite", options)


def test_operators_are_named():
    """Both fields that number the built-in ones, and those that are not built in."""
    import flatbuffers
    from tensorflow.lite.python import schema_py_generated as schema

    network = schema.ModelT()
    network.operatorCodes = [schema.OperatorCodeT() for _ in range(3)]
    network.operatorCodes[0].deprecatedBuiltinCode = schema.BuiltinOperator.CONV_2D
    network.operatorCodes[1].builtinCode = schema.BuiltinOperator.CUMSUM
    network.operatorCodes[2].builtinCode = schema.BuiltinOperator.CUSTOM
    network.operatorCodes[2].customCode = "FlexErf"
    builder = flatbuffers.Builder()
    builder.Finish(network.Pack(builder))
    assert litert.operators(bytes(builder.Output())) == ["CONV_2D", "CUMSUM", "FlexErf"]
