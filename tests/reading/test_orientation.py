"""Orientations, with a network of NumPy: a word is right whose letters rise; the others read with less confidence."""

import dataclasses
import itertools
import weakref

import numpy as np
import pytest

from keras_textrec import Character, ImageConverter, Reading
from keras_textrec.images.stacked import side_by_side
from keras_textrec.reading import read_stream
from keras_textrec.reading.orientation import read_oriented
from keras_textrec.reading.stream import with_knowledge
from tests.reading.test_stream import CONVERTER, TOKENIZER, word
from tests.tiny import draw

pytestmark = pytest.mark.once

FOUR = (0, 90, 180, 270)
SIZE = 4, 16


class Network:
    def __init__(self):
        self.asked = 0
        self.known = []

    def __call__(self, x, valid_ratio, known=()):
        self.asked += len(x)
        self.known += known
        classes = np.eye(TOKENIZER.vocabulary_size)[np.rint(x[:, 0, :, 0]).astype(int)]
        return [self.sure(reading) for reading in TOKENIZER.decode(classes, valid_ratio=valid_ratio)]

    def sure(self, reading):
        sure = 0.9 if reading.text == "".join(sorted(set(reading.text))) else 0.5
        return dataclasses.replace(reading, confidence=sure if reading.text else 0.0)


@pytest.fixture
def network():
    return Network()


def read(images, orientations, network, knowledge=None, converter=CONVERTER, batch_size=32, usual=None):
    def stream(images, knowledge):
        return read_stream(images, converter, network, batch_size, knowledge=knowledge)

    return read_oriented(images, orientations, converter, stream, knowledge, usual)


def turned(text, orientation):
    """An image that is upright when it is turned counterclockwise by so many degrees."""
    return np.rot90(word(text, SIZE[1]), -orientation // 90)


def test_the_reading_says_in_which_orientation_and_where(network):
    images = [turned("abcd", orientation) for orientation in FOUR]
    readings = [outcome for _, outcome in sorted(read(images, FOUR, network), key=lambda pair: pair[0])]
    assert [(reading.text, reading.orientation) for reading in readings] == [("abcd", turn) for turn in FOUR]
    plain = [(c.left, c.right) for c in readings[0].characters]
    assert [(c.left, c.right) for c in readings[1].characters] == plain  # rows from the top
    for backwards in readings[2:]:  # the text runs to the left, or upwards
        assert [(SIZE[1] - c.right, SIZE[1] - c.left) for c in backwards.characters] == plain
    assert readings[1].to_dict()["orientation"] == 90 and "orientation 270" in repr(readings[3])


@pytest.mark.parametrize("orientations", [FOUR, "tall", (180, 0)])
def test_an_image_reads_the_same_alone_as_among_others(network, orientations):
    images = [turned(text, turn) for text, turn in zip(["abc", "d", "bfg", "ai", "cdefh"], (0, 90, 180, 270, 0))]
    together = dict(read(iter(images), orientations, network, batch_size=2))
    assert together == {i: dict(read([image], orientations, network))[0] for i, image in enumerate(images)}


def test_longer_texts_of_like_confidence_win_and_the_first_of_equals():
    read = {5: Reading("i", 0.95, (Character("i", 0.95),)), 6: Reading("abc", 0.9, (Character("a", 0.9),) * 3)}

    def stream(images, knowledge):
        for position, image in enumerate(images):
            yield position, read[len(image)]

    image = np.zeros((5, 6, 3), "uint8")
    assert [(r.text, r.orientation) for _, r in read_oriented([image], FOUR, CONVERTER, stream)] == [("abc", 90)]


def test_what_is_known_goes_with_each_image_and_streams_stay_flat(network):
    drawn = itertools.count()
    texts = ["abc", "bd", "ce", "fg"] * 100

    def images():
        for i, text in enumerate(texts):
            next(drawn)
            yield turned(text, 180) if i != 1 else OSError("gone")

    stream = read(images(), (0, 180), network, iter([*texts[:300], *[ValueError("no words")] * 99]), batch_size=4)
    first = [next(stream) for _ in range(50)]
    assert next(drawn) < 60
    outcomes = dict([*first, *stream])
    assert [outcomes[i].text for i in range(300) if i != 1] == [text for i, text in enumerate(texts[:300]) if i != 1]
    assert network.known == [text for i, text in enumerate(texts[:300]) for _ in (0, 180) if i != 1]
    assert str(outcomes[1]) == "gone" and str(outcomes[350]) == "no words"
    assert str(outcomes[399]) == "There are more images than the lexicon has lists of words."


@pytest.mark.parametrize("knowledge", [None, [["cat"]] * 100])
def test_images_are_let_go(knowledge):
    taken = []

    def stream(images, knowledge):
        for position, (pixels, _) in enumerate(with_knowledge(images, knowledge)):
            taken.append(weakref.ref(pixels))
            assert sum(pixels() is not None for pixels in taken) < 5
            yield position, Reading("", 0.0)

    images = (word("ab", SIZE[1]) for _ in range(100))
    assert len(list(read_oriented(images, (0, 180), CONVERTER, stream, knowledge))) == 100 and len(taken) == 200


def test_only_tall_images_cost_more(network):
    assert dict(read([word("ab", 16)], "tall", network))[0].orientation == 0 and network.asked == 1
    assert dict(read([turned("ab", 270)], "tall", network))[0].orientation == 270


@pytest.mark.parametrize(("orientations", "kept"), [("tall", "i"), ((0, 90, 270), "abc")])
def test_a_letter_that_stands_is_tall_by_nature(orientations, kept):
    """As sure as a word of three letters is, it is kept where "tall" is asked for; elsewhere the longer text is."""
    read = {5: Reading("i", 0.9, (Character("i", 0.9),)), 3: Reading("abc", 0.9, (Character("a", 0.9),) * 3)}

    def stream(images, knowledge):
        for position, image in enumerate(images):
            yield position, read[len(image)]

    image = np.zeros((5, 3, 3), "uint8")
    ((_, reading),) = read_oriented([image], orientations, CONVERTER, stream)
    assert reading.text == kept


def test_orientations_that_are_usual(network):
    """Of upright images nothing is told; what is asked for goes before."""
    images = [turned("abc", 0), turned("abc", 270)]
    outcomes = dict(read(images, None, network, usual="tall"))
    assert [(outcomes[i].text, outcomes[i].orientation) for i in (0, 1)] == [("abc", None), ("abc", 270)]
    assert outcomes[0] == dict(read(images[:1], None, network))[0] and "orientation" not in outcomes[0].to_dict()
    assert dict(read(images[1:], (0,), network, usual="tall"))[0].text != "abc"
    with pytest.raises(ValueError, match="orientations are 'tall', or some of"):
        read(images, None, network, usual=45)


def test_an_orientation_that_cannot_be_read_leaves_the_others(network):
    long = turned("ab", 0).repeat(40, axis=1)  # 640 x 4 pixels: too long for a line, but not when it stands
    assert dict(read([long], FOUR, network))[0].orientation in (90, 270)
    (outcome,) = dict(read([long], (0, 180), network)).values()
    assert "too long for a line" in str(outcome)


def test_what_the_converter_turns_is_turned_once(network):
    """A tall image reads as turned by 90 degrees whether it is asked for that or not."""
    converter = ImageConverter(**{**CONVERTER.get_config(), "turn_above": 2})
    image = turned("abc", 90)
    upright = dict(read([turned("abc", 0)], (0,), network))[0]
    for orientations, asked in (((0,), 1), (FOUR, 2)):
        network.asked = 0
        (reading,) = dict(read([image], orientations, network, converter=converter)).values()
        assert (reading.text, reading.orientation, network.asked) == ("abc", 90, asked)
        assert reading.characters == upright.characters


@pytest.mark.parametrize("orientations", [(), 90, "0", "stacked", (0, 45), (0, "tall"), [True], (None,), {}, ([],)])
def test_orientations_that_are_none(network, orientations):
    with pytest.raises(ValueError, match="orientations are 'tall', or some of 0, 90, 180, 270 and 'stacked'; got "):
        read([word("a")], orientations, network)


def test_orientations_that_stand_twice_and_single_images(network):
    with pytest.raises(ValueError, match=r"names each one once; got \(0, 180, 0\)"):
        read([word("a")], (0, 180, 0), network)
    with pytest.raises(TypeError, match="Many images are"):
        read(word("a"), FOUR, network)


def test_letters_one_below_the_other():
    letters = [np.pad(draw(letter, 40)[4:36, 4:-4], ((6, 6), (2, 2), (0, 0)), constant_values=255) for letter in "HiB"]
    width = max(letter.shape[1] for letter in letters)
    column = np.concatenate(
        [np.pad(part, ((0, 0), (0, width - part.shape[1]), (0, 0)), constant_values=255) for part in letters]
    )
    row, columns, rows = side_by_side(column)
    ends = np.cumsum([0, *map(len, letters)])
    assert len(columns) == len(rows) == 4 and columns[0] == 0 and columns[-1] == row.shape[1] > row.shape[0]
    assert np.abs(rows[1:-1] - ends[1:-1]).max() < 4 and 0 < rows[0] < rows[-1] < ends[-1]
    for i in range(3):  # each with its ink
        part, letter = row[:, columns[i] : columns[i + 1]], letters[i]
        assert (part < 128).sum() == pytest.approx((letter < 128).sum(), rel=0.05)
    for none in (row, letters[0], np.full_like(column, 90)):
        assert side_by_side(none) is None
