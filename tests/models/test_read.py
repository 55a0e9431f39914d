import io
import json

import numpy as np
import PIL.Image
import pytest

from keras_textrec import Reading
from tests.tiny import crnn, draw, make_crnn, png

# Different widths of the network's input: 64, 64, 76 and 148 pixels; one of another height.
TEXTS = ["no", "cat", "walrus", "hippopotamus", "dog"]


@pytest.fixture(scope="module")
def images():
    return [draw(text) for text in TEXTS[:-1]] + [draw(TEXTS[-1], height=61)]


@pytest.fixture(scope="module")
def alone(images):
    """Every image read by itself."""
    readings = [crnn().read(image) for image in images]
    assert len({reading.text for reading in readings}) == len(images), "the tests below need different readings"
    return readings


def test_one_image_gives_a_reading_and_a_list_gives_a_list(images, alone):
    assert isinstance(alone[0], Reading)
    (listed,) = crnn().read([images[0]])
    assert listed.text == alone[0].text
    assert crnn().read([]) == []


@pytest.mark.parametrize("batch_size", [2, 32])
def test_an_image_reads_the_same_among_others(images, alone, batch_size):
    """In the order of the images, whatever their widths."""
    order = [3, 0, 4, 2, 1, 0, 3]
    readings = crnn().read([images[i] for i in order], batch_size)
    assert [reading.text for reading in readings] == [alone[i].text for i in order]
    for reading, i in zip(readings, order, strict=True):
        assert reading.confidence == pytest.approx(alone[i].confidence, abs=1e-4)
        assert [c.text for c in reading.characters] == [c.text for c in alone[i].characters]
        assert [c.left for c in reading.characters] == [c.left for c in alone[i].characters]


def test_characters_stand_in_the_image_in_order(images, alone):
    for image, reading in zip(images, alone, strict=True):
        assert "".join(c.text for c in reading.characters) == reading.text
        edges = [edge for c in reading.characters for edge in (c.left, c.right)]
        assert edges == sorted(edges)
        assert edges[0] >= 0 and edges[-1] <= image.shape[1]
        assert reading.characters[0].left < reading.characters[0].right
        assert all(0 < c.confidence <= 1 for c in reading.characters)


def test_positions_are_columns_of_the_given_image(monkeypatch):
    """64 input columns are 16 frames of 4; a 32 x 50 image fills 50 of them, a 16 x 32 one all, at twice the size."""
    model = make_crnn()
    frames = [0, 0, 0, 11, 11, 0, 12, 0, 0, 0, 0, 0, 13, 13, 13, 0]
    monkeypatch.setattr(model, "_probabilities", lambda images, width: np.eye(37)[[frames] * len(images)])
    readings = model.read([np.zeros((32, 50, 3), "uint8"), np.zeros((16, 32, 3), "uint8")])
    assert [reading.text for reading in readings] == ["abc", "abc"]
    assert [(c.left, c.right) for c in readings[0].characters] == [(5, 15), (15, 34), (34, 50)]
    assert [(c.left, c.right) for c in readings[1].characters] == [(4, 9), (9, 18.5), (18.5, 32)]


def test_every_kind_of_image_reads_the_same(tmp_path, images, alone):
    data = png(images[1])
    path = tmp_path / "word.png"
    path.write_bytes(data)
    kinds = [str(path), path, data, images[1], PIL.Image.open(io.BytesIO(data))]
    assert {reading.text for reading in crnn().read(kinds)} == {alone[1].text}
    for kind in kinds:
        assert crnn().read(kind).text == alone[1].text


def test_a_reading_is_json(alone):
    content = json.loads(json.dumps(alone[1].to_dict()))
    assert set(content) == {"text", "confidence", "characters"}
    assert set(content["characters"][0]) == {"text", "confidence", "left", "right"}


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no image .*lost.png"):
        crnn().read([draw("cat"), tmp_path / "lost.png"])


def test_a_line_that_is_too_long_is_refused():
    with pytest.raises(ValueError, match="2 x 5000 pixels .* too long for a line of text"):
        crnn().read(np.zeros((2, 5000, 3), "uint8"))
