"""What cannot be exported is refused in one sentence, with what can."""

import importlib.util

import pytest

from keras_textrec.export.formats import FORMATS, INPUTS, LITERT, ONNX, SAVED_MODEL, Options, chosen_format, table

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    "path, format",
    [("m.onnx", ONNX), ("a/M.ONNX", ONNX), ("m.tflite", LITERT), ("m", SAVED_MODEL), ("m.v2/", SAVED_MODEL)],
)
def test_the_name_is_the_format(path, format):
    assert chosen_format(path, Options()) is format


@pytest.mark.parametrize(
    "path, options, sentence",
    [
        ("m.onx", {}, r"called \*\.onx; did you mean \.onnx\?"),
        ("m.caffemodel", {}, r"called \*\.caffemodel; there are: \.onnx, \.tflite\."),
        ("m.onnx", {"input": "pixel"}, "The input 'pixel' does not exist; did you mean image"),
        ("m/", {"input": "core"}, r"SavedModel files have no input 'core'; take FILE\.onnx or FILE\.tflite\."),
        ("m.tflite", {"quantize": "int9"}, "quantize='int9' does not exist; did you mean int8"),
        ("m/", {"quantize": "float16"}, r"SavedModel files do not come with quantize='float16'; take .*FILE\.tflite"),
        ("m.tflite", {"opset": 18}, r"LiteRT files have no opset; leave it out, or take FILE\.onnx\."),
        ("m/", {"width": 100}, r"SavedModel files have no width; leave it out, or take FILE\.onnx or FILE\.tflite\."),
        ("m.tflite", {"calibrate": []}, "Only int8 numbers are calibrated; add quantize='int8', or"),
    ],
)
def test_what_there_is_not(path, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        chosen_format(path, Options(**options))


def test_the_table_has_every_format_and_option():
    lines = table().splitlines()
    assert len(lines) == len(FORMATS)
    for line, format in zip(lines, FORMATS):
        assert format.example in line
        assert all(name in line for name in (*format.options, *filter(None, format.quantize)))
        assert set(format.inputs) <= set(INPUTS)


def test_a_missing_package_says_what_to_install(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else found(name))
    with pytest.raises(ImportError, match=r'ONNX files need onnxruntime: pip install "keras-textrec\[export\]"'):
        chosen_format("m.onnx", Options())
