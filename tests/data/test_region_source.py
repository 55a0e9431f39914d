"""Photographs with polygons: ICDAR 2015's files and PaddleOCR's, and what is none of them."""

import json

import numpy as np
import pytest

from keras_textrec.data import open_region_source, open_region_sources, open_source
from tests.tiny import png, write_lmdb

pytestmark = pytest.mark.once

PHOTO = png(np.full((60, 80, 3), 90, "uint8"))


@pytest.fixture
def place(tmp_path):
    for name in ("img_1", "img_2"):
        (tmp_path / f"{name}.png").write_bytes(PHOTO)
    return tmp_path


def paddle(place, *entries, name="img_1.png", file="Label.txt"):
    path = place / file
    path.write_text(f"{name}\t{json.dumps(entries)}\n", "utf-8")
    return path


def word(points, text="Tee"):
    return {"transcription": text, "points": points, "difficult": False}


def test_icdar_has_a_file_for_each_photograph(place):
    (place / "gt_img_1.txt").write_text(
        "\ufeff1,2,31,2,31,12,1,12,Tea, 1,50\r\n\n5,20,50,20,50,40,5,40,###\r\n", "utf-8"
    )
    (place / "below").mkdir()  # ICDAR keeps photographs and labels in two folders
    (place / "below/gt_img_2.txt").write_text("", "utf-8")
    source = open_region_source(place)
    assert len(source) == 2 and source.key(0) == str(place / "img_2.png") and source[0] == (PHOTO, [])
    data, (tea, hidden) = source[1]
    assert data == PHOTO
    assert tea.text == "Tea, 1,50" and not tea.ignored
    np.testing.assert_array_equal(tea.polygon, [[1, 2], [31, 2], [31, 12], [1, 12]])
    assert hidden.ignored


def test_paddle_has_a_line_for_each_photograph(place):
    (place / "labels").mkdir()
    curve = [[1, 2], [20, 4], [31, 2], [31, 12], [20, 14], [1, 12]]
    path = paddle(place, word(curve), word([[40, 2], [70, 2], [70, 12]], "*"), file="labels/train.txt")
    for opened in (path, place):  # beside its photographs, or below them
        data, (tea, hidden) = open_region_source(opened)[0]
        assert data == PHOTO and tea.polygon.shape == (6, 2) and hidden.ignored
    both = open_region_sources([path, place], [0.5, 0.5])
    assert len(both) == 2 and both.text(1) == "Tee *"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,2,31,2,31,12,Tea", "Line 1 of .*gt_img_1.txt is not x1,y1,x2,y2,x3,y3,x4,y4,text: 1,2,31,2,31,12,Tea"),
        ("1,2,31,2,31,12,nan,12,Tea", "Line 1 of .* has a polygon that is not three corners"),
    ],
)
def test_a_bad_line_of_icdar_is_named(place, line, message):
    (place / "gt_img_1.txt").write_text(line, "utf-8")
    with pytest.raises(ValueError, match=message):
        open_region_source(place)


def test_a_bad_line_of_paddle_is_named(place):
    with pytest.raises(ValueError, match=r"Line 1 of .*three corners \[x, y\] or more: \[\[1, 2\], \[3, 4\]\]"):
        open_region_source(paddle(place, word([[1, 2], [3, 4]])))
    path = place / "Label.txt"
    path.write_text('img_1.png\t[{"transcription": "Tee"}]\n', "utf-8")
    with pytest.raises(ValueError, match="Line 1 of .* transcription and points"):
        open_region_source(path)
    with pytest.raises(FileNotFoundError, match="names lost.png, which is not below"):
        open_region_source(paddle(place, word([[1, 2], [31, 2], [31, 12]]), name="lost.png"))
    (place / "gt_lost.txt").write_text("", "utf-8")
    with pytest.raises(FileNotFoundError, match="gt_lost.txt labels no photograph"):
        open_region_source(place)


def test_words_are_refused_for_a_detector_and_polygons_for_a_recogniser(place, tmp_path_factory):
    words = tmp_path_factory.mktemp("words")
    write_lmdb(words / "lmdb", ["cat"])
    (words / "labels.tsv").write_text("img_1.png\tcat\n", "utf-8")
    for path in (words / "lmdb", words / "labels.tsv", words):
        with pytest.raises(ValueError, match="has no photographs for a detector"):
            open_region_source(path)
    with pytest.raises(FileNotFoundError, match="no file and no folder"):
        open_region_source(words / "lost")
    with pytest.raises(ValueError, match="labels boxes on a page, for a detector; crop the words first"):
        open_source(paddle(place, word([[1, 2], [31, 2], [31, 12]])))
    (place / "Label.txt").unlink()
    for name in ("gt_img_1.txt", "gt_img_2.txt"):
        (place / name).write_text("1,2,31,2,31,12,1,12,Tea\n", "utf-8")
    for path in (place, place / "gt_img_1.txt"):
        with pytest.raises(ValueError, match="for a detector; crop the words first"):
            open_source(path)
