"""`keras-textrec export`."""

import json

import pytest

import keras_textrec as textrec
from keras_textrec.commands import main
from tests.tiny import crnn, draw, png

pytestmark = pytest.mark.one_backend


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "tiny"
    crnn().save_to_preset(folder)
    return str(folder)


def test_a_file_and_its_report(preset, tmp_path, capsys):
    file = tmp_path / "m.onnx"
    assert main(["export", preset, str(file), "--opset", "18", "--width", "96"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"{file}: ONNX, {file.stat().st_size / 1e6:.2f} MB, tiny"
    assert told[1].startswith("Checked: it reads 36 of 36 drawn words as the model does, confidences within ")
    report = json.loads((tmp_path / "m.onnx.report.json").read_text("utf-8"))
    assert (report["format"], report["preset"], report["width"]) == ("ONNX", "tiny", 96)
    assert textrec.load_exported(file).converter.width == 96
    image = tmp_path / "cat.png"
    image.write_bytes(png(draw("cat")))
    assert main(["read", str(image), "--preset", str(file)]) == 0
    assert capsys.readouterr().out.split("\t")[-1].strip() == textrec.load_exported(file).read(image).text != ""


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["m.onx"], "No exported file is called *.onx; did you mean .onnx?"),
        (["m.onnx", "--quantize", "int9"], "quantize='int9' does not exist; did you mean int8"),
        (["m.onnx", "--width", "1"], "This CRNN takes images of at least 3 pixels' width, not 1."),
        (["m.onnx", "--opset", "9"], "ONNX opset 9 is not supported; take one from 17 to 24."),
        (["/proc/m.onnx"], "Nothing can be written into /proc"),
    ],
)
def test_what_cannot_be_done_is_told(preset, arguments, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["export", preset, *arguments]) == 1
    output, errors = capsys.readouterr()
    assert errors.startswith(f"keras-textrec export: {sentence}")
    assert not output
    assert not list(tmp_path.iterdir())


def test_a_file_name_is_refused_before_the_preset_is_looked_for(capsys):
    assert main(["export", "no_such_preset", "m.onx"]) == 1
    assert "No exported file is called" in capsys.readouterr().err
