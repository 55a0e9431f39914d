"""The loop with a network of NumPy: each column's class is its pixel's value."""

import itertools
import json
import weakref

import numpy as np
import pytest

from keras_textrec import Character, CTCTokenizer, ImageConverter, Reading
from keras_textrec.data import ConcatSource
from keras_textrec.reading import read_all, read_records, read_stream
from keras_textrec.reading import stream as stream_module
from tests.tiny import png

pytestmark = pytest.mark.once

CONVERTER = ImageConverter(4, 8, "widen", mean=0.0, std=1 / 255, channel_order="RGB", width_multiple=8)
TOKENIZER = CTCTokenizer("abcdefghij")


def columns(*classes: int, height: int = 4) -> np.ndarray:
    """An image of one column for each class."""
    return np.broadcast_to(np.array(classes, "uint8")[None, :, None], (height, len(classes), 3)).copy()


def word(text: str, width: int = 8) -> np.ndarray:
    """An image that reads so: a letter, a blank, and so on."""
    classes = [c for letter in text for c in ("abcdefghij".index(letter) + 1, 0)]
    return columns(*classes, *[0] * (width - len(classes)))


class Network:
    def __init__(self):
        self.asked = []

    def __call__(self, x, valid_ratio):
        self.asked.append((x.shape[2], len(x), [float(ratio) for ratio in valid_ratio]))
        columns = np.eye(TOKENIZER.vocabulary_size)[np.rint(x[:, 0, :, 0]).astype(int)]
        return TOKENIZER.decode(columns, valid_ratio=valid_ratio)


@pytest.fixture
def network():
    return Network()


def read(images, network, batch_size=32, converter=CONVERTER, **options):
    return read_stream(images, converter, network, batch_size, **options)


def texts(outcomes):
    return {position: outcome.text for position, outcome in outcomes}


def test_images_of_one_width_share_a_batch(network):
    images = [word("ab"), word("c", 16), word("d"), word("ef", 12), word("g")]
    assert texts(read(images, network)) == {0: "ab", 1: "c", 2: "d", 3: "ef", 4: "g"}
    assert network.asked == [(8, 3, [1, 1, 1]), (16, 2, [1, 0.75])]


def test_results_come_as_they_are_ready(network):
    drawn = []

    def images():
        for text in "abcdefgh":
            drawn.append(text)
            yield word(text)

    stream = read(images(), network, batch_size=3)
    assert drawn == []
    assert [texts([next(stream)]) for _ in range(4)] == [{0: "a"}, {1: "b"}, {2: "c"}, {3: "d"}]
    assert len(drawn) == 6
    assert len(list(stream)) == 4
    assert [rows for _, rows, _ in network.asked] == [3, 3, 2]


def test_no_image_waits_for_ever(network):
    """The one wide image is read by itself when 16 batches' images have followed it."""
    stream = read(itertools.chain([word("j", 16)], itertools.repeat(word("a"))), network, batch_size=2)
    order = [position for position, _ in itertools.islice(stream, 60)]
    assert order.index(0) == 2 * stream_module.PATIENCE
    assert sorted(order) == list(range(60))


def test_memory_is_bounded_in_bytes(network, monkeypatch):
    """Five canvases may wait for others; what has waited longest is read before a seventh is looked at."""
    monkeypatch.setattr(stream_module, "MOST_BYTES", 5 * 4 * 8 * 3)
    assert len(list(read([word("a")] * 20, network))) == 20
    assert [rows for _, rows, _ in network.asked] == [6, 6, 6, 2]
    network.asked.clear()
    list(read([word("a"), *[word("b", 16), word("c", 24)] * 4], network))
    assert [(width, rows) for width, rows, _ in network.asked][:2] == [(8, 1), (16, 2)]


def test_large_images_are_not_kept(network):
    """Only their canvases are."""
    large = np.zeros((1000, 1000, 3), "uint8")
    references = []

    def images():
        for _ in range(20):
            image = large.copy()
            references.append(weakref.ref(image))
            yield image
            del image
            assert sum(reference() is not None for reference in references) <= 1

    assert len(list(read(images(), network))) == 20


def test_unreadable_images_are_outcomes(network, tmp_path):
    lost = tmp_path / "lost.png"
    error = OSError("the disk is gone")
    images = [word("a"), b"no image", lost, error, np.zeros((4, 4000, 3), "uint8"), word("b")]
    outcomes = dict(read(images, network))
    assert (outcomes[0].text, outcomes[5].text) == ("a", "b")
    assert "not an image" in str(outcomes[1]) and isinstance(outcomes[1], ValueError)
    assert str(lost) in str(outcomes[2]) and isinstance(outcomes[2], FileNotFoundError)
    assert outcomes[3] is error
    assert "too long for a line" in str(outcomes[4])
    with pytest.raises(TypeError, match="An image is"):
        list(read([word("a"), 3], network))


def test_places_are_pixels_of_the_given_image():
    """Of 8 columns, an image of 6 fills 6, one of twice the size all at half the scale; a place may be unknown."""
    known = [Character("a", 1.0, 0.25, 0.5), Character("b", 1.0, 0.5, 1.0), Character("c", 1.0, None, None)]
    images = [columns(*range(6)), columns(*range(16), height=8)]
    readings = dict(read(images, lambda x, ratio: [Reading("abc", 1.0, tuple(known))] * len(x)))
    places = [[(c.left, c.right) for c in readings[position].characters] for position in (0, 1)]
    assert places == [[(2, 4), (4, 6), (None, None)], [(4, 8), (8, 16), (None, None)]]


def test_given_widths(network):
    """A network for few widths: the least that holds an image."""
    images = [word("a"), word("b", 24), word("c", 40), word("d", 16)]
    assert texts(read(images, network, widths=[8, 32, 400])) == {0: "a", 1: "b", 2: "c", 3: "d"}
    assert [(width, rows) for width, rows, _ in network.asked] == [(8, 1), (32, 2), (400, 1)]
    assert network.asked[1][2] == [0.75, 0.5]


@pytest.mark.parametrize("batch_size", [0, -1, 1.5, "8", None])
def test_batch_sizes_are_numbers_of_images(network, batch_size):
    with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1, not "):
        read([word("a")], network, batch_size)
    assert network.asked == []


@pytest.mark.parametrize("one", ["word.png", b"bytes", word("a")])
def test_one_image_is_no_stream(network, one):
    with pytest.raises(TypeError, match="Many images are"):
        read(one, network)


def test_one_or_several(network, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png(word("a")))

    def stream(images):
        return read(images, network)

    for one in (path, str(path), path.read_bytes(), word("a")):
        assert read_all(one, stream).text == "a"
    b = word("b")
    for several in ([b, b], (b, b), iter([b, b]), (b for _ in range(2)), {1: b, 2: b}.values(), np.stack([b, b])):
        assert [reading.text for reading in read_all(several, stream)] == ["b", "b"]
    assert [reading.text for reading in read_all(np.array([str(path)]), stream)] == ["a"]
    assert read_all([], stream) == read_all(np.zeros((0, 4, 8, 3), "uint8"), stream) == []
    with pytest.raises(FileNotFoundError, match="lost.png"):
        read_all([b, tmp_path / "lost.png"], stream)


def test_records_of_a_source(network):
    class Records(list):
        def __getitem__(self, index):
            text = super().__getitem__(index)
            if text == "lost":
                raise OSError("a record is lost")
            return png(word(text[0], 8 if text < "c" else 16)), text

        def prefetch(self, indices):
            told.append(list(indices))

    told = []
    source = ConcatSource([Records(["a", "b", "ca"]), Records(["lost", "bd"])])
    records = list(read_records(source, np.array([4, 3, 2, 1, 1]), lambda images: read(images, network), ahead=3))
    assert [(position, text) for position, text, _ in records] == [(3, None), (4, "bd"), (1, "b"), (1, "b"), (2, "ca")]
    assert [outcome.text for _, _, outcome in records[1:]] == ["b", "b", "b", "c"]
    assert isinstance(records[0][2], OSError)
    assert told == [[1, 0], [2], [1, 1]]


def test_a_reading_is_json(network):
    ((_, reading),) = read([word("ab")], network)
    assert isinstance(reading, Reading)
    content = json.loads(json.dumps(reading.to_dict()))
    assert [c["text"] for c in content["characters"]] == ["a", "b"]
