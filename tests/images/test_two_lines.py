import numpy as np
import pytest

from keras_textrec.images import in_one_line

pytestmark = pytest.mark.once


@pytest.mark.parametrize("upper", [30, 20])
def test_the_lower_line_comes_after_the_upper_one(upper):
    """Stripes for letters, from row 4 to 4 rows before the cut, and from 4 rows after it on."""
    image = np.full((50, 40, 3), 200, np.uint8)
    image[4 : upper - 4, 10::4] = 0
    image[upper + 4 : 46, 12::8] = 50
    line = in_one_line(image)
    height = len(line)
    assert abs(height - upper) <= 2 and line.dtype == np.uint8
    assert np.array_equal(line[:, :40], image[:height])
    lower = line[:, 40:]
    assert lower.shape[1] == round(40 * height / (50 - height))
    assert lower.min() < 130 and (lower[[0, -1]] == 200).all()  # its letters, whole


def test_little_images_are_no_error():
    for shape in ((1, 1, 3), (2, 1, 3), (1, 9, 3), (3, 200, 3)):
        assert in_one_line(np.zeros(shape, np.uint8)).size
