"""Words cut out of photographs; tests/models/test_spotter.py reads what is cut."""

import cv2
import numpy as np
import pytest

from keras_textrec.images.crops import crop_word
from tests.tiny import draw

pytestmark = pytest.mark.once


def test_a_crop_has_the_sides_of_the_word():
    image = np.random.default_rng(0).integers(0, 256, (60, 90, 3), "uint8")
    crop = crop_word(image, np.array([(10, 20), (70, 20), (70, 45), (10, 45)], "float32"))
    np.testing.assert_array_equal(crop, image[20:45, 10:70])


def test_tall_words_are_turned_to_the_left():
    """A sign that runs downwards: its letters' tops point right."""
    photo = cv2.rotate(draw("fish", 40), cv2.ROTATE_90_CLOCKWISE)
    height, width = photo.shape[:2]
    polygon = np.array([(0, 0), (width, 0), (width, height), (0, height)], "float32")
    np.testing.assert_array_equal(crop_word(photo, polygon), draw("fish", 40))
    np.testing.assert_array_equal(crop_word(photo, polygon, rotate_tall=None), photo)
    np.testing.assert_array_equal(crop_word(photo, polygon, rotate_tall=height / width + 0.1), photo)


def test_polygons_of_many_corners_are_boxed():
    bent = np.array([(10, 20), (40, 22), (70, 20), (70, 60), (40, 58), (10, 60)], "float32")
    assert crop_word(np.zeros((80, 90, 3), "uint8"), bent).shape == (40, 60, 3)


@pytest.mark.parametrize(
    ("polygon", "fault"),
    [
        ([(10, 20), (70, 20), (70, 21), (10, 21)], "too thin to hold text"),
        ([(0, 20), (590, 20), (590, 25), (0, 25)], "590 x 5 pixels is too long for text"),
        ([(10, 20), (70, 20)], "three corners"),
        ([(10, 220), (70, 220), (70, 240), (10, 240)], "outside the photograph of 600 x 100 pixels"),
    ],
)
def test_a_polygon_that_is_no_word_is_refused(polygon, fault):
    with pytest.raises(ValueError, match=fault):
        crop_word(np.zeros((100, 600, 3), "uint8"), polygon)
