"""Reading order of boxes alone: lines, columns, tables."""

import itertools

import cv2
import numpy as np
import pytest

from keras_textrec.images.reading_order import text_lines

pytestmark = pytest.mark.once


def box(left, top, width, height=20):
    return np.array([(left, top), (left + width, top), (left + width, top + height), (left, top + height)], "float32")


def column(left, top, lines, words=3, width=50, pitch=30):
    """Lines of words, 10 pixels between them."""
    return [box(left + (width + 10) * i, top + pitch * k, width) for k in range(lines) for i in range(words)]


def in_threes(first, lines):
    return [list(range(first + 3 * k, first + 3 * k + 3)) for k in range(lines)]


def read(boxes, **options):
    """The lines of boxes that come in any order; by their places in the list."""
    found = []
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(boxes))
        lines = text_lines([boxes[i] for i in order], **options)
        found.append([[int(order[i]) for i in line] for line in lines])
    assert found[0] == found[1] == found[2]
    return found[0]


def test_words_of_one_column():
    boxes = [box(10, 10, 50), box(80, 15, 60, 22), box(150, 5, 40, 28), box(12, 45, 90), box(120, 48, 30, 16)]
    assert read(boxes) == [[0, 1, 2], [3, 4]]
    assert text_lines([]) == []


def test_small_words_beside_a_large_one_are_lines():
    large, upper, lower = box(0, 0, 100, 100), box(110, 5, 80, 30), box(110, 60, 80, 30)
    assert read([lower, large, upper]) == [[2], [1], [0]]


def test_lines_may_climb():
    """Each word stands half a height above the one before; the next line starts right below."""
    first = [box(60 * i, 100 - 4 * i, 50) for i in range(12)]
    second = [box(60 * i, 128 - 4 * i, 50) for i in range(12)]
    assert read(first + second) == [list(range(12)), list(range(12, 24))]


@pytest.mark.parametrize("shift", [0, 4, 15], ids=["lines beside lines", "a little lower", "half a line lower"])
@pytest.mark.parametrize("angle", [0, 10, -25])
def test_a_headline_above_two_columns(angle, shift):
    boxes = [box(0, 0, 190, 40), box(215, 0, 185, 40), *column(0, 60, 4), *column(210, 60 + shift, 4)]
    boxes += [box(0, 200, 400)]
    turn = cv2.getRotationMatrix2D((200, 100), angle, 1)
    lines = read(list(cv2.transform(np.array(boxes), turn)))
    assert lines == [[0, 1], *in_threes(2, 8), [26]]


def test_whole_lines_are_words_too():
    """Of a detector that finds lines."""
    boxes = [box(0, 0, 400, 40), *column(0, 60, 3, 1, 170), *column(210, 60, 3, 1, 170)]
    assert list(itertools.chain(*read(boxes))) == list(range(7))


def test_columns_from_the_right():
    boxes = [box(0, 0, 400, 40), *column(0, 60, 2), *column(210, 60, 2)]
    assert read(boxes, right_to_left=True) == [[0], *in_threes(7, 2), *in_threes(1, 2)]


def test_three_columns_and_a_headline_between():
    boxes = [*column(0, 0, 2), *column(210, 0, 2), *column(420, 0, 2), box(0, 70, 600, 30)]
    boxes += [*column(0, 120, 2), *column(210, 120, 3)]
    assert read(boxes) == [*in_threes(0, 6), [18], *in_threes(19, 5)]


def test_columns_of_other_lengths():
    boxes = [*column(0, 0, 2), *column(210, 0, 5)]
    assert read(boxes) == in_threes(0, 7)


def test_prices_end_their_lines():
    dishes, prices = column(0, 0, 4, 2), [box(300, 30 * k, 45) for k in range(4)]
    assert read(dishes + prices) == [[0, 1, 8], [2, 3, 9], [4, 5, 10], [6, 7, 11]]


def test_words_far_apart_are_no_columns():
    grid = [box(15 + 110 * k, 25 + 75 * row, 70, 40) for row in range(3) for k in range(4)]
    assert read(grid) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]


def test_an_address_above_a_letter_is_no_column():
    boxes = [box(300, 0, 100), box(300, 30, 80), box(0, 60, 70), box(0, 90, 80), *column(0, 120, 2, 7)]
    assert [line[0] for line in read(boxes)] == [0, 1, 2, 3, 4, 11]


def test_every_word_of_a_crowd_is_read_once():
    """Three hundred upon each other, in no lines or columns."""
    rng = np.random.default_rng(1)
    boxes = [box(*rng.uniform(0, 2000, 2), rng.uniform(20, 90)) for _ in range(300)]
    assert sorted(itertools.chain(*text_lines(boxes))) == list(range(300))
