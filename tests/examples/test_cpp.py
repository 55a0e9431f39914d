"""examples/cpp: built, and asked for what the model reads."""

import os
import pathlib
import shutil

import pytest

from tests.examples.programs import EXAMPLES, run

pytestmark = pytest.mark.one_backend


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> pathlib.Path:
    """The program; skips where what it is built with is not installed."""
    for tool in ("cmake", "c++"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    folder = tmp_path_factory.mktemp("build")
    root = os.environ.get("ONNXRUNTIME_ROOT", "")
    made = run("cmake", "-S", EXAMPLES / "cpp", "-B", folder, f"-DONNXRUNTIME_ROOT={root}", "-DCMAKE_CXX_FLAGS=-Wall")
    if " is missing: " in made.stderr:
        pytest.skip(" ".join(made.stderr.split("(message):")[1].split("\n\n")[0].split()))
    assert made.returncode == 0, made.stderr
    built = run("cmake", "--build", folder)
    assert built.returncode == 0, built.stdout + built.stderr
    assert "warning" not in built.stdout + built.stderr
    return folder / "read_words"


def test_it_reads_what_the_model_reads(program, exported, words):
    answer = run(program, exported, *words)
    assert (answer.returncode, answer.stderr) == (0, "")
    rows = [line.split("\t") for line in answer.stdout.splitlines()]
    assert [(row[0], row[2]) for row in rows] == [(str(path), reading.text) for path, reading in words.items()]
    assert [float(row[1]) for row in rows] == pytest.approx([r.confidence for r in words.values()], abs=2e-3)


def test_tall_words_are_turned_as_by_the_model(program, exported, restamped, turned, digit):
    rows = [line.split("\t") for line in run(program, exported, *turned, digit).stdout.splitlines()]
    assert [row[2] for row in rows] == [*(reading.text for reading in turned.values()), "2"]
    as_given = run(program, restamped("upright.onnx", orientations=None), *turned).stdout.splitlines()
    assert not {line.split("\t")[2] for line in as_given} & {reading.text for reading in turned.values()}


def test_selftest(program, exported, restamped):
    answer = run(program, exported, "--selftest")
    assert answer.returncode == 0
    assert answer.stdout.startswith("selftest passed: ")
    other = run(program, restamped("other.onnx", sample_text="another"), "--selftest")
    assert other.returncode == 1
    assert other.stdout.startswith("selftest FAILED: ")


def test_what_it_cannot_read_gets_one_sentence(program, exported, words, foreign, newer, tmp_path):
    broken = tmp_path / "broken.onnx"
    broken.write_text("no network")
    word = next(iter(words))
    for arguments, sentence in [
        ((tmp_path / "none.onnx", word), f"There is no file {tmp_path}/none.onnx."),
        ((broken, word), f"{broken} cannot be opened as an ONNX file: "),
        ((foreign, word), f"{foreign} is not an export of keras_textrec."),
        ((newer, word), f"{newer} was exported by keras_textrec 9.0, which is newer than this program"),
        ((exported, tmp_path / "none.png"), f"There is no file {tmp_path}/none.png."),
        ((exported, broken), f"{broken} is not an image that can be opened: "),
    ]:
        answer = run(program, *arguments)
        assert answer.returncode == 1
        assert answer.stderr.startswith(f"read_words: {sentence}")
        assert answer.stderr.count("\n") == 1
    assert run(program).returncode == 2


def test_an_image_that_cannot_be_read_does_not_stop_the_others(program, exported, words, tmp_path):
    answer = run(program, exported, tmp_path / "none.png", *words)
    assert answer.returncode == 1
    assert len(answer.stdout.splitlines()) == len(words)
