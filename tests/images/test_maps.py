"""Maps of polygons, against rectangles computed by hand."""

import numpy as np
import pytest

from keras_textrec.images.maps import core_offset, draw_maps

pytestmark = pytest.mark.once

# 100 x 30: area 3000, perimeter 260, offset 3000 * 0.84 / 260 = 9.69.
WORD = np.float32([[10, 20], [110, 20], [110, 50], [10, 50]])


def test_a_core_lies_within_the_outline_by_the_offset():
    core = draw_maps([WORD], [False], 70, 128)[..., 0]
    assert core_offset(WORD) == pytest.approx(3000 * 0.84 / 260)
    rows, columns = np.nonzero(core)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (30, 40, 20, 100)
    assert core.sum() == 11 * 81


def test_the_threshold_falls_from_the_outline_to_both_sides():
    threshold = draw_maps([WORD], [False], 70, 128)[..., 1]
    offset = core_offset(WORD)
    np.testing.assert_allclose(threshold[[20, 50], 60], 0.7, atol=1e-6)
    np.testing.assert_allclose(threshold[[15, 25, 45, 55], 60], 0.7 - 0.4 * 5 / offset, atol=1e-5)
    np.testing.assert_allclose(threshold[35, 60], 0.3, atol=1e-6)  # in the core
    assert threshold[9, 60] == 0 and threshold[11, 60] > 0.3  # 11 and 9 pixels above it
    # Its ends are round: a corner's border reaches 9.69 pixels in every direction, and not 9.69 in both.
    assert threshold[20 - 6, 10 - 6] > 0.3 and threshold[20 - 8, 10 - 8] == 0


def test_turned_by_a_quarter_the_maps_are_turned():
    level = draw_maps([WORD], [False], 128, 128)
    upright = draw_maps([WORD[:, ::-1]], [False], 128, 128)
    np.testing.assert_allclose(upright, level.transpose(1, 0, 2), atol=1e-6)


def test_what_is_ignored_or_small_is_left_out():
    small = np.float32([[10, 60], [60, 60], [60, 67], [10, 67]])
    maps = draw_maps([WORD, small], [True, False], 70, 128)
    assert (maps[21:49, 11:109, 0] == -1).all() and (maps[61:66, 11:59, 0] == -1).all()
    assert (maps[:, 111:] == 0).all() and not maps[..., 1].any()
    maps = draw_maps([np.float32([[10, 10], [60, 60], [30, 30]])], [False], 70, 128)  # a line
    assert (maps[..., 0] <= 0).all() and not maps[..., 1].any()


def test_a_word_within_an_ignored_region_stays_a_word():
    around = np.float32([[0, 0], [127, 0], [127, 69], [0, 69]])
    core = draw_maps([WORD, around], [False, True], 70, 128)[..., 0]
    assert core[35, 60] == 1 and core[22, 60] == -1


def test_a_hollow_polygon_has_a_core_without_its_hollow():
    corner = np.float32([[0, 0], [100, 0], [100, 20], [20, 20], [20, 100], [0, 100]])
    core = draw_maps([corner], [False], 110, 110)[..., 0]
    assert core[10, 60] == core[60, 10] == 1 and core[60, 60] == 0


@pytest.mark.parametrize("shift", [(-60, 0), (0, -35), (500, 0)])
def test_words_on_the_edge_are_cut(shift):
    maps = draw_maps([WORD + np.float32(shift)], [False], 70, 128)
    whole = draw_maps([WORD + np.float32([500, 500]) + np.float32(shift)], [False], 570, 1200)
    np.testing.assert_allclose(maps, whole[500:570, 500:628], atol=1e-4)
