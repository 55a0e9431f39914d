"""The examples in keras.io's manner run, on few images; the notebooks beside them are made of them."""

import json
import pathlib
import re
import runpy

import keras
import numpy as np
import pytest
from PIL import Image

from keras_textrec import TextRecognizer
from keras_textrec.synthesis import font_cache
from keras_textrec.synthesis.fonts import font_folders
from tests.examples.programs import EXAMPLES
from tests.models.test_rare_model import rare

NOTEBOOKS = runpy.run_path(str(EXAMPLES / "make_notebooks.py"))
SCRIPTS = {path.stem: path for path in NOTEBOOKS["scripts"]()}


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs an example in an empty folder with settings of its own; its variables, and what it printed."""
    fonts = [found for folder in font_folders() if folder.is_dir() for found in sorted(folder.rglob("dejavu"))]
    if not fonts:
        pytest.skip("this machine has no DejaVu fonts")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(font_cache, "folder", lambda: tmp_path / "cache")

    def run(name, **settings):
        for key, value in {"FONTS": fonts[0], **settings}.items():
            monkeypatch.setenv(key, str(value))
        return runpy.run_path(str(SCRIPTS[name])), capsys.readouterr().out

    return run


@pytest.mark.one_backend
def test_find_wrong_labels(run):
    names, printed = run("find_wrong_labels", IMAGES=24)
    findings = {finding.name: finding.positions.tolist() for finding in names["diagnosis"].findings}
    assert findings["unreadable"] == [27]
    assert len(names["wrong"]) == 2
    found = set(findings.get("suspicious", [])) & set(names["wrong"].tolist())
    assert f"Of 2 wrong labels {len(found)} are found" in printed


@pytest.mark.one_backend
def test_read_meters(run):
    _, printed = run("read_meters", IMAGES=16, EPOCHS=1)
    assert "Before training" in printed and "After training" in printed
    assert TextRecognizer.from_preset("meters").tokenizer.charset.characters == tuple("0123456789")


@pytest.mark.one_backend
def test_mrz(run):
    names, printed = run("mrz", LINES_OF_TEXT=4, EPOCHS=1)
    assert "44 fillers need 87 steps; the network makes 160." in printed
    assert names["adds_up"]("L898902C36UTO7408122F1204159ZE184226B<<<<<10")
    assert not names["adds_up"]("L898902C36UTO7408122F1204159ZE184226B<<<<<<0")
    assert not names["adds_up"]("L898902C86UTO7408122F1204159ZE184226B<<<<<10")
    assert not names["adds_up"]("L898902C36UTO7408122F1204159ZE184226B<<<<<11")
    assert all(re.fullmatch(names["PATTERN"], line) and names["adds_up"](line) for line in names["lines"])
    assert printed.count("read by their check digits, too") == 2


@pytest.mark.one_backend
def test_read_words(run, tmp_path):
    rare().save_to_preset(tmp_path / "rare")
    words = EXAMPLES / "words"
    _, printed = run("read_words", WORDS=words, ATTENTIVE=tmp_path / "rare")
    assert printed.count(".jpg: ") == len(list(words.glob("*.jpg")))
    for picture in ("confidence.png", "rectified.png", "attention.png"):
        assert np.ptp(np.asarray(Image.open(picture))) > 100


@pytest.mark.one_backend
def test_read_words_without_weights_of_others(run, monkeypatch):
    """What needs a download is left out where there is none."""
    load = TextRecognizer.from_preset

    def offline(preset, *arguments, **options):
        if preset == "rare_mv3_en":
            raise OSError("rare_mv3_en cannot be downloaded.")
        return load(preset, *arguments, **options)

    monkeypatch.setattr(TextRecognizer, "from_preset", offline)
    names, printed = run("read_words", WORDS=EXAMPLES / "words", ATTENTIVE="rare_mv3_en")
    assert "rare_mv3_en cannot be downloaded.\nWithout it" in printed and names["sheet"] is None
    assert pathlib.Path("confidence.png").exists() and not pathlib.Path("attention.png").exists()


@pytest.mark.one_backend
def test_fine_tune_plates(run, monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)  # where `plates.py` is, as for a script or notebook that runs there
    names, _ = run("fine_tune_plates", IMAGES=16, EPOCHS=1)
    images, texts = names["validation"]
    assert [reading.text for reading in names["exported"].read(images)] == [r.text for r in names["model"].read(images)]
    assert all(re.fullmatch(names["plates"].PATTERN, reading.text or "AA-1111") for reading in names["patterned"])
    assert len(texts) == 4


@pytest.mark.one_backend
def test_train_on_many_devices(run):
    """On one; tests/training has several."""
    _, printed = run("train_on_many_devices", IMAGES=8)
    assert printed.startswith(f"{keras.backend.backend()}: 1 devices")
    assert TextRecognizer.from_preset("trained").count_params()


@pytest.mark.once
@pytest.mark.parametrize("name", SCRIPTS)
def test_notebooks_are_made_of_the_scripts(name):
    script = SCRIPTS[name].read_text("utf-8")
    kept = pathlib.Path(EXAMPLES, f"{name}.ipynb").read_text("utf-8")
    assert kept == NOTEBOOKS["notebook"](script), "the notebooks are old: python examples/make_notebooks.py"
    content = json.loads(kept)
    assert content["nbformat"] == 4 and {cell["cell_type"] for cell in content["cells"]} == {"code", "markdown"}
    code = "\n".join("".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code")
    compile(code, name, "exec")
    assert "".join(content["cells"][0]["source"]).startswith("# ")
