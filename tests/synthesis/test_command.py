import pytest

from keras_textrec.commands import main
from keras_textrec.data import lmdb
from keras_textrec.synthesis import load_config

pytestmark = pytest.mark.once


@pytest.fixture
def given(fonts, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.txt").write_text("ABBA\nBAAB\n")
    (tmp_path / "mine.yaml").write_text("text: {words: words.txt, kinds: {word: 1000000}}\n")
    return ["--fonts", fonts[0].path, "--charset", "AB", "--config", "mine.yaml", "--processes", "1"]


def test_synthesize(given, capsys, caplog):
    options = ["--count", "12", "--seed", "3", "-o", "layout.arc.p=0.5", "-o", "camera.blur.p=0"]
    assert main(["synthesize", "out", *given, *options]) == 0
    assert "out holds 12 images." in caplog.text
    source = lmdb("out")
    assert len(source) == 12 and all(set(source[index][1]) <= set("AB") for index in range(12))
    config = load_config("out/synthesis.yaml")
    assert (config["seed"], config["layout"]["arc"]["p"], config["camera"]["blur"]["p"]) == (3, 0.5, 0)
    assert main(["synthesize", "again", "--config", "out/synthesis.yaml", "--count", "12", "--processes", "1"]) == 0
    assert [lmdb("again")[index] for index in range(12)] == [source[index] for index in range(12)]
    assert main(["synthesize", "out", *given, *options]) == 1
    assert "out holds an LMDB already" in capsys.readouterr().err


def test_preview(given, tmp_path, capsys):
    assert main(["synthesize", "--preview", "sheet.png", *given, "-o", "view.height.limits=[32, 32]"]) == 0
    output = capsys.readouterr().out
    assert "sharpness" in output and "32 32 32" in output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.yaml", "sheet.png", "words.txt"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Nothing to do"),
        (["out", "-o", "layout.ark.p=1"], "did you mean arc?"),
        (["out", "-o", "count=0"], "ask for at least one image"),
        (["out", "--words", "none.txt"], "no word list none.txt"),
        (["out", "-o", "words=words.txt"], "words is no key of the configuration"),
        (["out", "-o", "processes=1"], "processes is no key of the configuration"),
        (["out", "-o", "config=mine.yaml"], "config is no key of the configuration"),
        (["out", "-o", "fonts=odd"], "fonts must be a section"),
        (["out", "-o", "count=many"], "count must be a number"),
        (["words.txt"], "words.txt is a file; give another folder"),
        (["--preview", "sheet.pgn"], "sheet.pgn is no picture's name; end it in .png or .jpg."),
        (["--preview", "sheet.png", "--beside", "nowhere"], "There is no folder nowhere"),
    ],
)
def test_mistakes(given, tmp_path, capsys, arguments, message):
    assert main(["synthesize", *given, *arguments]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
