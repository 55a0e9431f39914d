import numpy as np
import pytest

from keras_textrec.images.sheet import contact_sheet

pytestmark = pytest.mark.once


def test_images_stand_in_their_cells():
    tall, wide = np.full((90, 30, 3), 10, np.uint8), np.full((10, 200, 3), 60, np.uint8)
    sheet = contact_sheet([tall, wide, tall], ["tall", "wide", ""], columns=2, height=30, width=50)
    assert sheet.shape == (2 * 48, 2 * 56, 3) and sheet.dtype == np.uint8
    assert (sheet[:30, :10] == 10).all() and (sheet[:30, 10:50] == 255).all()
    assert (sheet[:2, 56:106] == 60).all() and (sheet[48:78, :10] == 10).all() and (sheet[48:, 56:] == 255).all()
    assert sheet[30:44, :50].min() < 100  # the caption
    assert contact_sheet([tall], height=30, width=50).shape == (34, 56, 3)


def test_long_captions_end_at_the_cell():
    sheet = contact_sheet([np.zeros((10, 10, 3), np.uint8)] * 2, ["W" * 200, ""], height=20, width=60)
    assert (sheet[:, 66:126][20:] == 255).all()


@pytest.mark.parametrize(("images", "captions"), [([], []), ([np.zeros((3, 3, 3), np.uint8)], ["a", "b"])])
def test_refused(images, captions):
    with pytest.raises(ValueError, match="give images, and one for each"):
        contact_sheet(images, captions)
