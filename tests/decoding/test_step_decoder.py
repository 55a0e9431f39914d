"""Constraints inside a decoder's loop, compared with all texts of a charset small enough to list them."""

import itertools
import re

import numpy as np
import pytest

from keras_textrec.decoding import Constraint, Lexicon, StepDecoder
from keras_textrec.text import AttentionTokenizer

pytestmark = pytest.mark.once

CHARACTERS = "aA-"
TOKENIZER = AttentionTokenizer(CHARACTERS)  # 0 starts, 4 ends
STEPS = 4  # three characters and the end


class Network:
    """A decoder whose next symbol depends on the image and on all that was written: its states are the image and that
    text as a number."""

    def __init__(self, images, free_running=False):
        self.images = np.asarray(images)
        self.free_running = free_running

    def start(self):
        return [self.images[:, None].astype("float32"), np.zeros((len(self.images), 1), "float32")]

    def __call__(self, symbols, place, states):
        image, text = states
        text = text * 5 + symbols[:, None]
        rows = [self.chances(int(i), int(t), place) for i, t in zip(image[:, 0], text[:, 0])]
        return np.array(rows, "float32"), [image, text]

    def chances(self, image, text, place):
        if self.free_running and not place:
            return np.eye(5)[0]
        return np.random.default_rng((image, text)).dirichlet(np.full(5, 0.6))

    def texts(self, image):
        """Text -> its probability."""
        first = 1 + self.free_running
        found = {}
        for length in range(STEPS - first + 1):
            for ids in itertools.product((1, 2, 3), repeat=length):
                probability, text = 1.0, 0
                for place, symbol in enumerate((*ids, 4), first - 1):
                    probability *= self.chances(image, text, place)[symbol]
                    text = text * 5 + symbol
                found["".join(CHARACTERS[id - 1] for id in ids)] = probability
        return found


def read(images=3, lexica=None, free_running=False, **constraints):
    decoder = StepDecoder(TOKENIZER, Constraint(TOKENIZER, **constraints), STEPS, free_running)
    return decoder.decode(lambda rows: Network(rows, free_running), images, lexica)


@pytest.mark.parametrize("free_running", [False, True])
@pytest.mark.parametrize("pattern", [None, "a*-?", "(?i)a(a|-)+", "[^-]{2}", "A{3}"])
def test_the_best_texts(pattern, free_running):
    for image, reading in enumerate(read(free_running=free_running, pattern=pattern, alternatives=16)):
        texts = Network([image], free_running).texts(image)
        wanted = {text: p for text, p in texts.items() if pattern is None or re.fullmatch(pattern, text)}
        best = sorted(wanted.values(), reverse=True)[:16]
        assert [other.probability for other in reading.alternatives] == pytest.approx(best, rel=1e-5)
        assert [wanted[other.text] for other in reading.alternatives] == pytest.approx(best, rel=1e-5)
        assert reading.text == (reading.alternatives[0].text if best else "")
        if best and reading.text:  # the characters' chances and the end's make the text's
            assert np.prod([character.confidence for character in reading.characters]) >= best[0] * 0.999
        (alone,) = read(1, free_running=free_running, pattern=pattern)
        assert alone.text in wanted or not best


def test_a_lexicon_gives_its_most_probable_word():
    words = ["aA", "-", "AAA", "a-a", "aaaa"]  # the last is too long for the network
    for image, reading in enumerate(read(lexicon=words, alternatives=9)):
        texts = Network([image]).texts(image)
        wanted = {word: texts[word] for word in words[:-1]}
        found = {other.text: other.probability for other in reading.alternatives}
        assert found == pytest.approx(wanted, rel=1e-5)
        assert wanted[reading.text] == max(wanted.values())
        assert reading.constraint == "lexicon of 5 words"
    own = [["a"], ["?"], ["A", "aa"]]
    readings = read(3, [Lexicon(words) for words in own], lexicon=own)
    assert [reading.text for reading in readings][:2] == ["a", ""]
    assert readings[2].text in own[2]


def test_case_and_punctuation_of_a_lexicon():
    """The best way to write each word counts."""
    for image, reading in enumerate(read(lexicon=Lexicon(["AA", "a"], True, True))):
        texts = Network([image]).texts(image)
        ways = {"AA": 0.0, "a": 0.0}
        for text, probability in texts.items():
            word = {"aa": "AA", "a": "a"}.get(text.replace("-", "").lower())
            if word:
                ways[word] = max(ways[word], probability)
        assert reading.text == max(ways, key=ways.get)


@pytest.mark.parametrize("unlisted", [0.0, 0.2])
def test_words_weigh_by_how_often_they_occur(unlisted):
    words = {"aA": 4, "-": 1, "AA": 25}
    for image, reading in enumerate(read(8, lexicon=Lexicon(words, unlisted=unlisted), alternatives=2)):
        texts = Network([image]).texts(image)
        other = {text: unlisted**0.5 if re.search("[aA]", text) else float(unlisted > 0) for text in texts}
        weights = other | {word: times**0.5 for word, times in words.items()}
        best = sorted((text for text in texts if weights[text]), key=lambda text: -weights[text] * texts[text])[:2]
        assert [other.text for other in reading.alternatives] == best
        assert [other.probability for other in reading.alternatives] == pytest.approx(
            [texts[t] for t in best], rel=1e-5
        )
        assert reading.text == best[0] == "".join(character.text for character in reading.characters)


def test_an_open_lexicon_writes_what_stands_in_the_image():
    """Texts without a letter are as good as its words."""
    for image, reading in enumerate(read(8, lexicon=Lexicon(["aa"], True, True, unlisted=1e-9))):
        texts = Network([image]).texts(image)
        ways = {text: p for text, p in texts.items() if text.replace("-", "").lower() in ("aa", "")}
        assert reading.text == max(ways, key=ways.get)


def test_allowed_characters_are_chosen_step_by_step():
    for image, reading in enumerate(read(allow="aA")):
        text, written = 0, ""
        for place in range(STEPS):
            chances = Network([image]).chances(image, text * 1, place)
            symbol = max((1, 2, 4), key=lambda id: chances[id])
            if symbol == 4:
                break
            written += CHARACTERS[symbol - 1]
            text = text * 5 + symbol
        assert (reading.text, reading.constraint) == (written, "allow aA")
