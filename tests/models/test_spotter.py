"""The spotter on drawn pages, with a detector that takes ink for text, and a recogniser that compares with drawings."""

import itertools
import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from keras_textrec.images.boxes import Detection, find_boxes
from keras_textrec.models.text_spotter import TextSpotter, crop_word, reading_order
from keras_textrec.text import Reading
from tests.tiny import WORDS, crnn, draw, png

pytestmark = pytest.mark.one_backend

LINES = [["cat", "Dog", "bird7"], ["fish", "emu", "owl42"], ["ant", "bee", "yak", "gnu"]]


class CoreDetector:
    """Finds given words by a hand-made map of their cores, as the published network is trained to find them."""

    def __init__(self, polygons):
        self.polygons = polygons

    def detect(self, image):
        probabilities = np.zeros(image.shape[:2], "float32")
        for polygon in self.polygons:
            center, (width, height), angle = cv2.minAreaRect(polygon)
            shrunk = 0.84 * width * height / (width + height)
            core = cv2.boxPoints((center, (width - shrunk, height - shrunk), angle))
            cv2.fillPoly(probabilities, [np.round(core).astype(int)], 0.9)
        return find_boxes(probabilities, image.shape)


class TemplateReader:
    """Reads the word whose drawing is most like the image; the likeness, 0 to 1, is the confidence."""

    def __init__(self):
        self.drawings = {word: self.normalize(draw(word, 40)) for word in WORDS}
        self.batch_sizes = []

    def normalize(self, image):
        gray = 255 - image[..., 0].astype("float32")
        rows, columns = (np.flatnonzero(gray.max(axis) > 100) for axis in (1, 0))
        ink = cv2.resize(gray[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], (64, 24)) - gray.mean()
        return ink / np.linalg.norm(ink)

    def read(self, images, batch_size):
        self.batch_sizes.append(batch_size)
        return [self.read_one(self.normalize(image)) for image in images]

    def read_one(self, ink):
        likeness = {word: float((ink * drawing).sum()) for word, drawing in self.drawings.items()}
        return Reading(word := max(likeness, key=likeness.get), likeness[word])


class Fixed:
    """Detects the same polygons in every image."""

    def __init__(self, *polygons):
        self.polygons = [np.array(polygon, "float32") for polygon in polygons]

    def detect(self, image):
        return [Detection(polygon, 1.0) for polygon in self.polygons]


def page(lines=LINES, size=(260, 460), angle=0.0):
    """Lines of words, black on white, the whole turned by degrees (positive: the lines climb); and their polygons."""
    image = np.full((*size, 3), 255, "uint8")
    polygons = []
    for row, line in enumerate(lines):
        for column, word in enumerate(line):
            drawn = draw(word, 40)
            top, left = 25 + 75 * row + 3 * (column % 2), 15 + 110 * column
            image[top : top + 40, left : left + drawn.shape[1]] = drawn
            polygons.append(box(left, top, drawn.shape[1], 40))
    turn = cv2.getRotationMatrix2D((size[1] / 2, size[0] / 2), angle, 0.85 if angle else 1)
    image = cv2.warpAffine(image, turn, size[::-1], flags=cv2.INTER_AREA, borderValue=(255, 255, 255))
    return image, cv2.transform(np.array(polygons), turn)


def box(left, top, width, height):
    return np.array([(left, top), (left + width, top), (left + width, top + height), (left, top + height)], "float32")


@pytest.mark.parametrize("angle", [0, 7, -12])
def test_a_page_reads_in_order(angle):
    image, polygons = page(angle=angle)
    words = TextSpotter(CoreDetector(polygons), TemplateReader()).read(image)
    assert [word.text for word in words] == list(itertools.chain(*LINES))
    for word, polygon in zip(words, polygons, strict=True):
        assert word.polygon.dtype == np.float32
        np.testing.assert_allclose(word.polygon, polygon, atol=6)
        assert 0.7 <= word.confidence <= 1
        assert json.loads(json.dumps(word.to_dict()))["text"] == word.text


def test_every_kind_of_photo_reads_the_same(tmp_path):
    image, polygons = page()
    spotter = TextSpotter(CoreDetector(polygons), reader := TemplateReader())
    (tmp_path / "page.png").write_bytes(png(image))
    for photo in (tmp_path / "page.png", png(image), image):
        assert [word.text for word in spotter.read(photo, batch_size=3)] == list(itertools.chain(*LINES))
    assert reader.batch_sizes == [3, 3, 3]


def test_a_recogniser_of_the_zoo():
    """Each word reads as its crop does by itself."""
    image, polygons = page()
    words = TextSpotter(Fixed(*polygons), crnn(), min_confidence=0.0).read(image)
    assert [word.text for word in words] == [crnn().read(crop_word(image, polygon)).text for polygon in polygons]
    assert len({word.text for word in words}) > 1


def test_nothing_to_read():
    blank = np.full((64, 96, 3), 255, "uint8")
    assert TextSpotter(Fixed(), crnn()).read(blank) == []


def test_unlikely_words_are_left_out():
    image, polygons = page([["cat", "Dog"]], (80, 260))
    cv2.circle(image, (150, 48), 20, (0, 0, 0), -1)
    detector = CoreDetector(polygons)
    assert len(TextSpotter(detector, TemplateReader(), min_confidence=0.0).read(image)) == 2
    (word,) = TextSpotter(detector, TemplateReader(), min_confidence=0.8).read(image)
    assert word.text == "cat"


def test_a_ruled_line_is_no_word(caplog):
    spotter = TextSpotter(Fixed(box(0, 10, 900, 5)), crnn(), min_confidence=0.0)
    assert spotter.read(np.zeros((20, 900, 3), "uint8")) == []
    assert "1 of 1 detected polygons are left out. The first: A polygon of 900 x 5 pixels is too long" in caplog.text


NONE = {
    "thin": [(10, 20), (70, 20), (70, 21), (10, 21)],
    "two points": [(10, 20), (70, 40)],
    "empty": [],
    "flat": [10, 20, 70, 20, 70, 40, 10, 40],
    "on a line": [(10, 20), (20, 20), (30, 20), (40, 20), (50, 20)],
    "one place": [(10, 20)] * 4,
    "not a number": [(10, 20), (70, 20), (70, float("nan")), (10, 40)],
    "endless": [(10, 20), (float("inf"), 20), (70, 40), (10, 40)],
    "left of it": [(-90, 20), (-30, 20), (-30, 40), (-90, 40)],
    "below it": [(10, 9_020), (70, 9_020), (70, 9_040), (10, 9_040)],
    "around the world": [(-1e8, -1e8), (1e8, -1e8), (1e8, 1e8), (-1e8, 1e8)],
}


@pytest.mark.parametrize("name", NONE)
def test_a_polygon_that_is_none_costs_its_word_only(name, caplog):
    """Of another's detector; the words beside it are read."""
    image, polygons = page()
    foreign = [polygons[0].astype("float64"), NONE[name], polygons[1].tolist()]
    detector = SimpleNamespace(detect=lambda image: [Detection(polygon, 1.0) for polygon in foreign])
    assert [word.text for word in TextSpotter(detector, TemplateReader()).read(image)] == LINES[0][:2]
    assert "1 of 3 detected polygons are left out. The first: The polygon " in caplog.text


@pytest.mark.parametrize("order", [(0, 3, 2, 1), (0, 1, 3, 2)], ids=["anticlockwise", "crossing"])
def test_corners_in_another_order_are_boxed(order):
    image, (polygon, *_) = page()
    np.testing.assert_array_equal(crop_word(image, polygon[list(order)]).shape, crop_word(image, polygon).shape)
    (word,) = TextSpotter(Fixed(polygon[list(order)]), TemplateReader()).read(image)
    assert word.text == LINES[0][0]


# === Crops ===


def test_a_crop_has_the_sides_of_the_word():
    image = np.random.default_rng(0).integers(0, 256, (60, 90, 3), "uint8")
    crop = crop_word(image, np.array([(10, 20), (70, 20), (70, 45), (10, 45)], "float32"))
    np.testing.assert_array_equal(crop, image[20:45, 10:70])


def test_slanted_and_tilted_words_are_straightened():
    word = draw("fish", 40)
    height, width = word.shape[:2]
    source = np.array([(0, 0), (width, 0), (width, height), (0, height)], "float32")
    target = np.array([(40, 60), (150, 25), (160, 70), (45, 100)], "float32")  # a quadrilateral without right angles
    transform = cv2.getPerspectiveTransform(source, target)
    photo = cv2.warpPerspective(word, transform, (200, 130), borderValue=(255, 255, 255))
    (reading,) = TemplateReader().read([crop_word(photo, target)], 1)
    assert reading.text == "fish" and reading.confidence > 0.9


def test_tall_words_are_turned_to_the_left():
    """A sign that runs downwards: its letters' tops point right."""
    photo = cv2.rotate(draw("fish", 40), cv2.ROTATE_90_CLOCKWISE)
    height, width = photo.shape[:2]
    polygon = np.array([(0, 0), (width, 0), (width, height), (0, height)], "float32")
    np.testing.assert_array_equal(crop_word(photo, polygon), draw("fish", 40))
    np.testing.assert_array_equal(crop_word(photo, polygon, rotate_tall=None), photo)
    np.testing.assert_array_equal(crop_word(photo, polygon, rotate_tall=height / width + 0.1), photo)


def test_polygons_of_many_corners_are_boxed():
    image, _ = page()
    bent = np.array([(10, 20), (40, 22), (70, 20), (70, 60), (40, 58), (10, 60)], "float32")
    assert crop_word(image, bent).shape == (40, 60, 3)
    (word,) = TextSpotter(Fixed(bent), TemplateReader(), min_confidence=-1.0).read(image)
    np.testing.assert_array_equal(word.polygon, bent)


def test_a_polygon_without_area_is_refused():
    with pytest.raises(ValueError, match="too thin to hold text"):
        crop_word(page()[0], np.array([(10, 20), (70, 20), (70, 21), (10, 21)], "float32"))


# === Reading order ===


def test_reading_order_does_not_depend_on_the_detectors():
    boxes = [box(10, 10, 50, 20), box(80, 15, 60, 22), box(150, 5, 40, 28), box(12, 45, 90, 20), box(120, 48, 30, 16)]
    rng = np.random.default_rng(0)
    for _ in range(20):
        order = rng.permutation(len(boxes))
        assert [int(order[i]) for i in reading_order([boxes[i] for i in order])] == [0, 1, 2, 3, 4]
    assert reading_order([]) == []


def test_small_words_beside_a_large_one_are_lines():
    large, upper, lower = box(0, 0, 100, 100), box(110, 5, 80, 30), box(110, 60, 80, 30)
    order = reading_order([lower, large, upper])
    assert order.index(2) < order.index(0)
    assert len(order) == 3


def test_lines_may_climb():
    """Each word stands half a height above the one before; the next line starts right below."""
    first = [box(60 * i, 100 - 4 * i, 50, 20) for i in range(12)]
    second = [box(60 * i, 128 - 4 * i, 50, 20) for i in range(12)]
    assert reading_order(first + second) == list(range(24))
