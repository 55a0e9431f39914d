import pickle
import random

import cv2
import numpy as np
import pytest

from keras_textrec.data.augment import AUGMENTATIONS, RandAugment, RecAug, Rotation, augmentation
from keras_textrec.data.augment import recaug as rec
from keras_textrec.data.augment.randaugment import OPERATIONS
from keras_textrec.data.augment.warp import rotated, warp_affine, warp_mls
from keras_textrec.data.preview import sheet


@pytest.fixture
def image():
    noise = np.random.default_rng(3).integers(0, 256, (36, 130, 3), "uint8")
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 10, 245, cv2.NORM_MINMAX)


# === RecAug against the published numbers ===


class Published:
    """What the published code draws from, seeded as the fixtures are."""

    def __init__(self, seed):
        self.python, self.numpy = random.Random(seed), np.random.RandomState(seed)

    def random(self):
        return self.python.random()

    def integers(self, low, high=None, size=None):
        if high is None:
            return self.numpy.randint(low, size=size)
        draws = [self.python.randint(low, high - 1) for _ in range(size or 1)]
        return np.array(draws) if size else draws[0]


@pytest.fixture
def published_input(rule):
    return rule.synth_images(1, 32, 100, 7100)[0]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["distort", "stretch", "perspective"])
def test_tia_is_the_published_warp(parts, published_input, name, seed):
    segments = () if name == "perspective" else (4,)
    points = getattr(rec, name)(32, 100, *segments, Published(seed))
    ours, theirs = warp_mls(published_input, [points]).astype(int), parts[1][f"aug.{name}.{seed}"]
    assert set(np.unique(ours - theirs)) <= {0, 1}  # they cut where we round


def test_recaug_is_the_published_one(parts, published_input):
    """The seed whose draws choose nothing but HSV, jitter and inversion."""
    image = published_input[..., ::-1].copy()
    rng = Published(0)
    for step in (rec.tia, rec.crop, rec.blur):
        happens = rng.random() <= 0.4
        image = step(image, rng) if happens else image
    theirs = parts[1]["aug.recaug.0"]
    difference = np.minimum(
        abs(image[..., ::-1].astype(int) - theirs), abs(255 - image[..., ::-1].astype(int) - theirs)
    )
    assert np.percentile(difference, 99) <= 6


def test_a_chain_of_warps_is_nearly_one_after_the_other(image):
    rng = np.random.default_rng(1)
    warps = [rec.distort(36, 130, 4, rng), rec.stretch(36, 130, 3, rng), rec.perspective(36, 130, rng)]
    once, twice = warp_mls(image, warps), image
    for warp in warps:
        twice = warp_mls(twice, [warp])
    assert np.mean(abs(once.astype(int) - twice)) < 0.25 * np.mean(abs(once.astype(int) - image))


def test_points_go_where_they_are_to():
    picture = np.zeros((41, 101, 3), "uint8")
    picture[10:13, 60:63] = 255
    corners = np.array([0, 101, 101 + 41j, 41j])
    moved = warp_mls(picture, [(corners, corners + 7 + 4j)])
    y, x = np.nonzero(moved[..., 0] > 200)
    assert (y.mean(), x.mean()) == pytest.approx((15, 68), abs=0.3)


def test_noise_and_hsv_lower_values_by_one(image):
    rng = np.random.default_rng(0)
    fallen = image.astype(int) - rec.noise(image, rng)
    assert set(np.unique(fallen)) == {0, 1} and abs(fallen.mean() - 0.5) < 0.02
    assert {int((image - rec.hsv(image, rng)).max()) for _ in range(20)} == {0, 1}
    assert not rec.noise(np.zeros_like(image), rng).any()


def test_a_crop_takes_one_to_eight_rows_of_an_end(image):
    rng, seen = np.random.default_rng(0), set()
    for _ in range(200):
        left = rec.crop(image, rng)
        top = np.array_equal(left, image[len(image) - len(left) :])
        assert top or np.array_equal(left, image[: len(left)])
        seen.add((len(image) - len(left), top))
    assert seen == {(rows, top) for rows in range(1, 9) for top in (True, False)}


# === All of them ===


@pytest.mark.parametrize("name", [*AUGMENTATIONS, "rotation+recaug"])
def test_the_generator_decides(image, name):
    augment = pickle.loads(pickle.dumps(augmentation(name)))
    before = image.copy()
    draws = [augment(image, np.random.default_rng(seed)) for seed in (5, 5, 6, 7, 8, 9)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert any(draw.shape != draws[0].shape or (draw != draws[0]).any() for draw in draws[2:])
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("shape", [(2, 2), (3, 400), (400, 3), (19, 19), (20, 20), (101, 101), (102, 201), (250, 600)])
def test_every_size(name, shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), "uint8")
    augment, rng = augmentation(name), np.random.default_rng(0)
    steps = [augment] * 12 + list(getattr(augment, "effects", {}).values()) * (name == "randaugment")
    for step in steps:
        out = step(image, rng)
        assert out.dtype == np.uint8 and out.ndim == 3 and out.shape[2] == 3 and min(out.shape) > 0


@pytest.mark.parametrize("name", ["recau", "", "recaug+", "recaug,rotation"])
def test_a_name_that_is_none(name):
    with pytest.raises(ValueError, match="There is no augmentation .*recaug, randaugment, rotation"):
        augmentation(name)


# === RandAugment and rotation ===


def test_randaugment_draws_different_operations_and_does_half_of_them(image, monkeypatch):
    counts, rng = [], np.random.default_rng(0)
    monkeypatch.setattr(RandAugment, "_apply", lambda self, operations, image, rng: counts.append(operations))
    for _ in range(2000):
        RandAugment()(image, rng)
    assert all(len(set(operations)) == len(operations) <= 3 for operations in counts)
    assert np.mean([len(operations) for operations in counts]) == pytest.approx(1.5, abs=0.1)
    assert {operation for operations in counts for operation in operations} == set(OPERATIONS)


def test_colours_are_pillows(image):
    """At magnitude 5: the arguments that timm derives."""
    from PIL import Image, ImageEnhance, ImageOps

    picture, effects = Image.fromarray(image), RandAugment().effects
    wanted = {
        "auto_contrast": [ImageOps.autocontrast(picture)],
        "invert": [ImageOps.invert(picture)],
        "posterize": [ImageOps.posterize(picture, 2)],
        "solarize": [ImageOps.solarize(picture, 128)],
        "solarize_add": [picture.point([min(255, v + 55) if v < 128 else v for v in range(256)] * 3)],
        "color": [ImageEnhance.Color(picture).enhance(factor) for factor in (0.55, 1.45)],
        "contrast": [ImageEnhance.Contrast(picture).enhance(factor) for factor in (0.55, 1.45)],
        "brightness": [ImageEnhance.Brightness(picture).enhance(factor) for factor in (0.55, 1.45)],
    }
    for name, pictures in wanted.items():
        ours = effects[name](image, np.random.default_rng(0)).astype(int)
        assert min(abs(ours - np.asarray(picture)).max() for picture in pictures) <= 1, name
    assert effects["equalize"](image, None).mean() == pytest.approx(
        np.asarray(ImageOps.equalize(picture)).mean(), abs=8
    )


def test_warps_are_pillows(image):
    from PIL import Image

    picture, height, width = Image.fromarray(image), 36, 130
    effects = RandAugment().effects

    class Rng:
        def random(self):
            return 0.0

    def affine(*matrix):
        return picture.transform(picture.size, Image.AFFINE, matrix, Image.BILINEAR, fillcolor=(128, 128, 128))

    wanted = {
        "rotate": picture.rotate(15, Image.BILINEAR, expand=True, fillcolor=(128, 128, 128)),
        "shear_x": affine(1, 0.45, 0, 0, 1, 0),
        "shear_y": affine(1, 0, 0, 0.1, 1, 0),
        "translate_x": affine(1, 0, 0.05 * width, 0, 1, 0),
        "translate_y": affine(1, 0, 0, 0, 1, 0.15 * height),
    }
    for name, theirs in wanted.items():
        ours, theirs = effects[name](image, Rng()), np.asarray(theirs)
        assert max(abs(np.subtract(ours.shape, theirs.shape))) <= 1
        rows, columns = (min(sides) for sides in zip(ours.shape, theirs.shape[:2]))
        difference = abs(ours[:rows, :columns].astype(int) - theirs[:rows, :columns])
        assert np.median(difference) <= 2 and difference.mean() < 6, name


def test_poisson_noise_has_both_signs_and_no_colour(image):
    grey = np.full_like(image, 128)
    noise = RandAugment().effects["poisson_noise"](grey, np.random.default_rng(0)).astype(int) - 128
    assert (noise == noise[..., :1]).all()
    assert abs(noise).mean() == pytest.approx(21, abs=1.5) and abs(noise.mean()) < 1.5


def test_a_quarter_turn_is_exact(image):
    matrix, size = rotated(36, 130, 90)
    np.testing.assert_array_equal(warp_affine(image, matrix, size, None), np.rot90(image))


def test_rotation_keeps_all_of_the_image(image):
    high, wide = Rotation(40)(image, np.random.default_rng(0)).shape[:2]
    assert high > 36 and wide <= 131 + 36


# === The preview ===


def test_the_preview_shows_each_effect_and_all_together(image):
    shown = sheet([image, image[:, :60]], "recaug", draws=2)
    assert shown.dtype == np.uint8
    assert shown.shape[1] == (1 + 7 + 2) * (5 * 32 + 6)
    assert sheet([image], Rotation(), draws=3).shape[1] == 4 * (5 * 32 + 6)
    np.testing.assert_array_equal(sheet([image], RecAug(), seed=4), sheet([image], RecAug(), seed=4))
    with pytest.raises(ValueError, match="no augmentation 'recau'"):
        sheet([image], "recau")
