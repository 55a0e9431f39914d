import logging

import pytest

from keras_textrec.data import from_arrays, lmdb
from keras_textrec.data.mixing import mix
from keras_textrec.data.sources import ConcatSource
from keras_textrec.synthesis.source import RenderedSource
from keras_textrec.text import CTCTokenizer
from keras_textrec.training.checks import is_rendered, parts, tell_data, tell_shared
from tests.tiny import WORDS, draw, write_lmdb

pytestmark = pytest.mark.once


def words(texts, images=None):
    return from_arrays([draw(text) for text in images or texts], list(texts))


def told(caplog):
    return [record.getMessage() for record in caplog.records]


def test_characters_of_one_set_only_are_named(caplog):
    tokenizer = CTCTokenizer("abcdeABCDE12", unknown="strip")
    with caplog.at_level(logging.INFO):
        tell_data(words(["abc", "bc2", "xyz"]), words(["abe", "ea", "q"]), tokenizer)
    # What is not in the charset is the label check's to tell.
    assert told(caplog) == [
        "Only in the validation set, so that training never shows them: e.",
        "Only in the training set, so that nothing tells how well they are read: c 2.",
    ]
    caplog.clear()
    tell_data(words(["abc"]), words(["ABC"]), tokenizer)
    assert told(caplog)[0].endswith("The training labels have the same letters in the other case.")
    caplog.clear()
    tell_data(words(["abc"]), words(["CBA"]), CTCTokenizer("abc", lowercase=True))
    tell_data(words(["ab"]), words(["abc"]), tokenizer, replay=words(["c"]))  # is shown, too
    assert not caplog.records


def test_what_trained_weights_may_forget_is_told(caplog):
    """A preset of many characters that is trained on few of them; new weights have nothing to forget."""
    few, tokenizer = words(["cat", "tack"]), CTCTokenizer("actk你好世界文字", unknown="strip")
    tell_data(few, words(["act"]), tokenizer)
    tell_data(few, words(["act"]), tokenizer, replay=words(["文"]), has_base=True)
    tell_data(few, words(["act"]), CTCTokenizer("actkxyz", unknown="strip"), has_base=True)
    assert "forgets" not in caplog.text
    tell_data(few, words(["act"]), tokenizer, has_base=True)
    sentence = told(caplog)[-1]
    assert sentence.startswith("The training labels have 4 of the 10 characters that the network reads.")
    for advice in ("--mix 0.3:SOURCE", "--old-validation SOURCE", "--charset"):
        assert advice in sentence


def test_pictures_in_both_sets_are_told(tmp_path, caplog):
    """The same file, and the same picture at another size; other pictures of the same words are none."""
    training, validation = words(WORDS), words(["cat", "new"])
    near = from_arrays([draw("cat"), draw("Dog", height=30), draw("new")], ["cat", "Dog", "new"])
    tell_shared(training, near)
    assert "2 of the 3 images of the validation set that were compared are in the training set too" in caplog.text
    caplog.clear()
    tell_shared(training, validation)
    assert "1 of the 2 images" in caplog.text
    caplog.clear()
    tell_shared(training, words(["new", "other"]))
    assert not caplog.records


def test_of_a_large_training_set_the_same_texts_are_compared_first(monkeypatch, caplog):
    monkeypatch.setattr("keras_textrec.training.checks._MOST_TRAINING", 4)
    tell_shared(words([*(f"w{i}" for i in range(30)), "cat"]), words(["cat"]))
    assert "1 of the 1 images" in caplog.text


def test_a_rendered_validation_set_is_told(tmp_path, caplog):
    rendered = tmp_path / "rendered"
    write_lmdb(rendered, ["one", "two"])
    (rendered / "synthesis.yaml").write_text("count: 2\n")
    plain = lmdb(write_lmdb(tmp_path / "plain", ["tree"]))
    tokenizer = CTCTokenizer("abcdefghijklmnopqrstuvwxyz", unknown="strip")
    tell_data(lmdb(rendered), plain, tokenizer)
    assert "rendered" not in caplog.text
    tell_data(plain, ConcatSource([plain, lmdb(rendered)]), tokenizer)
    assert "The validation set is rendered (rendered): its accuracy" in caplog.text


def test_the_parts_of_a_source(tmp_path):
    a, b = words(["a"]), words(["b"])
    assert list(parts(ConcatSource([a, mix([(b, 1), (a, 1)])]))) == [a, b, a]
    assert not is_rendered(a)
    assert is_rendered(object.__new__(RenderedSource))
