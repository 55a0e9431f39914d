"""Presets by name, and folders that are called as one."""

import logging
import pathlib

import pytest

from keras_textrec import describe, load_preset, preset_names
from keras_textrec.commands import main
from tests.tiny import crnn, write_lmdb

NAME = "crnn_small_en"


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """What `train crnn_small_en --output crnn_small_en` leaves in the working directory."""
    monkeypatch.chdir(tmp_path)
    crnn().save_to_preset(pathlib.Path(NAME, "best"))


def test_a_name_goes_before_a_folder(trained, caplog):
    caplog.set_level(logging.INFO)
    description = describe(NAME)
    assert description["model"]["hidden_size"] == 128
    assert f"for the folder here, give ./{NAME}" in caplog.text
    with pytest.raises(ValueError, match=rf"{NAME} is not a preset: it has no metadata.json. Give {NAME}.best."):
        describe(f"./{NAME}")
    with pytest.raises(ValueError, match="is not a preset"):
        describe(pathlib.Path(NAME))
    assert describe(f"{NAME}/best")["model"]["hidden_size"] == 16
    assert load_preset(NAME, with_weights=False).hidden_size == 128


def test_the_table_of_presets_is_whole(trained, capsys):
    assert main(["presets"]) == 0
    output = capsys.readouterr().out
    assert all(name in output for name in preset_names())


def test_evaluate_looks_before_it_works(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("keras_textrec.models.TextRecognizer.from_preset", lambda *_: pytest.fail("it works already"))
    for option in ("--json", "--html", "--csv"):
        for file in (tmp_path / "no" / "a.json", tmp_path):
            assert main(["evaluate", NAME, str(tmp_path), option, str(file)]) == 1
        errors = capsys.readouterr().err
        assert "There is no folder for" in errors and "is a folder; give the name of a file" in errors
    assert main(["evaluate", NAME, str(tmp_path)]) == 1
    assert "no label file in" in capsys.readouterr().err
    assert main(["evaluate", NAME, str(tmp_path), "--against", "no_such_preset"]) == 1
    assert "There is no preset and no folder 'no_such_preset'" in capsys.readouterr().err
    assert main(["evaluate", NAME, str(tmp_path), "--against", NAME]) == 1
    assert "give another preset" in capsys.readouterr().err
    write_lmdb(tmp_path / "empty", [])
    assert main(["evaluate", NAME, str(tmp_path)]) == 1
    assert "empty has no records" in capsys.readouterr().err
