import logging

import numpy as np
import pytest

from keras_textrec.decoding import Constraint, CTCDecoder, Lexicon
from keras_textrec.decoding.automaton import trie
from keras_textrec.text import CTCTokenizer

pytestmark = pytest.mark.once

TOKENIZER = CTCTokenizer("abcéf")


def test_a_trie_holds_its_words_and_no_others():
    rng = np.random.default_rng(0)
    words = [tuple(rng.integers(1, 4, rng.integers(1, 6)).tolist()) for _ in range(80)]
    automaton, ends = trie(words)
    for word in words:
        assert automaton.walk(word) == ends[word] and automaton.accepting[ends[word]]
    assert automaton.accepting.sum() == len(set(words))
    assert automaton.states == 1 + len({word[:length] for word in words for length in range(1, len(word) + 1)})
    assert automaton.walk((9,)) == -1


def test_a_file_of_words(tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes("\ufeffab\r\n\r\ncafé\n".encode())
    assert Lexicon(path).words == ("ab", "café")
    path.write_bytes("café".encode("latin-1"))
    with pytest.raises(ValueError, match=r"words\.txt' is not UTF-8 text"):
        Lexicon(str(path))
    path.write_bytes(b"\n")
    with pytest.raises(ValueError, match=r"words\.txt' holds no words"):
        Lexicon(path)
    with pytest.raises(FileNotFoundError, match="There is no lexicon file"):
        Lexicon(tmp_path / "none.txt")
    path.write_text("ab\t12\ncafé\t0.5\n", encoding="utf-8")
    assert (Lexicon(path).words, Lexicon(path).frequencies.tolist()) == (("ab", "café"), [12, 0.5])
    path.write_text("ab\t0\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"words\.txt': the frequency in 'ab\\t0' must be a number above 0"):
        Lexicon(path)
    with pytest.raises(ValueError, match="The lexicon has a word whose frequency is no number above 0"):
        Lexicon({"a": 1, "b": float("nan")})
    with pytest.raises(ValueError, match="unlisted is a number from 0 to 1, got 2"):
        Lexicon(["a"], unlisted=2)
    with pytest.raises(TypeError, match="Every word of a lexicon is a string, got 7"):
        Lexicon(["a", 7])
    with pytest.raises(TypeError, match="A lexicon is a list of words"):
        Constraint(TOKENIZER, lexicon=7)


def test_words_outside_the_charset_are_counted(caplog):
    with caplog.at_level(logging.WARNING):
        Constraint(TOKENIZER, lexicon=["ab", "xy", "cafe\u0301", "-"])
    assert "2 of the 4 words of the lexicon cannot be written and are left out: of 'xy', the charset" in caplog.text
    assert "does not hold 'x', 'y'." in caplog.text


def test_case_that_the_charset_does_not_have():
    y = np.eye(6)[[1, 2, 0]][None] * 0.9 + 0.02
    assert read(y, Lexicon(["AB", "C"], ignore_case=True)) == "AB"
    with pytest.raises(ValueError, match="None of the 2 words"):
        read(y, Lexicon(["AB", "C"]))


def test_an_image_whose_own_words_cannot_be_written_reads_as_nothing(caplog):
    y = np.eye(6)[[1, 2, 0]][None] * 0.9 + 0.02
    assert read(np.concatenate([y, y]), [["ab"], ["xyz"]]) == ["ab", ""]
    assert "The text is empty: None of the 1 words" in caplog.text
    constraint = Constraint(TOKENIZER, lexicon=[["xyz"]], min_confidence=0.5)
    (reading,) = CTCDecoder(TOKENIZER, constraint).decode(y, np.ones(1), constraint.each)
    assert (reading.text, reading.constraint) == (None, "lexicon without a word that can be written")


def test_each_image_may_have_frequencies_of_its_own():
    y = np.full((1, 1, 6), 0.1) + np.array([0.0, 0.1, 0.15, 0.15, 0, 0])
    y = np.concatenate([y, y, y])
    assert read(y, [{"a": 9, "b": 1}, {"a": 1, "b": 9}, ["a", "b"]]) == ["a", "b", "b"]
    assert read(y[:1], {"a": 9, "b": 1}) == "a"


def read(probabilities, lexicon):
    constraint = Constraint(TOKENIZER, lexicon=lexicon)
    readings = CTCDecoder(TOKENIZER, constraint).decode(probabilities, np.ones(len(probabilities)), constraint.each)
    texts = [reading.text for reading in readings]
    return texts if constraint.each else texts[0]
