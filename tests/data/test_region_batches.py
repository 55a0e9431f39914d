import logging
import pickle

import numpy as np
import pytest

from keras_textrec.data import TextRegion
from keras_textrec.data.region_batches import RegionBatches
from keras_textrec.data.region_crop import put_on_canvas, random_part
from keras_textrec.images import PhotoConverter
from tests.tiny import png

pytestmark = pytest.mark.once


def region(left, top, right, bottom, text="Tee"):
    return TextRegion(np.float32([[left, top], [right, top], [right, bottom], [left, bottom]]), text)


class Photos:
    """Two photographs: one with a word, one whose polygon lies outside it; and a file that is none."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        photo = np.full((40, 80, 3), 200, "uint8")
        photo[10:30, 20:60] = 50
        data = b"none" if index == 2 else png(photo)
        return data, [region(20, 10, 60, 30) if index == 0 else region(200, 10, 260, 30)]

    def key(self, index):
        return f"photo {index}"


def batches(**options):
    return RegionBatches(Photos(), PhotoConverter(64, mean=0.0, std=1.0), 4, canvas=(64, 64), **options)


def test_photographs_lie_whole_on_the_canvas(caplog):
    with caplog.at_level(logging.WARNING):
        x, maps = batches().batch(0)
    assert x.shape == (4, 64, 64, 3) and maps.shape == (4, 64, 64, 2) and maps.dtype == np.float32
    # 80 x 40 becomes 64 x 32: the word 32 x 16, from (16, 8); the core begins 512 * 0.84 / 96 = 4.48 within.
    assert (x[0, 10:22, 18:46] < 0.3).all() and (x[0, 32:] == 0).all()
    rows, columns = np.nonzero(maps[0, ..., 0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (13, 19, 21, 43)
    assert (maps[1:, ..., 0] == -1).all() and not maps[1:, ..., 1].any() and not x[1:].any()
    assert "photo 1: the polygon" in caplog.text and "outside the photograph of 80 x 40 pixels" in caplog.text
    assert "photo 2" in caplog.text


def test_batches_depend_on_their_number_alone():
    some = batches(training=True, seed=4)
    again = pickle.loads(pickle.dumps(some))
    again.batch(0)
    for one, other in zip(some.batch(1, 2), again.batch(1, 2)):
        np.testing.assert_array_equal(one, other)


def test_parts_cut_no_word_and_have_one():
    words = [region(20, 10, 60, 30), region(100, 50, 180, 90)]
    rng = np.random.default_rng(0)
    parts = [random_part((120, 200), words, rng) for _ in range(50)]
    assert len(set(parts)) > 20
    for left, top, right, bottom in parts:
        held = 0
        for word in words:
            (x0, y0), (x1, y1) = word.polygon.min(0), word.polygon.max(0)
            inside = x0 >= left and x1 <= right and y0 >= top and y1 <= bottom
            outside = x1 <= left or x0 >= right or y1 <= top or y0 >= bottom
            assert inside or outside
            held += inside
        assert held


def test_a_part_fills_the_canvas_as_far_as_it_can():
    photo = np.zeros((40, 80, 3), "uint8")
    photo[10:30, 20:60] = 255
    canvas = np.empty((64, 64, 3), "uint8")
    (moved,) = put_on_canvas(photo, [region(20, 10, 60, 30), region(0, 0, 9, 9)], (20, 0, 60, 40), canvas)
    np.testing.assert_allclose(moved.polygon, [[0, 16], [64, 16], [64, 48], [0, 48]])
    assert (canvas[20:44] == 255).all() and (canvas[:12] == 0).all()
