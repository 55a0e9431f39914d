import dataclasses
import pickle
from collections import Counter

import pytest

from keras_textrec.commands import main
from keras_textrec.data import lmdb
from keras_textrec.synthesis import WordRenderer, synthesize
from keras_textrec.synthesis.only_words import OnlyWords

pytestmark = pytest.mark.once

PLATES = [f"{letter}-{number:03d} x" for letter in "ABC" for number in range(20)]


def texts(words, count, seed=0):
    return [words.text(index) for index in range(count)]


def test_each_once_before_any_twice_shuffled_by_the_seed():
    words = OnlyWords([*PLATES, *PLATES[:7]], None, 3)
    first, second = texts(words, 120)[:60], texts(words, 120)[60:]
    assert sorted(first) == sorted(second) == sorted(PLATES) and PLATES != first != second
    assert texts(OnlyWords(PLATES, None, 3), 60) == first != texts(OnlyWords(PLATES, None, 4), 60)
    assert texts(pickle.loads(pickle.dumps(words)), 60) == first
    assert words.charset == set("ABC-0123456789 x")
    assert words.digest() != OnlyWords(PLATES[1:], None, 3).digest()


def test_words_outside_the_charset_are_counted(caplog):
    words = OnlyWords(["ab", "aB", "Café", "b"], "abCfe\u0301", 0)
    assert set(texts(words, 3)) == {"ab", "Café", "b"}
    assert "1 of 4 words hold characters outside the charset: aB." in caplog.text
    with pytest.raises(ValueError, match="2 of 2 words hold characters outside the charset: ab, aB. No word is left"):
        OnlyWords(["ab", "aB"], "xyz", 0)


def test_a_list_is_rendered_as_it_is_written(tmp_path, fonts):
    """With lengths, cases and lines that the default texts would never have."""
    words = ["AB-123", "ab-124", "mIxEd", "a" * 40, "?", "x"]
    settings = {"fonts": fonts, "words": words, "text.only_words": True}
    synthesize(tmp_path / "out", 12, processes=1, progress=False, **settings)
    written = [text for _, text in lmdb(tmp_path / "out")]
    assert Counter(written) == dict.fromkeys(words, 2)
    renderer = WordRenderer(**settings)
    assert written == [renderer.text(index) for index in range(12)]


def test_a_font_of_capitals_writes_capitals_only(fonts, caplog):
    capitals = [dataclasses.replace(font, caps=True) for font in fonts]
    renderer = WordRenderer(capitals, ["ABC", "abc"], text={"only_words": True})
    assert {renderer.text(index) for index in range(4)} == {"ABC"}
    assert "1 of 2 words can be written by no font here: abc." in caplog.text
    with pytest.raises(ValueError, match="1 of 1 words can be written by no font here: 文"):
        WordRenderer(fonts, ["文"], text={"only_words": True})


def test_command(tmp_path, fonts, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plates.txt").write_text("\n".join(PLATES))
    options = ["--fonts", fonts[0].path, "--only-words", "plates.txt", "--processes", "1"]
    assert main(["synthesize", "out", "--count", "60", *options]) == 0
    assert sorted(text for _, text in lmdb("out")) == sorted(PLATES)
    with pytest.raises(SystemExit):
        main(["synthesize", "out", *options, "--words", "plates.txt"])
    assert main(["synthesize", "more", "-o", "text.only_words=true"]) == 1
    assert "text.only_words needs words of yours" in capsys.readouterr().err
    assert main(["synthesize", "more", *options, "-o", "text.only_words=1"]) == 1
    assert "text.only_words must be true or false, not 1." in capsys.readouterr().err
