"""`keras-textrec benchmark`."""

import json

import pytest

from keras_textrec.commands import main
from keras_textrec.export import timing
from tests import tiny

pytestmark = pytest.mark.one_backend


@pytest.fixture
def preset(tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "_ROUNDS", 1)
    monkeypatch.setattr(timing, "_SECONDS", 0.0)
    tiny.crnn().save_to_preset(tmp_path / "preset")
    return tmp_path / "preset"


def test_a_preset_and_its_files_are_timed_on_the_same_words(preset, tmp_path, capsys):
    tiny.crnn().export(tmp_path / "tiny.onnx")
    tiny.make_crnn(hidden_size=8).export(tmp_path / "other.onnx", input="core")
    files = [str(tmp_path / name) for name in ("tiny.onnx", "other.onnx")]
    assert main(["benchmark", str(preset), *files, "--json", str(tmp_path / "table.json")]) == 0
    table = capsys.readouterr().out
    results = json.loads((tmp_path / "table.json").read_text())
    model, whole, other = results["rows"]
    assert (whole["what"], whole["input"], other["what"], other["input"]) == (
        "tiny.onnx",
        "image",
        "other.onnx",
        "core",
    )
    assert all(row["milliseconds"] > 0 and row["images_per_second"] > 0 for row in results["rows"])
    assert model["same_texts"] == whole["same_texts"] == whole["words"] > other["same_texts"]  # another network
    assert f"{whole['same_texts']} of {whole['words']}" in table


def test_a_file_that_is_not_there(preset, tmp_path, capsys):
    assert main(["benchmark", str(preset), str(tmp_path / "lost.onnx")]) == 1
    assert "There is no exported file" in capsys.readouterr().err
