import cv2
import numpy as np
import pytest

from keras_textrec.images.load import load_image
from keras_textrec.synthesis import WordRenderer, synthesize
from keras_textrec.synthesis.preview import MEASURES, compare, measure, preview

pytestmark = pytest.mark.once


def test_a_sheet_beside_real_words(tmp_path, fonts):
    synthesize(tmp_path / "real", 12, seed=1, fonts=fonts, words=["real"], processes=1, progress=False)
    rows = preview(WordRenderer(fonts, ["word"]), tmp_path / "sheet.png", [tmp_path / "real"], count=16, shown=8)
    assert [row[0] for row in rows] == list(MEASURES) and all(len(row) == 4 for row in rows)
    assert load_image(tmp_path / "sheet.png").shape == (2 * (40 + 14 + 4), 8 * 166, 3)
    assert all(len(row) == 2 for row in preview(WordRenderer(fonts, ["word"]), tmp_path / "alone.jpg", count=4))


def test_bad_sheets(tmp_path, fonts):
    renderer = WordRenderer(fonts, ["word"])
    with pytest.raises(ValueError, match="unknown file extension"):
        preview(renderer, tmp_path / "sheet.what", count=2)
    with pytest.raises(FileNotFoundError):
        preview(renderer, tmp_path / "sheet.png", [tmp_path / "none"], count=2)


def test_measures_measure():
    generator = np.random.default_rng(0)
    step = np.full((32, 96, 3), 100, np.uint8)
    step[:, 20:26] = step[:, 50:70] = 200
    noisy = np.clip(step + generator.normal(0, 9, step.shape), 0, 255).astype(np.uint8)
    soft = cv2.GaussianBlur(step, (0, 0), 2)
    red = step * np.uint8([1, 0, 0])
    values = {name: dict(zip(MEASURES, measure(image, "abc"))) for name, image in
              {"step": step, "noisy": noisy, "soft": soft, "red": red}.items()}  # fmt: skip
    assert values["step"]["width / height"] == 3 and values["step"]["characters"] == 3
    assert values["step"]["contrast"] == pytest.approx(100, abs=1)
    assert values["soft"]["sharpness"] < 0.7 * values["step"]["sharpness"]
    assert values["noisy"]["grain"] > 2 > values["step"]["grain"]
    assert values["red"]["colour"] > 90 > 1 > values["step"]["colour"]


def test_distance_of_distributions():
    generator = np.random.default_rng(0)
    one, like, other = (generator.normal(mean, 1, (800, len(MEASURES))) for mean in (0, 0, 3))
    assert all(float(row[3]) < 0.1 for row in compare(one, like))
    assert all(float(row[3]) > 0.8 for row in compare(one, other))
