import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont, features

from keras_textrec.reports import drawing
from keras_textrec.reports.drawing import draw_page

pytestmark = pytest.mark.once


class Word:
    def __init__(self, text, left, top, width, height=20, confidence=0.9):
        self.text, self.confidence = text, confidence
        right, bottom = left + width, top + height
        self.polygon = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], "float32")


@pytest.fixture
def labels(monkeypatch):
    """What is written, and the boxes of ink that it covers."""
    written = []
    draw_text = ImageDraw.ImageDraw.text

    def note(self, xy, text, fill=None, font=None, **options):
        ink = Image.new("L", self.im.size)
        draw_text(ImageDraw.Draw(ink), xy, text, 255, font, **options)
        written.append((text, ink.getbbox(), self.im.size))
        draw_text(self, xy, text, fill, font, **options)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", note)
    return written


def overlaps(labels):
    boxes = [box for _, box, _ in labels]
    return [
        (one, other)
        for place, one in enumerate(boxes)
        for other in boxes[:place]
        if one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
    ]


def test_texts_stand_where_their_words_do(labels):
    photo = np.full((300, 400, 3), 255, "uint8")
    lines = [[Word("Hello", 20, 30, 90, 30), Word("there", 130, 32, 90, 30)], [Word("again", 20, 200, 90, 30)]]
    picture = draw_page(photo, lines)
    assert [text for text, _, _ in labels] == ["Hello", "there", "again", "1", "2"]
    assert not overlaps(labels)
    for (_, (left, top, right, bottom), _), word in zip(labels, [*lines[0], *lines[1]]):
        x, y = word.polygon.mean(0)
        assert abs((left + right) / 2 - x) < 8 and abs((top + bottom) / 2 - y) < 8
    outlined = np.asarray(picture.crop((0, 0, 400, 300)))
    assert (outlined == (23, 153, 40)).all(-1).any() and (outlined == 255).all(-1).mean() > 0.9


def test_no_label_covers_another(labels):
    """Forty words upon each other, in a photograph with room for fewer."""
    photo = np.zeros((120, 160, 3), "uint8")
    words = [Word(f"word{number}", 20 + number % 3, 30, 60) for number in range(40)]
    picture = draw_page(photo, [words])
    assert len(labels) == 41 and not overlaps(labels)
    size = labels[0][2]
    assert all(box[0] >= 0 and box[1] >= 0 and box[2] <= size[0] and box[3] <= size[1] for _, box, _ in labels)
    assert picture.height >= size[1]


def test_a_long_text_in_a_small_photograph_is_not_cut(labels):
    draw_page(np.zeros((20, 20, 3), "uint8"), [[Word("a rather long text for so small a place", 2, 2, 10, 10)]])
    (_, box, size), _ = labels
    assert box[0] >= 0 and box[2] <= size[0]


def test_nothing_was_read():
    photo = np.full((30, 60, 3), 200, "uint8")
    picture = draw_page(photo, [])
    assert picture.width >= 60 and np.array_equal(np.asarray(picture)[:30, :60], photo)


def test_large_photographs_are_shown_smaller():
    photo = np.zeros((3000, 4000, 3), "uint8")
    assert draw_page(photo, [[Word("a", 0, 0, 600, 400)]]).width in range(1000, 1100)
    assert draw_page(photo, [[Word("a", 0, 0, 40, 10)]]).width in range(2400, 2500)


def test_the_font_that_has_most_of_a_text(labels, monkeypatch):
    """Pillow's own has ASCII, and serves where no font has the characters."""
    found = {"ж": "one.ttf", "б": "other.ttf", "д": "other.ttf"}
    monkeypatch.setattr(drawing, "fonts_that_draw", lambda characters: {c: found.get(c) for c in characters})
    texts = ["plain", "ж б д", "\U0001f995"]
    assert [drawing._font_file(text) for text in texts] == [None, "other.ttf", None]
    draw_page(np.zeros((100, 300, 3), "uint8"), [[Word("\U0001f995", 200, 0, 50)]])
    assert labels[0][0] == "\U0001f995"


@pytest.mark.parametrize("raqm", [features.check("raqm"), False])
def test_right_to_left_words(labels, monkeypatch, tmp_path, raqm):
    """Their numbers stand on the right; without Raqm, they are turned round for the picture."""
    font = tmp_path / "some.ttf"
    font.write_bytes(ImageFont.load_default(13).path.getvalue())
    monkeypatch.setattr(drawing, "fonts_that_draw", lambda characters: dict.fromkeys(characters, font))
    monkeypatch.setattr(drawing.features, "check", lambda name: raqm)
    draw_page(np.zeros((60, 300, 3), "uint8"), [[Word("שלום", 200, 20, 50)]])
    (text, word, _), (number, place, _) = labels
    assert number == "1" and place[0] > word[2]
    assert text == ("שלום" if raqm else "םולש")
