import csv
import io
import json
import os
import pathlib
import subprocess
import sys

import cv2
import lmdb
import numpy as np
import pytest
import yaml

from keras_textrec import describe, preset_names
from keras_textrec.commands import main, read
from keras_textrec.data import LMDBSource
from keras_textrec.decoding import Lexicon
from keras_textrec.images import load_image
from keras_textrec.text.word_lists import of_language
from tests.tiny import RECIPE, crnn, draw, make_crnn, png, write_lmdb

pytestmark = pytest.mark.one_backend

WORDS = ["cat", "walrus", "dog"]


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "tiny"
    crnn().save_to_preset(folder)
    return str(folder)


@pytest.fixture(scope="module")
def readings():
    """What the preset reads in the drawn words."""
    return [crnn().read(draw(word)).text for word in WORDS]


@pytest.fixture
def images(tmp_path, monkeypatch):
    """The drawn words in the folder `images` of the working directory, among other files."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    for word in WORDS:
        (tmp_path / "images" / f"{word}.png").write_bytes(png(draw(word)))
    (tmp_path / "images" / "notes.txt").write_text("no image")
    return tmp_path / "images"


def test_read_prints_lines_with_tabs_into_a_pipe(preset, images, readings, capsys):
    """Whole names, however long; what steers a terminal is escaped."""
    long, odd = "images/" + "a" * 150 + ".png", "[b]:100:\t\n.png"
    (images / "cat.png").rename(long)
    (images / "walrus.png").rename(odd)
    assert main(["read", odd, long, "images/dog.png", "--preset", preset]) == 0
    output, errors = capsys.readouterr()
    rows = [line.split("\t") for line in output.splitlines()]
    assert [(name, text) for name, _, text in rows] == [
        ("[b]:100:\\t\\n.png", readings[1]),
        (long, readings[0]),
        ("images/dog.png", readings[2]),
    ]
    assert all(0 <= float(confidence) <= 1 for _, confidence, _ in rows)
    assert errors == ""


def test_read_prints_columns_on_a_terminal(preset, images, readings, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert main(["read", "images/cat.png", "images/walrus.png", "--preset", preset]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("images/cat.png     0.") and first.endswith(f"  {readings[0]}")
    assert second.startswith("images/walrus.png  0.") and second.endswith(f"  {readings[1]}")


def test_read_prints_csv(preset, images, readings, capsys):
    (images / "cat.png").rename('a, "b".png')
    assert main(["read", 'a, "b".png', "images/dog.png", "--csv", "--preset", preset]) == 0
    rows = list(csv.reader(capsys.readouterr().out.splitlines()))
    assert rows[0] == ["image", "text", "confidence"]
    assert [row[:2] for row in rows[1:]] == [['a, "b".png', readings[0]], ["images/dog.png", readings[2]]]
    command = ["read", "images/dog.png", "--csv", "--preset", preset, "--pattern", "a|b", "--alternatives", "3"]
    assert main(command) == 0
    (row,) = csv.DictReader(capsys.readouterr().out.splitlines())
    assert row["text"] == row["text_1"] and {row["text_1"], row["text_2"]} == {"a", "b"}
    assert (
        1 > float(row["probability_1"]) >= float(row["probability_2"]) > 0
        and row["text_3"] == row["probability_3"] == ""
    )


def test_read_tells_what_it_passes_over(preset, images, readings, capsys):
    (images / "deep").mkdir()
    for name in ("a.svg", "b.svg", "deep/c.txt"):
        (images / name).write_text("no image")
    (images / "deep" / "dog.jfif").write_bytes((images / "dog.png").read_bytes())
    (images / "dog.png").unlink()
    assert main(["read", "images", "--preset", preset]) == 0
    output, errors = capsys.readouterr()
    assert [line.split("\t")[0] for line in output.splitlines()] == ["images/cat.png", "images/walrus.png"]
    assert errors == "images: 3 files passed over: .svg (2), .txt (1); 1 folder passed over: deep (see --recursive).\n"
    assert main(["read", "images", "--recursive", "--preset", preset]) == 0
    output, errors = capsys.readouterr()
    assert [line.split("\t")[2] for line in output.splitlines()] == [readings[0], readings[2], readings[1]]
    assert errors == "images: 4 files passed over: .svg (2), .txt (2).\n"
    # Links are followed, each folder is read once, and hidden ones are not.
    (images.parent / "linked").mkdir()
    for name, place in (("linked/a", "images"), ("linked/b", "images"), ("images/deep/up", "images")):
        (images.parent / name).symlink_to(images.parent / place)
    (images / "deep").rename(images / ".deep")
    assert main(["read", "linked", "--recursive", "--preset", preset]) == 0
    output, errors = capsys.readouterr()
    assert [line.split("\t")[0] for line in output.splitlines()] == ["linked/a/cat.png", "linked/a/walrus.png"]
    assert errors == "linked: 3 files passed over: .svg (2), .txt (1).\n"


@pytest.mark.parametrize("form", [[], ["--csv"], ["--json"], ["--jsonl"]])
@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_no_reading_is_lost_to_an_encoding(preset, images, readings, monkeypatch, form, encoding):
    names = ["images/привет.png", os.fsdecode(b"images/\xff.png")]
    for name, word in zip(names, ("cat", "dog")):
        pathlib.Path(name).write_bytes(png(draw(word)))
    output = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr("sys.stdout", output)
    assert main(["read", *names, *form, "--preset", preset]) == 0
    output.flush()
    written = output.buffer.getvalue().decode(encoding)
    assert readings[0] in written and readings[2] in written and "udcff.png" in written
    if form == ["--json"]:
        assert [row["image"] for row in json.loads(written)] == names
    if form == ["--jsonl"]:
        assert [json.loads(line)["image"] for line in written.splitlines()] == names


def test_a_reader_that_has_enough(preset, images):
    """`| head -1`: no message, no traceback."""
    command = [sys.executable, "-W", "ignore", "-m", "keras_textrec", "read", *["images/cat.png"] * 300]
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parents[2])}
    with subprocess.Popen(
        [*command, "--preset", preset], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout.readline().startswith("images/cat.png")
        process.stdout.close()
        assert "roken" not in process.stderr.read()
        assert process.wait(timeout=100) == 1


def test_a_page_is_told(preset, images, capsys):
    page = np.full((500, 700, 3), 255, np.uint8)
    for row in range(8):
        cv2.putText(page, "many words in a line", (20, 50 + 60 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (0, 0, 0), 3)
    (images / "page.png").write_bytes(png(page))
    assert main(["read", "images/page.png", "images/cat.png", "--preset", preset]) == 0
    errors = capsys.readouterr().err
    assert "images/page.png looks like a page" in errors and "--detector" in errors and errors.count("\n") == 1
    assert main(["read", "images/page.png", "--preset", preset, "--orientations", "0,180"]) == 0
    assert "images/page.png looks like a page" in capsys.readouterr().err


def test_read_prints_json(preset, images, readings, capsys):
    """The images of a folder in the order of their names; nothing else on standard output."""
    assert main(["read", "images", "--json", "--preset", preset]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["image"] for row in rows] == ["images/cat.png", "images/dog.png", "images/walrus.png"]
    assert [row["text"] for row in rows] == [readings[0], readings[2], readings[1]]
    assert set(rows[0]) == {"image", "text", "confidence", "characters"}
    assert set(rows[0]["characters"][0]) == {"text", "confidence", "left", "right"}


def test_read_prints_json_lines(preset, images, readings, capsys):
    """Each is whole; files that cannot be read are told on standard error, and counted."""
    for k in range(2):
        (images / f"bad{k}.png").write_text("no image")
    assert main(["read", "images", "--jsonl", "--preset", preset]) == 1
    output, errors = capsys.readouterr()
    rows = [json.loads(line) for line in output.splitlines()]
    assert [row["text"] for row in rows] == [readings[0], readings[2], readings[1]]
    assert main(["read", "images", "--json", "--preset", preset]) == 1
    assert json.loads(capsys.readouterr().out) == rows
    assert errors.splitlines()[-1] == "keras-textrec read: 2 of 5 images could not be read."


def test_read_goes_on_with_a_file(preset, images, readings, capsys):
    """Half a line at its end is read again, whole lines are not."""
    command = ["read", "images", "--preset", preset, "--jsonl", "--output", "out.jsonl"]
    assert main(command) == 0
    output = pathlib.Path("out.jsonl")
    first, second, _ = output.read_bytes().splitlines(keepends=True)
    output.write_bytes(first + second[:30])
    assert main([*command, "--resume"]) == 0
    printed, errors = capsys.readouterr()
    whole = output.read_bytes()
    assert whole.startswith(first) and printed == ""
    assert [json.loads(line)["text"] for line in whole.splitlines()] == [readings[0], readings[2], readings[1]]
    assert "1 of 3 images are in out.jsonl already." in errors
    assert main([*command, "--resume"]) == 0
    assert output.read_bytes() == whole
    for options, sentence in [
        (command, "There is a file out.jsonl already; --resume goes on with it."),
        (["read", "images", "--resume", "--jsonl"], "--resume goes with --jsonl and --output FILE"),
        ([*command[:-1], "images/notes.txt", "--resume"], "notes.txt is no reading"),
        ([*command[:-1], "lost/out.jsonl"], "lost"),
    ]:
        assert main(options) == 1
        assert sentence in capsys.readouterr().err
    assert output.read_bytes() == whole and (images / "notes.txt").read_text() == "no image"


def test_read_within_what_is_known(preset, images, readings, capsys, tmp_path):
    files = [str(images / f"{word}.png") for word in WORDS[:2]]
    (tmp_path / "words.txt").write_text(f"{readings[1].upper()}\n{readings[0]}\n", "utf-8")
    lexicon = ["--lexicon", str(tmp_path / "words.txt"), "--ignore-case"]
    assert main(["read", *files, "--preset", preset, *lexicon, "--alternatives", "2"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[2] for line in lines] == [readings[0], readings[1].upper()]
    assert all(line[3].rpartition(" ")[0] == line[2] for line in lines)
    (tmp_path / "words.txt").write_text(f"{readings[1].upper()}\t5\nwalrus\t1\n", "utf-8")
    assert main(["read", *files, "--preset", preset, *lexicon, "--unlisted", "0.5", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert [reading["text"] for reading in content] == readings[:2]  # as in the image, and in the list or not
    assert {reading["constraint"] for reading in content} == {"lexicon of 2 words and others, case ignored"}
    assert main(["read", files[0], "--preset", preset, "--pattern", r"\d{3}", "--json"]) == 0
    (content,) = json.loads(capsys.readouterr().out)
    assert content["constraint"] == r"pattern \d{3}" and content["text"].isdecimal()
    assert main(["read", files[0], "--preset", preset, "--orientations", "0,180"]) == 0
    wanted = crnn().read(files[0], orientations=(0, 180))
    assert capsys.readouterr().out.split() == [
        files[0],
        f"{wanted.confidence:.3f}",
        wanted.text,
        str(wanted.orientation),
    ]
    assert main(["read", files[0], "--preset", preset, "--orientations", "0,180", "--csv"]) == 0
    (row,) = csv.DictReader(capsys.readouterr().out.splitlines())
    assert (row["text"], row["orientation"]) == (wanted.text, str(wanted.orientation))
    assert main(["read", files[0], "--preset", preset, "--orientations", "0,45"]) == 1
    assert "orientations are 'tall', or some of" in capsys.readouterr().err
    assert main(["read", files[0], "--preset", preset, "--pattern", "(", "--allow", "a"]) == 1
    assert "is no regular expression" in capsys.readouterr().err
    assert main(["read", files[0], "--preset", preset, "--ignore-case"]) == 1
    assert "go with --lexicon" in capsys.readouterr().err
    assert main(["read", files[0], "--preset", preset, "--unlisted", "0.1"]) == 1
    assert "--unlisted goes with --language or --lexicon" in capsys.readouterr().err
    assert main(["read", files[0], "--preset", preset, *lexicon, "--unlisted", "7"]) == 1
    assert "unlisted is a number from 0 to 1, got 7.0" in capsys.readouterr().err


def test_a_preset_with_orientations_of_its_own(images, capsys, tmp_path):
    """Columns are the same as ever, also of what was turned; JSON tells it."""
    model = make_crnn()
    model.about = {"orientations": [180]}
    model.save_to_preset(tmp_path / "turned")
    command = ["read", str(images / "cat.png"), "--preset", str(tmp_path / "turned")]
    wanted = crnn().read(images / "cat.png", orientations=(180,))
    assert main(command) == 0
    assert capsys.readouterr().out.split() == [command[1], f"{wanted.confidence:.3f}", wanted.text]
    assert main([*command, "--json"]) == 0
    (content,) = json.loads(capsys.readouterr().out)
    assert (content["text"], content["orientation"]) == (wanted.text, 180)


def test_read_the_words_of_a_language(preset, images, capsys):
    command = ["read", str(images / "walrus.png"), "--preset", preset, "--language", "en"]
    assert main([*command, "--json"]) == 0
    (reading,) = json.loads(capsys.readouterr().out)
    wanted = crnn().read(images / "walrus.png", lexicon=Lexicon.of_language("en"))
    assert (reading["text"], reading["constraint"]) == (wanted.text, wanted.constraint)
    assert main([*command, "--unlisted", "0", "--json"]) == 0  # a word of the list, whatever the image shows
    (reading,) = json.loads(capsys.readouterr().out)
    assert reading["text"].lower() in of_language("en") and "and others" not in reading["constraint"]
    for options, sentence in [
        (["--lexicon", "words.txt"], "Give --language or --lexicon, not both"),
        (["--ignore-case"], "go with --lexicon"),
    ]:
        assert main([*command, *options]) == 1
        assert sentence in capsys.readouterr().err


def test_read_continues_past_what_it_cannot_read(preset, images, readings, capsys):
    (images / "aaa.png").write_text("a text file")
    (images / "bbb.jpg").write_bytes(cv2.imencode(".jpg", draw("cat"))[1].tobytes()[:-100])
    (images / "ccc.png").write_bytes(b"")
    (images / "ddd.png").write_bytes(png(np.zeros((2, 5000, 3), "uint8")))
    assert main(["read", "lost.png", "images", "--json", "--preset", preset]) == 1
    output, errors = capsys.readouterr()
    assert [row["text"] for row in json.loads(output)] == [readings[0], readings[2], readings[1]]
    first, *lines, last = errors.splitlines()
    assert first == "images: 1 file passed over: .txt (1)."
    assert last == "keras-textrec read: 5 of 8 images could not be read."
    assert len(lines) == 5
    for line, name in zip(lines, ["lost.png", "images/aaa.png", "images/bbb.jpg", "images/ccc.png", "images/ddd.png"]):
        assert line.startswith("keras-textrec read: ") and line.count(name) == 1


def test_read_when_nothing_can_be_read(preset, images, capsys):
    assert main(["read", "lost.png", "--json", "--preset", preset]) == 1
    assert json.loads(capsys.readouterr().out) == []
    (images.parent / "empty").mkdir()
    assert main(["read", "empty", "--preset", preset]) == 1
    assert "no image in the folder empty" in capsys.readouterr().err
    write_lmdb(images.parent / "words", ["cat"])
    assert main(["read", "words", "--preset", preset]) == 1
    assert "passed over: .mdb (2). `keras-textrec evaluate` reads an LMDB." in capsys.readouterr().err


@pytest.mark.parametrize("command", ["read x.png --preset crnn_smal", "presets crnn_smal", "evaluate crnn_smal images"])
def test_an_unknown_preset(images, capsys, command):
    assert main(command.split()) == 1
    output, errors = capsys.readouterr()
    assert output == ""
    start = f"keras-textrec {command.split()[0]}: There is no preset and no folder 'crnn_smal'; did you mean "
    assert errors.startswith(start) and "crnn_small_en" in errors and errors.count("\n") == 1


def test_presets(preset, capsys):
    assert main(["presets"]) == 0
    output = capsys.readouterr().out
    assert all(name in output for name in preset_names())
    assert "embedded" in output and "PaddleOCR" in output
    for name in (preset, *preset_names()[::5]):
        assert main(["presets", name]) == 0
        assert yaml.safe_load(capsys.readouterr().out) == describe(name)


def test_evaluate(preset, tmp_path, readings, monkeypatch, capsys):
    """Labels that are the preset's own readings, but for one."""
    monkeypatch.setenv("COLUMNS", "160")
    for name, texts in [("all", readings), ("deep/most", [readings[0], readings[1].upper(), "wrong"])]:
        write_lmdb(tmp_path / "sets" / name, WORDS)
        with lmdb.open(str(tmp_path / "sets" / name)) as environment, environment.begin(write=True) as transaction:
            for number, text in enumerate(texts, 1):
                transaction.put(b"label-%09d" % number, text.encode())
    command_line = ["evaluate", preset, str(tmp_path / "sets"), "--orientations", "tall", "--allow", "a-z"]
    assert main([*command_line, "--json", str(tmp_path / "results.json")]) == 0
    output = capsys.readouterr().out
    results = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert list(results) == ["preset", "sets", "mean", "weighted_mean"]
    assert results["preset"] == preset
    columns = {"name", "samples", "accuracy", "exact", "ned", "images_per_second"}
    assert all(columns <= set(row) for row in results["sets"])
    free, constrained = results["sets"][::2], results["sets"][1::2]
    assert [row["name"] for row in constrained] == ["all, allow a-z, tall", "deep/most, allow a-z, tall"]
    assert [(row["name"], row["samples"]) for row in free] == [("all", 3), ("deep/most", 3)]
    assert [row["accuracy"] for row in free] == pytest.approx([1, 2 / 3])
    assert [row["exact"] for row in free] == pytest.approx([1, 1 / 3])
    assert set(results["mean"]) == {"accuracy", "exact", "ned"}
    assert results["mean"]["accuracy"] == pytest.approx(5 / 6)
    lines = [line for line in output.splitlines() if "allow" not in line]
    table = [line for line in lines if any(name in line for name in ("all", "deep/most", "mean"))]
    assert "100.00" in table[0] and "66.67" in table[1] and "83.33" in table[2]
    (tmp_path / "words.txt").write_text("\n".join(readings), "utf-8")
    opened = [*command_line[:3], "--lexicon", str(tmp_path / "words.txt"), "--unlisted", "0.01"]
    assert main([*opened, "--json", str(tmp_path / "results.json")]) == 0
    results = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert [row["name"] for row in results["sets"][1::2]] == [
        "all, 3 words, unlisted 0.01",
        "deep/most, 3 words, unlisted 0.01",
    ]
    assert [row["accuracy"] for row in results["sets"]] == pytest.approx([1, 1, 2 / 3, 2 / 3])
    capsys.readouterr()
    assert main([*command_line[:3], "--lexicon", "--unlisted", "0.01"]) == 1
    assert "--unlisted goes with --language or --lexicon FILE" in capsys.readouterr().err
    assert main([*command_line[:3], "--language", "en", "--json", str(tmp_path / "results.json")]) == 0
    results = json.loads((tmp_path / "results.json").read_text("utf-8"))
    words = f"{len(of_language('en')):,} words, unlisted 0.01"
    assert [row["name"] for row in results["sets"][1::2]] == [f"all, {words}", f"deep/most, {words}"]


def test_evaluate_without_a_dataset(preset, tmp_path, capsys):
    assert main(["evaluate", preset, str(tmp_path)]) == 1
    assert "no label file in" in capsys.readouterr().err


def test_calibrate(preset, tmp_path, readings, monkeypatch, capsys):
    """Labels that are the preset's own readings, but for the word of which it is least sure."""
    monkeypatch.setattr("keras_textrec.reports.calibration._LEAST_WORDS", 36)
    sure = [np.prod([c.confidence for c in crnn().read(draw(word)).characters]) for word in WORDS]
    texts = ["wrong" if place == np.argmin(sure) else text for place, text in enumerate(readings)]
    words, calibrated = tmp_path / "words", str(tmp_path / "calibrated")
    words.mkdir()
    for number, word in enumerate(WORDS * 12):
        (words / f"{number}.png").write_bytes(png(draw(word)))
    lines = [f"{number}.png\t{text}" for number, text in enumerate(texts * 12)]
    (words / "labels.txt").write_text("\n".join(lines))
    assert main(["calibrate", preset, str(words / "labels.txt"), "--output", calibrated]) == 0
    output = capsys.readouterr().out
    assert "ECE before" in output and "precision, keep confidence >=" in output
    kept = describe(calibrated)["calibration"]
    assert kept["fitted"] + kept["judged"] == 36 and "calibration" not in describe(preset)
    assert main(["calibrate", calibrated, str(words)]) == 0  # in place
    again = describe(calibrated)["calibration"]
    assert (again["intercept"], again["slope"]) == pytest.approx((kept["intercept"], kept["slope"]))


def test_calibrate_refuses(preset, images, capsys):
    write_lmdb("words", WORDS)
    for arguments, sentence in [
        (["repsvtr_det", "words", "--output", "new"], "repsvtr_det is a detector"),
        (["crnn_small_en", "words"], "crnn_small_en is no folder to be changed in place; give --output DIR"),
        ([preset, "words"], "There are 3 words that can be read; a calibration needs at least 200"),
        ([preset, "nothing"], "There is no folder nothing"),
    ]:
        assert main(["calibrate", *arguments]) == 1
        assert sentence in capsys.readouterr().err
    assert not os.path.exists("new")


@pytest.fixture
def trained(monkeypatch):
    """What `train` was asked to do, instead of doing it; tests/training/test_train.py trains by the command line."""
    calls = []

    def train(model, training, validation, output, **options):
        sizes = len(training), len(validation)
        calls.append({"model": model, "sizes": sizes, "output": output, **options})
        return 0.5, 1

    monkeypatch.setattr("keras_textrec.training.train.train", train)
    return calls


def test_train_passes_everything_on(preset, tmp_path, trained):
    for name, words in [("a", ["x", "y"]), ("b", ["z"]), ("c", ["v"])]:
        write_lmdb(tmp_path / name, words)
    a, b, c = (str(tmp_path / name) for name in "abc")
    arguments = ["train", preset, "--train", a, b, "--validation", c, "--output", "run"]
    settings = ["training.batch_size=2", "model.tokenizer.unknown=drop"]
    assert main([*arguments, "-o", settings[0], "-o", settings[1], "--pretrained", "--resume"]) == 0
    assert main([*arguments, "--processes", "0"]) == 0
    first, second = trained
    assert first["sizes"] == second["sizes"] == (3, 1)
    assert first["output"] == "run"
    assert first["model"].recipe.batch_size == 2
    assert first["model"].recipe.learning_rate == RECIPE.learning_rate / 4 and first["model"].recipe.epochs == 10
    assert first["model"].tokenizer.unknown == "drop"
    weights = crnn().get_weights()[0]
    assert np.array_equal(first["model"].get_weights()[0], weights)
    assert not np.array_equal(second["model"].get_weights()[0], weights)
    assert second["model"].describe() == describe(preset)
    assert (first["resume"], second["resume"]) == (True, False)
    assert (first["processes"], second["processes"]) == (os.cpu_count(), 0)


def test_train_for_other_characters(preset, tmp_path, trained):
    a = write_lmdb(tmp_path / "a", ["x"])
    arguments = ["train", preset, "--train", a, "--validation", a, "--output", "run", "--pretrained"]
    assert main([*arguments, "--charset", "0123456789abC"]) == 0
    model = trained[0]["model"]
    assert "".join(model.tokenizer.charset) == "0123456789abC" and not model.tokenizer.lowercase
    digit = model.get_layer("head").get_weights()[1][1 + 7]
    assert digit == crnn().get_layer("head").get_weights()[1][1 + 7]  # what it knows of a character stays with it
    assert main([*arguments, "--charset", "lost.txt"]) == 1


def test_train_in_ratios(preset, tmp_path, monkeypatch):
    a, b = (write_lmdb(tmp_path / name, words) for name, words in [("a", ["x", "y"]), ("b", ["z"])])
    seen = []

    def train(_, training, *rest, **options):
        seen.append(training)
        return 0.5, 1

    monkeypatch.setattr("keras_textrec.training.train.train", train)
    arguments = ["train", preset, "--train", a, b, "--validation", a, "--output", "run"]
    assert main([*arguments, "--ratios", "1", "3"]) == 0
    assert seen[0].ratios == (0.25, 0.75)
    assert main([*arguments, "--ratios", "1"]) == 1


def test_create_lmdb(images, tmp_path, capsys):
    (images / "labels.csv").write_text("cat.png,cat\nlost.png,lost\ndog.png,dog\n")
    walrus = write_lmdb(tmp_path / "walrus", ["walrus"])
    assert main(["create-lmdb", "out", "images", walrus]) == 1  # one could not be read
    source = LMDBSource("out")
    assert [text for _, text in source] == ["cat", "dog", "walrus"]
    assert source[0][0] == (images / "cat.png").read_bytes()
    assert main(["create-lmdb", "out", "images"]) == 1
    assert "holds an LMDB already" in capsys.readouterr().err
    assert main(["create-lmdb", "out", "images", walrus, "--resume"]) == 0
    assert len(LMDBSource("out")) == 3
    assert main(["create-lmdb", "decoded", walrus, "--decoded", "16"]) == 0
    assert load_image(LMDBSource("decoded")[0][0]).shape[0] == 16
    assert main(["create-lmdb", "none", walrus, "--decoded", "0"]) == 1
    assert "at least 1 pixel" in capsys.readouterr().err


@pytest.mark.parametrize(
    "setting, message",
    [
        ("training.batch_siz=2", "training.batch_siz is no key of a recipe; did you mean batch_size"),
        ("trainin.batch_size=2", "the preset has no section 'trainin'"),
        ("training.batch_size", "must be SECTION.KEY=VALUE"),
        ("training.epochs=few", "training.epochs must be int, not 'few'"),
        ("model.hiden_size=8", "hiden_size"),
    ],
)
def test_train_refuses_settings(preset, tmp_path, capsys, setting, message):
    source = write_lmdb(tmp_path / "words", ["x"])
    output = tmp_path / "run"
    arguments = ["train", preset, "--train", source, "--validation", source, "--output", str(output), "-o", setting]
    assert main(arguments) == 1
    errors = capsys.readouterr().err
    assert message in errors and errors.startswith("keras-textrec train: ")
    assert not output.exists()


def test_train_refuses_missing_data(preset, tmp_path, capsys):
    lost = str(tmp_path / "lost")
    assert main(["train", preset, "--train", lost, "--validation", lost, "--output", str(tmp_path / "run")]) == 1
    assert f"There is no folder {lost}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", ["", "reed x.png", "read", "read x.png --no-such", "train p --output x", "evaluate p"]
)
def test_wrong_usage(arguments, capsys):
    with pytest.raises(SystemExit) as exit:
        main(arguments.split())
    assert exit.value.code == 2
    assert capsys.readouterr().err.startswith("usage: keras-textrec")


def test_interrupting(monkeypatch, capsys):
    def interrupt(name):
        raise KeyboardInterrupt

    monkeypatch.setattr("keras_textrec.zoo.describe", interrupt)
    assert main(["presets", "x"]) == 130
    assert capsys.readouterr().err == "keras-textrec presets: interrupted.\n"


def test_the_default_preset_exists():
    assert read.DEFAULT_PRESET in preset_names()
