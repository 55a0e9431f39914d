import random
import string
from collections import Counter

import pytest

from keras_textrec.synthesis.words import ASCII, TextSource, default_words, load_words

WORDS = ["Hotel", "street", "Café", "straße", "no", "a", "international", "bakery's"]


def draws(source, count=3000, plain=False):
    rng = random.Random(3)
    return [source.draw(rng, plain) for _ in range(count)]


def test_load_words(tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes("\ufeffhotel\r\n\r\ncafé\r\n".encode())
    assert load_words(path) == ["hotel", "café"]
    path.write_text("\n")
    with pytest.raises(ValueError, match="is empty"):
        load_words(path)
    with pytest.raises(FileNotFoundError, match="no word list"):
        load_words(tmp_path / "none.txt")


def test_default_words_without_word_lists(tmp_path):
    words = default_words(tmp_path)
    assert len(words) > 500 and "restaurant" in words


def test_default_words_are_english_first(tmp_path):
    (tmp_path / "american-english").write_text("\n".join(f"word{n}" for n in range(300)) + "\ndog's")
    (tmp_path / "french").write_text("\n".join(f"mot{n}" for n in range(5000)))
    words = default_words(tmp_path)
    assert "dog's" not in words
    assert sum(word.startswith("mot") for word in words) <= 100


@pytest.mark.parametrize(
    "charset", [ASCII, string.digits + string.ascii_lowercase, string.ascii_uppercase, "hotelHOTEL1"]
)
def test_texts_hold_only_the_charset(charset):
    for text in draws(TextSource([*WORDS, "hotel", "HOTEL"], charset)):
        assert text and set(text) <= set(charset)


def test_every_character_appears():
    counts = Counter("".join(draws(TextSource(), 20_000)))
    assert set(counts) == set(ASCII)
    assert min(counts.values()) >= 10


def test_the_mix_is_that_of_signs():
    texts = draws(TextSource(), 10_000)
    words = [text for text in texts if text.isalpha() and len(text) > 1]
    share = {
        style: sum(getattr(word, style)() for word in words) / len(words) for style in ("islower", "isupper", "istitle")
    }
    assert 0.2 < share["islower"] < 0.45 and 0.3 < share["isupper"] < 0.55 and 0.15 < share["istitle"] < 0.35
    assert 4 < sum(map(len, texts)) / len(texts) < 7
    assert 0.1 < sum(len(text) <= 3 for text in texts) / len(texts) < 0.4
    assert sum(any(char.isdigit() for char in text) for text in texts) > 1000


def test_easy_texts_are_short_words():
    assert all(text.isalpha() and 2 <= len(text) <= 6 for text in draws(TextSource(WORDS), plain=True))


def test_other_scripts():
    source = TextSource(["дом", "улица"], "абвгдежзийклмнопрстуфхцчшщъыьэюя")
    assert {"дом", "улица"} <= set(draws(source))


def test_no_word_fits():
    with pytest.raises(ValueError, match="No word of the lexicon"):
        TextSource(["hotel"], "0123456789")


def test_upper_keeps_what_has_no_capital():
    assert TextSource(["ab"], "abAß").upper("abß") == "Abß"
