import cv2
import numpy as np
import pytest

from keras_textrec.images.boxes import clockwise, find_boxes

pytestmark = pytest.mark.once


def filled(*boxes, value=0.9, shape=(64, 96)):
    """A map with `value` in boxes (left, top, right, bottom), corner cells inside, and 0 elsewhere."""
    probabilities = np.zeros(shape, "float32")
    for left, top, right, bottom in boxes:
        probabilities[top : bottom + 1, left : right + 1] = value
    return probabilities


def rectangle(left, top, right, bottom):
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def test_a_region_grows_by_area_times_ratio_over_perimeter():
    (found,) = find_boxes(filled((20, 30, 60, 40)), (64, 96, 3))  # by 40 * 10 * 1.5 / 100
    np.testing.assert_allclose(found.polygon, rectangle(14, 24, 66, 46), atol=1e-3)
    assert found.polygon.dtype == np.float32
    assert found.confidence == pytest.approx(0.9)
    (found,) = find_boxes(filled((20, 30, 60, 40)), (64, 96, 3), unclip_ratio=0.5)
    np.testing.assert_allclose(found.polygon, rectangle(18, 28, 62, 42), atol=1e-3)


def test_boxes_are_in_pixels_of_the_photograph_and_inside_it():
    (found,) = find_boxes(filled((20, 30, 60, 40)), (128, 288, 3))
    np.testing.assert_allclose(found.polygon, rectangle(42, 48, 198, 92), atol=1e-3)
    (found,) = find_boxes(filled((0, 50, 95, 63)), (64, 96, 3))
    np.testing.assert_allclose(found.polygon[[0, 1, 3], 0], [0, 96, 0])
    np.testing.assert_allclose(found.polygon[2], [96, 64])


@pytest.mark.parametrize("angle", [-35, 20, 45, 80])
def test_slanted_words(angle):
    """The corners are the grown rectangle's, clockwise on the screen."""
    core = ((120, 100), (90, 24), angle)
    probabilities = np.zeros((200, 240), "float32")
    cv2.fillPoly(probabilities, [np.round(cv2.boxPoints(core)).astype(int)], 0.8)
    (found,) = find_boxes(probabilities, probabilities.shape)
    growth = 90 * 24 * 1.5 / (90 + 24)
    wanted = clockwise(cv2.boxPoints(((120, 100), (90 + growth, 24 + growth), angle)))
    if angle == 45:  # neither corner of a square angle is the top left one
        offset = np.argmin(np.abs(found.polygon - wanted[:1]).sum(-1))
        wanted = np.roll(wanted, offset, axis=0)
    np.testing.assert_allclose(found.polygon, wanted, atol=3)
    x, y = found.polygon.T
    assert (x * np.roll(y, -1) - y * np.roll(x, -1)).sum() > 0  # y points down: clockwise


def test_what_is_no_word():
    nothing = np.zeros((64, 96), "float32")
    assert find_boxes(nothing, (64, 96)) == []
    assert find_boxes(filled((20, 30, 60, 40), value=0.25), (64, 96)) == []  # below the threshold
    unlikely = filled((20, 30, 60, 40), value=0.5)
    assert find_boxes(unlikely, (64, 96)) == []  # below the box's
    assert len(find_boxes(unlikely, (64, 96), box_threshold=0.4)) == 1
    assert find_boxes(filled((20, 30, 60, 32)), (64, 96)) == []  # two cells high
    assert find_boxes(filled((20, 30, 60, 40)), (6, 96)) == []  # less than three pixels high in the photograph


def test_words_next_to_each_other_and_in_a_frame():
    words = filled((20, 20, 40, 26), (50, 20, 70, 26), (30, 40, 60, 46))
    frame = filled((2, 2, 92, 60)) - filled((3, 3, 91, 59))
    found = find_boxes(np.maximum(words, frame), (64, 96))
    centers = sorted(tuple(np.round(box.polygon.mean(0))) for box in found)
    assert centers == [(30, 23), (45, 43), (60, 23)]
