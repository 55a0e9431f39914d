"""Everything that is read within a constraint, compared with all paths of lattices small enough to list them."""

import dataclasses
import itertools
import re

import numpy as np
import pytest

from keras_textrec.decoding import Constraint, CTCDecoder, Lexicon
from keras_textrec.decoding.ctc import TextLattice
from keras_textrec.text import Charset, CTCTokenizer

pytestmark = pytest.mark.once

CHARACTERS = "aA1"
TOKENIZER = CTCTokenizer(CHARACTERS)


def lattices(count=12, classes=4):
    """Probabilities (T, V), sharp and flat ones."""
    rng = np.random.default_rng(1)
    return [rng.dirichlet(np.full(classes, rng.choice([0.3, 1.0])), rng.integers(1, 6)) for _ in range(count)]


def texts_of(probabilities, characters=CHARACTERS):
    """Text -> the sum over its paths, and the best of them."""
    frames, classes = probabilities.shape
    sums, best = {}, {}
    for path in itertools.product(range(classes), repeat=frames):
        probability = np.prod(probabilities[range(frames), path])
        runs = [id for place, id in enumerate(path) if id and (not place or path[place - 1] != id)]
        text = "".join(characters[id - 1] for id in runs)
        sums[text] = sums.get(text, 0.0) + probability
        best[text] = max(best.get(text, 0.0), probability)
    return sums, best


def read(probabilities, lexica=None, tokenizer=TOKENIZER, **constraints):
    decoder = CTCDecoder(tokenizer, Constraint(tokenizer, **constraints))
    return decoder.decode(probabilities[None], np.ones(1), lexica)[0]


WORDS = [word for length in (1, 2, 3, 4) for word in itertools.product(CHARACTERS, repeat=length)]
PATTERNS = ["a*1?", "(?i)a(a|1)+", r"\w{2}", "(aa|A1)*", "(?:a|aA)(?:1|A1)", "[aA]{3}"]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_gives_the_best_path_that_fits(pattern):
    for y in lattices():
        fitting = {text: p for text, p in texts_of(y)[1].items() if re.fullmatch(pattern, text)}
        reading = read(y, pattern=pattern)
        assert reading.constraint == f"pattern {pattern}"
        if max(fitting.values(), default=0.0):
            assert fitting[reading.text] == pytest.approx(max(fitting.values()))
        else:
            assert (reading.text, reading.confidence, reading.characters) == ("", 0.0, ())


@pytest.mark.parametrize("pattern", [None, *PATTERNS])
def test_alternatives_are_the_most_probable_texts(pattern):
    for y in lattices():
        sums = {text: p for text, p in texts_of(y)[0].items() if pattern is None or re.fullmatch(pattern, text)}
        reading = read(y, pattern=pattern, alternatives=3)
        best = sorted((p for p in sums.values() if p), reverse=True)[:3]
        assert [other.probability for other in reading.alternatives] == pytest.approx(best)
        assert [sums[other.text] for other in reading.alternatives] == pytest.approx(best)
        assert reading.text == (reading.alternatives[0].text if best else "")
        assert "".join(character.text for character in reading.characters) == reading.text


def test_all_alternatives_add_up_to_one():
    for y in lattices(4):
        assert sum(other.probability for other in read(y, alternatives=500).alternatives) == pytest.approx(1.0)


@pytest.mark.parametrize("words", [["a", "A1", "1a1"], ["aa", "aaa", "Aa"], ["aA1aA1"]])
def test_a_lexicon_gives_its_most_probable_word(words):
    for y in lattices():
        sums = {word: texts_of(y)[0].get(word, 0.0) for word in words}
        reading = read(y, lexicon=words, alternatives=9)
        best = max(sums.values())
        found = {other.text: other.probability for other in reading.alternatives}
        assert found == pytest.approx({word: p for word, p in sums.items() if p})
        for one in (reading, read(y, lexicon=words), read(y, [Lexicon(words)], lexicon=[words])):
            assert one.constraint == f"lexicon of {len(words)} words"
            if best:
                assert sums[one.text] == best
                assert one.confidence == pytest.approx(best ** (1 / len(one.text)))
                assert "".join(character.text for character in one.characters) == one.text
            else:
                assert (one.text, one.confidence) == ("", 0.0)


def test_case_and_punctuation_of_a_lexicon():
    """Classes that are not told apart are one: their probabilities add up in every frame."""
    tokenizer = CTCTokenizer("aA1'")
    for y in lattices(classes=5):
        folded = np.stack([y[:, 0] + y[:, 4], y[:, 1] + y[:, 2], y[:, 3]], axis=1)
        sums, _ = texts_of(folded, "a1")
        reading = read(y, tokenizer=tokenizer, lexicon=Lexicon(["A'1", "aa", "a-1"], True, True), alternatives=2)
        wanted = {"A'1": sums.get("a1", 0.0), "aa": sums.get("aa", 0.0)}  # a-1 is the first of them again
        assert {other.text: other.probability for other in reading.alternatives} == pytest.approx(
            {word: p for word, p in wanted.items() if p}
        )


@pytest.mark.parametrize("unlisted", [0.0, 0.01, 0.3])
@pytest.mark.parametrize("words", [{"a": 1, "A1": 9, "1a1": 2}, {"aa": 5, "aaa": 1, "Aa": 30, "1": 1}])
def test_words_weigh_by_how_often_they_occur(words, unlisted):
    """And so does the free reading, where others than the words are possible."""
    free_won = 0
    for y in lattices(40):
        sums, free = texts_of(y)[0], TOKENIZER.decode(y[None])[0].text
        weights = {word: (times / min(words.values())) ** 0.5 for word, times in words.items()}
        if unlisted:
            weights.setdefault(free, unlisted**0.5 if re.search("[aA]", free) else 1.0)  # numbers are as good as words
        weighed = {text: weight * sums.get(text, 0.0) for text, weight in weights.items()}
        best = sorted((text for text, p in weighed.items() if p), key=weighed.get, reverse=True)
        reading = read(y, lexicon=Lexicon(words, unlisted=unlisted), alternatives=3)
        assert [other.text for other in reading.alternatives] == best[:3]
        assert [other.probability for other in reading.alternatives] == pytest.approx([sums[text] for text in best[:3]])
        for one in (reading, read(y, lexicon=Lexicon(words, unlisted=unlisted))):
            assert one.text == (best[0] if best else "")
            assert "".join(character.text for character in one.characters) == one.text
            assert one.constraint == f"lexicon of {len(words)} words" + (" and others" if unlisted else "")
            if one.text:
                assert one.confidence == pytest.approx(sums[one.text] ** (1 / len(one.text)))
        free_won += reading.text not in words and bool(reading.text)
    assert free_won or not unlisted
    assert read(y, lexicon=words).text == read(y, lexicon=Lexicon(words)).text


def test_an_open_lexicon_writes_what_stands_in_the_image():
    """In its case, with its punctuation; a closed one as its list has it."""
    tokenizer = CTCTokenizer("aAbB.")
    y = np.eye(6)[[2, 0, 3, 3, 5]] * 0.9 + 0.1 / 6  # "Ab."
    y[0, 3] = 0.95  # and, a little more, "bb."
    closed, opened = (Lexicon(["ab", "ba"], True, True, unlisted=unlisted) for unlisted in (0.0, 0.001))
    assert tokenizer.decode(y[None])[0].text == "bb."
    assert read(y, tokenizer=tokenizer, lexicon=closed).text == "ab"
    reading = read(y, tokenizer=tokenizer, lexicon=opened, alternatives=2)
    assert [reading.text, *(other.text for other in reading.alternatives)] == ["Ab.", "Ab.", "bb."]
    assert [character.text for character in reading.characters] == ["A", "b", "."]
    blank = np.eye(6)[[0, 0, 0]] * 0.99 + 0.01 / 6
    for alternatives in (None, 3):
        nothing = read(blank, tokenizer=tokenizer, lexicon=opened, alternatives=alternatives)
        assert (nothing.text, nothing.confidence, nothing.characters) == ("", 0.0, ())
    assert read(blank, tokenizer=tokenizer, lexicon=opened, min_confidence=0.5).text is None


def test_allowed_characters_are_the_best_of_these():
    """Not what is left of a free reading."""
    y = np.array([[0.1, 0.5, 0.1, 0.3], [0.7, 0.1, 0.1, 0.1], [0.1, 0.2, 0.6, 0.1]])
    assert read(y, allow="A-Z1").text == "1A"
    assert read(y, allow="A-Z1").characters[0].confidence == 0.3  # the network's own
    assert read(y, allow="aA1") == dataclasses.replace(TOKENIZER.decode(y[None])[0], constraint="allow aA1")
    assert read(y, allow="1", pattern=".{2}").text == "11"
    assert read(y, allow="1").constraint == "allow 1"


def test_ranges_and_hyphens():
    tokenizer = CTCTokenizer(Charset.named("ascii"))
    first = tokenizer.first_id

    def allowed(text):
        alphabet = Constraint(tokenizer, allow=text).automaton.alphabet
        return "".join(sorted(tokenizer.charset.characters[id - first] for id in alphabet))

    assert allowed("0-9A-C-") == "-0123456789ABC"
    assert allowed("-a-c]^") == "-]^abc"
    assert allowed("x") == "x"


def test_a_word_that_is_not_likely_enough_is_none():
    y = np.array([[0.1, 0.8, 0.05, 0.05]])
    assert read(y, lexicon=["a", "1"], min_confidence=0.5).text == "a"
    reading = read(y, lexicon=["A", "1"], min_confidence=0.5)
    assert (reading.text, reading.confidence) == (None, pytest.approx(0.05))
    assert read(y, lexicon=["aaaaa"], min_confidence=0.5).text is None
    assert "text" in reading.to_dict() and reading._repr_html_()


@pytest.mark.parametrize(
    "constraints",
    [
        {"alternatives": 3},
        {"alternatives": 2, "pattern": "a+[A1]?a*"},
        {"lexicon": [*map("".join, WORDS)]},
        {"lexicon": Lexicon([*map("".join, WORDS[::2])], ignore_case=True, unlisted=0.3), "alternatives": 2},
    ],
)
def test_images_are_searched_together_as_alone(constraints):
    """A beginning goes on in its own image, though others of the batch are searched at the same time."""
    y = np.random.default_rng(3).dirichlet(np.full(4, 0.4), (40, 5))
    together = CTCDecoder(TOKENIZER, Constraint(TOKENIZER, **constraints)).decode(y, np.ones(len(y)))
    for each, reading in zip(y, together, strict=True):
        alone = read(each, **constraints)
        assert reading.text == alone.text
        assert reading.confidence == pytest.approx(alone.confidence)
        chances = [[text.probability for text in one.alternatives or ()] for one in (reading, alone)]
        assert chances[0] == pytest.approx(chances[1])


def test_a_letter_twice_with_hardly_a_blank_between():
    """Its probability is far less than that of the letter once, and still exact."""
    y = np.array([[0.1, 0.9, 0, 0], [1e-25, 1.0, 0, 0], [0.1, 0.9, 0, 0], [1e-25, 0.9, 0, 0.1]])
    sums, words = texts_of(y)[0], [*map("".join, WORDS)]
    found = read(y, lexicon=words, alternatives=len(words)).alternatives
    assert {"a", "aa", "a1", "aa1"} <= {other.text for other in found}
    assert {other.text: other.probability for other in found} == pytest.approx(
        {word: sums[word] for word in words if sums.get(word)}, rel=1e-9, abs=0
    )


def test_many_words_over_a_large_charset():
    """More classes than a search looks at: still what scoring every word gives."""
    rng = np.random.default_rng(2)
    characters = [chr(0x4E00 + place) for place in range(300)]
    tokenizer = CTCTokenizer(characters)
    y = rng.dirichlet(np.full(301, 0.02), 8)
    words = ["".join(rng.choice(characters[:40], rng.integers(1, 4))) for _ in range(400)]
    ids = [tuple(tokenizer.known_ids(word)[0]) for word in words]
    probabilities = TextLattice([y] * len(words), ids).probabilities()
    found = read(y, tokenizer=tokenizer, lexicon=words, alternatives=1).alternatives[0]
    assert found.text == words[probabilities.argmax()]
    assert found.probability == pytest.approx(probabilities.max())


def test_right_to_left_words_come_back_as_they_are():
    tokenizer = CTCTokenizer("אב1")
    y = np.eye(4)[[2, 0, 1, 3]] * 0.9 + 0.025  # in the picture: ב, א, 1
    assert tokenizer.decode(y[None])[0].text == read(y, tokenizer=tokenizer, alternatives=1).text
    free = tokenizer.decode(y[None])[0].text
    assert read(y, tokenizer=tokenizer, lexicon=[free, "א"]).text == free
    assert "".join(c.text for c in read(y, tokenizer=tokenizer, lexicon=[free]).characters) == free


@pytest.mark.parametrize(
    "constraints, message",
    [
        ({"allow": ""}, "allow names the characters"),
        ({"allow": "9-0"}, "the range 9-0, whose end comes before its beginning"),
        ({"allow": "x-z"}, "The charset of 3 characters holds none of those"),
        ({"allow": "a", "pattern": "1"}, "allows no text that this network can write"),
        ({"pattern": "(", "allow": None}, "is no regular expression"),
        ({"pattern": re.compile("a")}, "pattern is a regular expression as a string"),
        ({"lexicon": []}, "The lexicon holds no words"),
        ({"lexicon": ["é", "ø"]}, "None of the 2 words can be written: of 'é', the charset does not hold 'é'"),
        ({"lexicon": ["a"], "allow": "a"}, "A lexicon names whole texts"),
        ({"lexicon": ["a"], "min_confidence": 2}, "min_confidence is a number from 0 to 1"),
        ({"min_confidence": 0.5}, "goes with a lexicon"),
        ({"alternatives": 0}, "alternatives must be a whole number of at least 1"),
    ],
)
def test_what_makes_no_sense_is_refused(constraints, message):
    with pytest.raises(ValueError, match=message):
        Constraint(TOKENIZER, **constraints)
