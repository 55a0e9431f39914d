import numpy as np
import pytest

from keras_textrec.images.matching import Matches, match

pytestmark = pytest.mark.once


def box(left, top, width=20, height=10):
    return np.float32([[left, top], [left + width, top], [left + width, top + height], [left, top + height]])


def test_overlaps_above_a_half_are_right():
    # 20 x 10 moved by 6: 140 of 260 in common, 0.54. By 7: 130 of 270, 0.48.
    assert match([box(6, 0)], [box(0, 0)], [False]) == Matches(1, 1, 1)
    assert match([box(7, 0)], [box(0, 0)], [False]) == Matches(0, 1, 1)
    assert match([box(0, 0)[::-1]], [box(0, 0)], [False]) == Matches(1, 1, 1)  # whatever the direction


def test_each_is_matched_once():
    assert match([box(0, 0), box(1, 0)], [box(0, 0)], [False]) == Matches(1, 2, 1)
    assert match([box(0, 0)], [box(0, 0), box(1, 0)], [False, False]) == Matches(1, 1, 2)


def test_what_lies_in_an_ignored_region_does_not_count():
    ignored = box(100, 100, 50, 50)
    assert match([box(100, 100), box(0, 0)], [ignored, box(0, 0)], [True, False]) == Matches(1, 1, 1)
    # 11 of its 20 columns lie within, or 9: then it is wrong.
    assert match([box(91, 110)], [ignored], [True]).found == 0
    assert match([box(89, 110)], [ignored], [True]).found == 1


def test_scores_are_of_all_photographs():
    total = match([box(0, 0)], [box(0, 0)], [False]).plus(Matches(right=1, found=3, labelled=2))
    assert total.scores() == {"precision": 0.5, "recall": pytest.approx(2 / 3), "hmean": pytest.approx(4 / 7)}
    assert Matches().scores() == {"precision": 0, "recall": 0, "hmean": 0}
