"""The spotter on drawn pages, with a detector that takes ink for text, and a recogniser that compares with drawings."""

import itertools
import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from keras_textrec.images import load_image
from keras_textrec.images.boxes import Detection, find_boxes
from keras_textrec.images.crops import crop_word
from keras_textrec.models import RepSVTRDetector, TextRecognizer
from keras_textrec.models.text_spotter import TextSpotter
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
    spotted = TextSpotter(Fixed(), crnn()).read(blank)
    assert len(spotted) == 0 and spotted.text == "" and spotted.to_dict() == {"text": "", "lines": []}


def test_unlikely_words_are_left_out():
    image, polygons = page([["cat", "Dog"]], (80, 260))
    cv2.circle(image, (150, 48), 20, (0, 0, 0), -1)
    detector = CoreDetector(polygons)
    assert len(TextSpotter(detector, TemplateReader(), min_confidence=0.0).read(image)) == 2
    (word,) = TextSpotter(detector, TemplateReader(), min_confidence=0.8).read(image)
    assert word.text == "cat"


def test_a_ruled_line_is_no_word(caplog):
    spotter = TextSpotter(Fixed(box(0, 10, 900, 5)), crnn(), min_confidence=0.0)
    assert not spotter.read(np.zeros((20, 900, 3), "uint8"))
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


def test_slanted_and_tilted_words_are_straightened():
    word = draw("fish", 40)
    height, width = word.shape[:2]
    source = np.array([(0, 0), (width, 0), (width, height), (0, height)], "float32")
    target = np.array([(40, 60), (150, 25), (160, 70), (45, 100)], "float32")  # a quadrilateral without right angles
    transform = cv2.getPerspectiveTransform(source, target)
    photo = cv2.warpPerspective(word, transform, (200, 130), borderValue=(255, 255, 255))
    (reading,) = TemplateReader().read([crop_word(photo, target)], 1)
    assert reading.text == "fish" and reading.confidence > 0.9


# === The page ===


def spot(words, size=(300, 500), **options):
    """The page of words: texts and their polygons, with the confidence 0.9."""
    reader = SimpleNamespace(read=lambda crops, batch_size, **known: [Reading(text, 0.9) for text, _ in words])
    return TextSpotter(Fixed(*(polygon for _, polygon in words)), reader, **options).read(np.zeros((*size, 3), "uint8"))


def test_a_page_has_lines_and_words():
    spotted = spot([("world", box(70, 12, 60, 20)), ("Hello", box(10, 10, 50, 20)), ("again", box(12, 50, 40, 20))])
    assert [line.text for line in spotted.lines] == ["Hello world", "again"] and spotted.text == "Hello world\nagain"
    assert [word.text for word in spotted] == ["Hello", "world", "again"] and spotted[-1] is spotted.words[2]
    np.testing.assert_allclose(spotted.lines[1].polygon, spotted[2].polygon)
    corners = cv2.pointPolygonTest(spotted.lines[0].polygon, (69, 20), False)
    assert spotted.lines[0].polygon.shape == (4, 2) and corners == 1
    assert repr(spotted) == "<Page of 2 lines, 3 words>"
    content = json.loads(json.dumps(spotted.to_dict()))
    assert content["lines"][0]["words"][0] == {
        "text": "Hello",
        "confidence": 0.9,
        "polygon": box(10, 10, 50, 20).tolist(),
    }
    assert set(content["lines"][0]) == {"text", "confidence", "polygon", "words"}


def test_lines_from_right_to_left():
    """Both columns of an Arabic page from their right; Latin words among them from their left."""
    words = [("مرحبا", box(400, 10, 60, 20)), ("York", box(330, 10, 60, 20)), ("New", box(280, 10, 40, 20))]
    words += [("سلام", box(200, 10, 40, 20)), ("باب", box(150, 10, 40, 20)), ("بيت", box(400, 45, 60, 20))]
    words += [("كتاب", box(340, 45, 50, 20)), ("قلم", box(180, 45, 60, 20)), ("درس", box(140, 45, 30, 20))]
    spotted = spot(words)
    assert [line.text for line in spotted.lines] == ["مرحبا New York", "بيت كتاب", "سلام باب", "قلم درس"]


def test_what_is_known_goes_to_the_recogniser():
    image, polygons = page([["cat", "Dog"]], (80, 260))
    spotter = TextSpotter(Fixed(*polygons), crnn(), min_confidence=0.0)
    spotted = spotter.read(image, pattern=r"\d{3}", alternatives=2)
    assert all(word.text.isdecimal() for word in spotted) and len(spotted) == 2
    assert spotted[0].to_dict()["constraint"] == r"pattern \d{3}" and len(spotted[0].reading.alternatives) == 2
    assert {word.text for word in spotter.read(image, lexicon=["cat", "dog"])} <= {"cat", "dog"}
    with pytest.raises(ValueError, match="min_confidence is a number from 0 to 1; got 7"):
        spotter.read(image, min_confidence=7)
    assert len(spotter.read(image, min_confidence=1.0)) == 0
    with pytest.raises(ValueError, match="one lexicon, for all words"):
        spotter.read(image, lexicon=[["cat"], ["dog"]])
    with pytest.raises(ValueError, match="orientations are 'tall', or some of"):
        spotter.read(image, orientations=180)
    with pytest.raises(ValueError, match="is no regular expression"):  # also where there are no words
        TextSpotter(Fixed(), crnn()).read(image, pattern="(")


@pytest.mark.parametrize(
    ("orientations", "usual", "as_it_stands"),
    [
        (None, None, False),
        ((0, 180), None, False),
        ("tall", None, True),
        ((0, 90, 180, 270), None, True),
        (None, "tall", True),
        (None, (0, 180), False),
        ((0, 180), "tall", False),
    ],
)
def test_orientations_of_tall_words(orientations, usual, as_it_stands):
    """Those by a quarter and of stacked letters are the recogniser's work."""
    shapes = []

    def read(crops, batch_size, **known):
        shapes.append((crops[0].shape, known))
        return [Reading("a", 1.0)]

    spotter = TextSpotter(Fixed(box(10, 10, 20, 60)), SimpleNamespace(read=read, orientations=usual))
    spotter.read(np.zeros((90, 90, 3), "uint8"), orientations=orientations)
    assert shapes == [
        ((60, 20, 3) if as_it_stands else (20, 60, 3), {} if orientations is None else {"orientations": orientations})
    ]


def test_many_photographs(tmp_path):
    image, polygons = page()
    spotter = TextSpotter(CoreDetector(polygons), TemplateReader())
    (tmp_path / "page.png").write_bytes(png(image))
    pages = spotter.read([tmp_path / "page.png", image])
    assert [[word.text for word in page] for page in pages] == [list(itertools.chain(*LINES))] * 2
    taken = []
    photos = (taken.append(photo) or photo for photo in (tmp_path / "lost.png", tmp_path / "page.png", image))
    stream = spotter.read_stream(photos)
    position, error = next(stream)
    assert position == 0 and isinstance(error, FileNotFoundError) and len(taken) == 1
    assert [(position, len(page)) for position, page in stream] == [(1, 10), (2, 10)]
    with pytest.raises(FileNotFoundError, match=r"lost\.png"):
        spotter.read([image, tmp_path / "lost.png"])
    with pytest.raises(TypeError, match="Many images are an iterable"):
        spotter.read_stream(tmp_path / "page.png")


def test_a_page_is_drawn(tmp_path):
    image, polygons = page()
    (tmp_path / "page.png").write_bytes(png(image))
    spotted = TextSpotter(CoreDetector(polygons), TemplateReader()).read(tmp_path / "page.png")
    picture = spotted.draw(tmp_path / "drawn.png")
    assert np.array_equal(load_image(tmp_path / "drawn.png"), np.asarray(picture))
    assert picture.height >= 2 * image.shape[0]


# === Detectors and recognisers ===


def test_a_spotter_of_presets(monkeypatch):
    finds, reads = Fixed(), TemplateReader()
    monkeypatch.setattr(RepSVTRDetector, "from_preset", {"finds": finds}.get)
    monkeypatch.setattr(TextRecognizer, "from_preset", {"reads": reads, "crnn_small_en": crnn()}.get)
    spotter = TextSpotter.from_presets("finds", "reads", min_confidence=0.2)
    assert (spotter.detector, spotter.recognizer, spotter.min_confidence) == (finds, reads, 0.2)
    assert TextSpotter.from_presets("finds").recognizer is crnn()


def test_one_given_for_the_other(monkeypatch):
    monkeypatch.setattr("keras_textrec.zoo.load.trained_preset", None)  # nothing is downloaded to find out
    both = r"; a photograph takes both, a detector \(--detector\) and a recogniser \(--preset\)\.$"
    with pytest.raises(ValueError, match=f"The preset 'crnn_small_en' is a CRNN, not a RepSVTRDetector{both}"):
        TextSpotter.from_presets("crnn_small_en", "crnn_small_en")
    with pytest.raises(ValueError, match=f"The preset 'repsvtr_det' is a RepSVTRDetector, not a TextRecognizer{both}"):
        TextRecognizer.from_preset("repsvtr_det")
    with pytest.raises(TypeError, match="CRNN has no `detect`, so it is no detector"):
        TextSpotter(crnn(), crnn())
    with pytest.raises(TypeError, match="Fixed has no `read`, so it is no recognizer"):
        TextSpotter(Fixed(), Fixed())
