import sys

import pytest

from keras_textrec.text.word_lists import of_language

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("language", "common", "marked"), [("en", "the", "don't"), ("de", "und", "für"), ("hi", "और", "हिन्दी")]
)
def test_the_words_of_a_language(language, common, marked):
    words = of_language(language)
    frequencies = list(words.values())
    assert frequencies == sorted(frequencies, reverse=True) and frequencies[-1] > 0
    assert list(words).index(common) < 10 and marked in words
    assert not any(character.isdecimal() or character in ".,😂" for word in words for character in word)


def test_a_language_without_words(monkeypatch):
    with pytest.raises(ValueError, match=r"There are no words of the language 'eng'; did you mean en\?"):
        of_language("eng")
    monkeypatch.setitem(sys.modules, "wordfreq", None)
    with pytest.raises(ImportError, match=r'need wordfreq: pip install "keras-textrec\[languages\]"'):
        of_language("en")
