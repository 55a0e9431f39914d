"""`keras-textrec read --detector` on drawn pages, with a detector that knows where the words are."""

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest

from keras_textrec.commands import main
from keras_textrec.images import load_image
from keras_textrec.images.boxes import Detection
from keras_textrec.models import TextSpotter
from tests.tiny import crnn, draw, png

pytestmark = pytest.mark.one_backend

LINES = [["cat", "walrus"], ["dog"]]


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    """Two pages, and what is read in them line by line; the detector knows them by their heights."""
    monkeypatch.chdir(tmp_path)
    polygons = {}
    for name, lines in (("photos/a.png", LINES), ("photos/deep/b.png", LINES[:1])):
        image = np.full((40 + 60 * len(lines), 400, 3), 255, "uint8")
        places = polygons[len(image)] = []
        for row, line in enumerate(lines):
            for column, word in enumerate(line):
                drawn = draw(word, 40)
                left, top, right = 15 + 160 * column, 20 + 60 * row, 15 + 160 * column + drawn.shape[1]
                image[top : top + 40, left:right] = drawn
                places.append([(left, top), (right, top), (right, top + 40), (left, top + 40)])
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(png(image))
    (tmp_path / "empty.png").write_bytes(png(np.zeros((50, 60, 3), "uint8")))

    def detect(image):
        return [Detection(np.array(polygon, "float32"), 1.0) for polygon in polygons.get(len(image), ())]

    spotter = TextSpotter(SimpleNamespace(detect=detect), crnn(), min_confidence=0.0)
    presets = set()
    monkeypatch.setattr(TextSpotter, "from_presets", lambda *names: presets.add(names) or spotter)
    yield [" ".join(crnn().read(draw(word, 40)).text for word in line) for line in LINES]
    assert presets <= {("finds", "crnn_small_en")}


def run(*arguments):
    return main(["read", *arguments, "--detector", "finds"])


def test_lines_of_photographs(photographs, capsys):
    """One faulty file costs one message and the status."""
    assert run("photos", "empty.png", "lost.png", "--recursive") == 1
    output, errors = capsys.readouterr()
    rows = [line.split("\t") for line in output.splitlines()]
    assert [(name, text) for name, _, text in rows] == [
        ("photos/a.png", photographs[0]),
        ("photos/a.png", photographs[1]),
        ("photos/deep/b.png", photographs[0]),
    ]
    assert errors.splitlines() == [
        "keras-textrec read: empty.png: no words were found.",
        "keras-textrec read: There is no image lost.png.",
    ]


def test_photographs_as_json_and_csv(photographs, capsys):
    assert run("photos/a.png", "--json") == 0
    (content,) = json.loads(capsys.readouterr().out)
    assert content["image"] == "photos/a.png" and content["text"] == "\n".join(photographs)
    word = content["lines"][1]["words"][0]
    assert word["text"] == photographs[1] and word["polygon"][0] == [15.0, 80.0] and 0 <= word["confidence"] <= 1
    assert run("photos/a.png", "--jsonl", "--pattern", "[a-z]{4}") == 0
    content = json.loads(capsys.readouterr().out)
    assert [len(word["text"]) for line in content["lines"] for word in line["words"]] == [4, 4, 4]
    assert run("photos/a.png", "--csv", "--min-confidence", "1") == 0
    output, errors = capsys.readouterr()
    assert output == "image,text,confidence\n" and "no words were found" in errors
    assert run("photos/a.png", "--csv") == 0
    assert [row[1] for row in csv.reader(capsys.readouterr().out.splitlines())] == ["text", *photographs]


def test_words_of_photographs_in_several_orientations(photographs, capsys):
    assert run("photos/a.png", "--csv", "--orientations", "0,180") == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    wanted = [[crnn().read(draw(word, 40), orientations=(0, 180)) for word in line] for line in LINES]
    assert [row["text"] for row in rows] == [" ".join(word.text for word in line) for line in wanted]
    assert [row["orientation"] for row in rows] == [" ".join(str(word.orientation) for word in line) for line in wanted]


def test_photographs_are_drawn(photographs, capsys):
    assert run("photos/a.png", "--draw", "out.jpg") == 0
    assert load_image("out.jpg").shape[1] > 400
    assert run("photos", "--recursive", "--draw", "pictures") == 0
    assert load_image("pictures/a.png.png").shape[1] > 400 and load_image("pictures/deep/b.png.png").shape[1] > 400
    assert load_image("photos/a.png").shape[1] == 400
    assert run("photos", "--draw", "photos") == 0
    assert run("photos", "--draw", "photos") == 1
    assert "photos/a.png.png is a photograph itself; name another folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("photos --recursive --draw out.png", "out.png is one picture, and there are 2 photographs; name a folder"),
        ("photos/a.png --draw lost/out.png", "There is no folder for "),
        ("photos --draw photos/a.png/there", "a.png is a file; give another folder"),
        ("photos/a.png --draw out.pgn", "out.pgn is no picture's name; end it in .png or .jpg, or name a folder."),
        ("photos/a.png --draw photos/a.png", "photos/a.png is the photograph itself"),
        ("photos/a.png --engine onnx", "--engine onnx reads images of words; leave it out with --detector."),
        ("photos/a.png --alternatives 2", "A photograph's lines have no --alternatives"),
        ("photos/a.png --min-confidence 2", "min_confidence is a number from 0 to 1; got 2.0."),
        ("photos/a.png --pattern (", "is no regular expression"),
    ],
)
def test_what_does_not_go_together(photographs, capsys, arguments, sentence):
    assert run(*arguments.split()) == 1
    output, errors = capsys.readouterr()
    assert output in ("", "[]") and sentence in errors and errors.splitlines()[-1].startswith("keras-textrec read: ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("--draw out.png", "--draw shows the words that a --detector found in a photograph; name one."),
        ("--detector crnn_small_en", "The preset 'crnn_small_en' is a CRNN, not a RepSVTRDetector; a photograph takes"),
        ("--preset repsvtr_det", "The preset 'repsvtr_det' is a RepSVTRDetector, not a TextRecognizer; a photograph"),
        ("--detector repsvtr_de", "There is no preset and no folder 'repsvtr_de'; did you mean repsvtr_det"),
    ],
)
def test_presets_that_do_not_fit(tmp_path, capsys, arguments, sentence):
    (tmp_path / "photo.png").write_bytes(png(draw("cat")))
    assert main(["read", str(tmp_path / "photo.png"), *arguments.split()]) == 1
    assert capsys.readouterr().err.startswith(f"keras-textrec read: {sentence}")
