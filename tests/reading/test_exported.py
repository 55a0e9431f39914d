"""Exported files are read with NumPy, OpenCV and what runs them: no Keras, no backend, nor this package."""

import dataclasses
import io
import json
import pathlib
import subprocess
import sys

import numpy as np
import onnx
import pytest
from PIL import Image

import keras_textrec as textrec
from keras_textrec.reading.confidence import Calibration
from keras_textrec.text import CTCTokenizer
from tests.tiny import crnn, draw, make_crnn, png

pytestmark = pytest.mark.one_backend

EXAMPLE = pathlib.Path(__file__).parents[2] / "examples" / "onnx" / "read.py"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The tiny recogniser's files, by what they take."""
    folder = tmp_path_factory.mktemp("exported")
    for takes in ("image", "core"):
        crnn().export(folder / f"{takes}.onnx", input=takes)
    return {takes: folder / f"{takes}.onnx" for takes in ("image", "core")}


@pytest.mark.parametrize("takes", ["image", "core"])
def test_a_calibration_is_applied(files, takes):
    exported = textrec.load_exported(files[takes])
    plain = exported.read(draw("walrus"))
    exported.contract = dataclasses.replace(exported.contract, calibration=Calibration(-1.0, 0.5))
    assert exported.read(draw("walrus")) == exported.contract.calibration(plain) != plain


@pytest.mark.parametrize("takes", ["image", "core"])
def test_arguments_and_errors_are_those_of_read(files, takes, tmp_path):
    exported = textrec.load_exported(files[takes])
    image = draw("walrus")
    (tmp_path / "w.png").write_bytes(png(image))
    wanted = exported.read(image)
    assert repr(exported) == f"<ExportedRecognizer of CRNN, 36 characters, input {takes}>"
    for other in (tmp_path / "w.png", png(image), io.BytesIO(png(image)), Image.fromarray(image)):
        assert exported.read(other) == wanted
    assert exported.read([image, draw("ant"), image], batch_size=2)[2] == wanted
    assert exported.read(np.stack([image, image])) == [wanted, wanted]
    assert exported.read([]) == []
    outcomes = dict(exported.read_stream(iter([image, b"none", np.zeros((2, 300, 3), "uint8")])))
    assert outcomes[0] == wanted
    assert "is not an image" in str(outcomes[1])
    assert "too long for a line" in str(outcomes[2])
    with pytest.raises(FileNotFoundError, match="There is no image"):
        exported.read("missing.png")
    with pytest.raises(ValueError, match="batch_size must be a whole number"):
        exported.read(image, batch_size=0)
    with pytest.raises(TypeError, match="Many images are"):
        exported.read_stream(b"")


@pytest.mark.parametrize("takes", ["image", "core"])
def test_orientations(files, takes):
    images = [draw("walrus"), np.rot90(draw("cat"), 3), draw("H").repeat(2, axis=0)]
    for orientations in ((0, 180), "tall"):
        read, wanted = (
            m.read(images, orientations=orientations) for m in (textrec.load_exported(files[takes]), crnn())
        )
        assert [(r.text, r.orientation) for r in read] == [(r.text, r.orientation) for r in wanted]
        for one, other in zip(read, wanted, strict=True):
            places = [[edge for c in reading.characters for edge in (c.left, c.right)] for reading in (one, other)]
            assert places[0] == pytest.approx(places[1], abs=0.05)


def test_what_is_known_of_a_text(files):
    """A file with probabilities reads within it as the model does; one with characters says what to do."""
    image = draw("walrus")
    exported = textrec.load_exported(files["core"])
    opened = textrec.Lexicon({"horse": 3, "walrus": 1}, ignore_case=True, unlisted=0.01)
    for constraint in (
        {"pattern": "[a-f]{3}"},
        {"allow": "0-9"},
        {"lexicon": [["horse", "walrus"]]},
        {"lexicon": opened, "alternatives": 3},
    ):
        wanted = crnn().read([image], **constraint)
        read = exported.read([image], **constraint)
        assert [reading.text for reading in read] == [reading.text for reading in wanted]
    with pytest.raises(ValueError, match="gives characters, .* input='core'"):
        textrec.load_exported(files["image"]).read(image, allow="0-9")


@pytest.mark.parametrize("takes", ["image", "core"])
def test_no_backend_is_imported(files, takes, tmp_path):
    (tmp_path / "w.png").write_bytes(png(draw("walrus")))
    code = f"""
import json, sys
import keras_textrec
reading = keras_textrec.load_exported({str(files[takes])!r}).read({str(tmp_path / "w.png")!r})
heavy = {{"keras", "tensorflow", "torch", "jax", "onnx", "h5py"}} & set(sys.modules)
print(json.dumps([reading.text, sorted(heavy)]))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == [crnn().read(draw("walrus")).text, []]


def test_the_example_needs_no_package(files, tmp_path):
    (tmp_path / "w.png").write_bytes(png(draw("walrus")))
    wanted = crnn().read(draw("walrus"))

    def run(*arguments):
        # -I: neither this checkout nor what is in its folder can be imported.
        command = [sys.executable, "-I", EXAMPLE, *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)

    assert run(files["image"], "w.png").stdout == f"w.png\t{wanted.confidence:.3f}\t{wanted.text}\n"
    done = run(files["image"], "--selftest")
    assert (done.returncode, done.stdout.split(" reads ")[0]) == (0, f"{files['image']}:")
    proto = onnx.load(files["image"])
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    onnx.helper.set_model_props(proto, {**metadata, "sample_text": "another"})
    onnx.save(proto, tmp_path / "wrong.onnx")
    done = run("wrong.onnx", "--selftest")
    assert done.returncode == 1
    assert "but should read 'another'" in done.stdout
    assert "no recogniser of contract 1" in run(files["core"], "w.png").stderr
    assert len(EXAMPLE.read_text("utf-8").splitlines()) < 80


def test_right_to_left_texts_are_in_logical_order(tmp_path):
    model = make_crnn()
    tokenizer = CTCTokenizer("0123456789abcdefghijklmnopאבגדהוזחטי")
    model = type(model)(tokenizer, model.converter, model.backbone, 16)
    rng = np.random.default_rng(0)
    for weight in model.weights:  # it writes many letters of both scripts
        if len(weight.shape) > 1:
            weight.assign(rng.normal(size=weight.shape))
    model.export(tmp_path / "m.onnx")
    images = [draw(word, 32) for word in ("walrus", "cat 12", "7")]
    found, wanted = textrec.load_exported(tmp_path / "m.onnx").read(images), model.read(images)
    assert [reading.text for reading in found] == [reading.text for reading in wanted]
    assert tokenizer.right_to_left
    assert any(any(c > "z" for c in reading.text) for reading in wanted)
    assert found[0].characters[0].left == pytest.approx(wanted[0].characters[0].left, abs=0.01)


def test_files_that_are_none(files, tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no exported file"):
        textrec.load_exported(tmp_path / "m.onnx")
    (tmp_path / "m.pt").touch()
    with pytest.raises(ValueError, match="m.pt is no exported file; give FILE.onnx, FILE.tflite or the folder"):
        textrec.load_exported(tmp_path / "m.pt")
    (tmp_path / "cut.onnx").write_bytes(files["image"].read_bytes()[:5000])
    with pytest.raises(ValueError, match="cut.onnx cannot be loaded by ONNX Runtime"):
        textrec.load_exported(tmp_path / "cut.onnx")
    proto = onnx.load(files["image"])
    del proto.metadata_props[:]
    onnx.save(proto, tmp_path / "other.onnx")
    with pytest.raises(ValueError, match="other.onnx is no export of keras_textrec"):
        textrec.load_exported(tmp_path / "other.onnx")
