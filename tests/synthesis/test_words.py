import string
from collections import Counter

import pytest

from keras_textrec.synthesis.config import as_section, load_config
from keras_textrec.synthesis.dice import Dice
from keras_textrec.synthesis.words import ASCII, TextSource, default_words, load_words

pytestmark = pytest.mark.once

WORDS = ["Hotel", "street", "Café", "straße", "no", "a", "international", "bakery's"]


def source(words=None, charset=None, **settings):
    return TextSource(as_section(load_config(text=settings)).text, words, charset)


def draws(source, count=3000, plain=False):
    dice = Dice(3)
    return [source.draw(dice, plain) for _ in range(count)]


def test_load_words(tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes("\ufeffhotel\r\n\r\ncafé\r\n".encode())
    assert load_words(path) == ["hotel", "café"]
    assert load_words([path, str(path)]) == 2 * ["hotel", "café"]
    path.write_text("\n")
    with pytest.raises(ValueError, match="is empty"):
        load_words(path)
    path.write_bytes("café".encode("latin-1"))
    with pytest.raises(ValueError, match="not UTF-8"):
        load_words(path)
    with pytest.raises(FileNotFoundError, match="no word list"):
        load_words(tmp_path / "none.txt")


def test_frequencies_weigh_the_words(tmp_path):
    path = tmp_path / "words.tsv"
    path.write_text("often\t90\nnever\t10\n")
    words = load_words(path)
    assert words == {"often": 90.0, "never": 10.0}
    counts = Counter(text.lower() for text in draws(source(words, string.ascii_letters, kinds={"word": 1e6})))
    assert 0.85 < counts["often"] / (counts["often"] + counts["never"]) < 0.95
    for line in ("word\t0\n", "word\toften\n", "word\tnan\n"):
        path.write_text(line)
        with pytest.raises(ValueError, match="must be a number above 0"):
            load_words(path)


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
    for text in draws(source([*WORDS, "hotel", "HOTEL"], charset)):
        assert text and set(text) <= set(charset)


def test_every_character_appears():
    counts = Counter("".join(draws(source(), 20_000)))
    assert set(counts) == set(ASCII)
    assert min(counts.values()) >= 10


def test_the_mix_is_that_of_signs():
    texts = draws(source(), 10_000)
    words = [text for text in texts if text.isalpha() and len(text) > 1]
    share = {
        style: sum(getattr(word, style)() for word in words) / len(words) for style in ("islower", "isupper", "istitle")
    }
    assert 0.2 < share["islower"] < 0.45 and 0.3 < share["isupper"] < 0.55 and 0.15 < share["istitle"] < 0.35
    assert 4 < sum(map(len, texts)) / len(texts) < 7
    assert 0.1 < sum(len(text) <= 3 for text in texts) / len(texts) < 0.4
    assert sum(any(char.isdigit() for char in text) for text in texts) > 1000


@pytest.mark.parametrize("kind", ["glued", "balanced"])
def test_all_lengths_alike(kind):
    kinds = dict.fromkeys(load_config()["text"]["kinds"], 0) | {kind: 1}
    lengths = Counter(map(len, draws(source(kinds=kinds, longest=10), 5000)))
    assert set(lengths) == set(range(1, 11)) and min(lengths.values()) > 350


def test_all_characters_alike():
    kinds = dict.fromkeys(load_config()["text"]["kinds"], 0) | {"balanced": 1}
    counts = Counter("".join(draws(source(kinds=kinds), 5000)))
    assert set(counts) == set(ASCII) and max(counts.values()) < 1.3 * min(counts.values())


def test_lines_hold_spaces_where_the_charset_does():
    texts = draws(source(WORDS, ASCII + " ", lines={"p": 1.0, "words": [2, 3]}, longest=60), 500)
    assert {text.count(" ") for text in texts} >= {1, 2} and all(text == text.strip() for text in texts)
    assert not any(" " in text for text in draws(source(WORDS, lines={"p": 1.0})))


def test_easy_texts_are_short_words():
    assert all(text.isalpha() and 2 <= len(text) <= 6 for text in draws(source(WORDS), plain=True))


def test_other_scripts():
    assert {"дом", "улица"} <= set(draws(source(["дом", "улица"], "абвгдежзийклмнопрстуфхцчшщъыьэюя")))


def test_charsets_of_clusters():
    """A tokenizer's characters may be several code points; a mark does not stand alone."""
    texts = draws(source(["कि", "की"], ["कि", "की", "क"]))
    assert {"कि", "की"} <= set(texts) and not any(text[0] in "िी" for text in texts)


def test_no_word_fits():
    with pytest.raises(ValueError, match="No word of the list .* of, say, .hotel"):
        source(["hotel"], "0123456789")


def test_no_built_in_word_fits():
    """Digits, or another script: strings of the charset's characters, of every usual length."""
    texts = set(draws(source(None, "0123456789")))
    assert all(text.isdigit() for text in texts) and {1, 2, 3, 4, 5} <= set(map(len, texts))
    assert {"中", "文"} <= set("".join(draws(source(None, "中文字"))))


def test_a_charset_of_one_case_takes_all_words():
    texts = draws(source({"hotel": 1, "Ubahn": 1}, "ABEHLNOTU"))
    assert {"HOTEL", "UBAHN"} <= set(texts)


def test_upper_keeps_what_has_no_capital():
    texts = source(["ab"], "abAß")
    assert texts.upper("abß") == "Abß" and texts.upper("ab", known={"a", "b"}) == "ab"
