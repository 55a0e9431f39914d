import pickle
import random

import cv2
import numpy as np
import pytest

from keras_textrec.data.augment import AUGMENTATIONS, RandAugment, RecAug, Rotation, augmentation, augmented
from keras_textrec.data.augment import recaug as rec
from keras_textrec.data.augment.randaugment import OPERATIONS
from keras_textrec.data.augment.warp import Warp, chained, rotated, warp_affine, warp_mls
from keras_textrec.data.preview import sheet

pytestmark = pytest.mark.once


@pytest.fixture
def image():
    noise = np.random.default_rng(3).integers(0, 256, (36, 130, 3), "uint8")
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 10, 245, cv2.NORM_MINMAX)


# === RecAug against the published numbers ===


class Published:
    """Gives the fractions of `end` that the published code draws, seeded as the fixtures are."""

    def __init__(self, seed, end):
        self.numpy, self.end = np.random.RandomState(seed), end

    def random(self, size):
        return (self.numpy.randint(self.end, size=size) + 0.5) / self.end


@pytest.fixture
def published_input(rule):
    return rule.synth_images(1, 32, 100, 7100)[0]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name, end", [("distort", 100 // 4 // 3), ("stretch", 100 // 4 * 4 // 5), ("perspective", 16)])
def test_tia_is_the_published_warp(parts, published_input, name, end, seed):
    sizes = [32], [100], [4]
    warp = getattr(rec, name)(*map(np.array, sizes[: 2 if name == "perspective" else 3]), Published(seed, end))
    ours, theirs = warp_mls([published_input], [warp])[0].astype(int), parts[1][f"aug.{name}.{seed}"]
    assert set(np.unique(ours - theirs)) <= {0, 1}  # they cut where we round


def test_recaug_is_the_published_one(parts, published_input):
    """The seed whose draws choose nothing but HSV, jitter and inversion."""
    python = random.Random(0)
    assert not any(python.random() <= RecAug().probability for _ in (rec.tia, rec.crop, rec.blur))
    image, theirs = published_input.astype(int), parts[1]["aug.recaug.0"].astype(int)
    assert np.percentile(np.minimum(abs(image - theirs), abs(255 - image - theirs)), 99) <= 6


def test_a_chain_of_warps_is_nearly_one_after_the_other(image):
    rng = np.random.default_rng(1)
    height, width, segments = np.full(10, 36), np.full(10, 130), np.full(10, 4)
    warps = [
        rec.distort(height, width, segments, rng),
        rec.stretch(height, width, segments, rng),
        rec.perspective(height, width, rng),
    ]
    once, twice = np.array(warp_mls([image] * 10, warps), int), [image] * 10
    for warp in warps:
        twice = warp_mls(twice, [warp])
    assert np.mean(abs(once - twice)) < 0.25 * np.mean(abs(once - image))


def test_points_go_where_they_are_to():
    picture = np.zeros((41, 101, 3), "uint8")
    picture[10:13, 60:63] = 255
    corners = np.array([[0, 101, 101 + 41j, 41j, 30 + 20j]])
    used = np.array([[True, True, True, True, False]])
    moved = warp_mls([picture], [Warp(corners, corners + np.where(used, 7 + 4j, 50), used)])[0]
    y, x = np.nonzero(moved[..., 0] > 200)
    assert (y.mean(), x.mean()) == pytest.approx((15, 68), abs=0.3)


def test_images_are_warped_among_others_as_alone(image):
    """Of several sizes, so with several numbers of nodes; one of them stays as it is."""
    images = [image, image[:20, :30].copy(), np.tile(image, (4, 2, 1)), image[:, :101].copy()]
    rng = np.random.default_rng(0)
    height, width = np.array([image.shape[:2] for image in images]).T
    warps = [rec.distort(height, width, np.array([3, 4, 5, 6]), rng), rec.stretch(height, width, np.full(4, 3), rng)]
    for warp in warps:
        warp.used[1] = False
    together = warp_mls(images, warps)
    for i, image in enumerate(images):
        alone = warp_mls([image], [Warp(*(part[i : i + 1] for part in warp)) for warp in warps])[0]
        assert abs(together[i].astype(int) - alone).max() <= 1
        assert (together[i] == image).all() == (i == 1)


def test_noise_and_hsv_lower_values_by_one(image):
    rng = np.random.default_rng(0)
    fallen = image.astype(int) - rec.noise([image], rng)[0]
    assert set(np.unique(fallen)) == {0, 1} and abs(fallen.mean() - 0.5) < 0.02
    assert {int((image - fallen).max()) for fallen in rec.hsv([image] * 20, rng)} == {0, 1}
    assert not rec.noise([np.zeros_like(image)], rng)[0].any()


def test_a_crop_takes_one_to_eight_rows_of_an_end(image):
    rng, seen = np.random.default_rng(0), set()
    for left in rec.crop([image] * 200, rng):
        top = np.array_equal(left, image[len(image) - len(left) :])
        assert top or np.array_equal(left, image[: len(left)])
        seen.add((len(image) - len(left), top))
    assert seen == {(rows, top) for rows in range(1, 9) for top in (True, False)}
    assert rec.crop([image[:19]], rng)[0].shape == (19, 130, 3)


def test_jitter_doubles_the_first_rows_and_columns():
    image = np.random.default_rng(0).integers(0, 256, (400, 450, 3), "uint8")

    class Rng:
        def random(self):
            return 0.9

    jittered = rec.jitter([image], Rng())[0]  # by 1, then by 2
    np.testing.assert_array_equal(jittered[2:, 2:], image[:-2, :-2])
    np.testing.assert_array_equal(jittered[1, 1:], image[0, :-1])
    np.testing.assert_array_equal(rec.jitter([image[:199]], Rng())[0], image[:199])


def test_each_step_of_recaug_happens_by_its_own_probability(image, monkeypatch):
    counts = {}

    def counting(name):
        return lambda images, rng: [counts.update({name: counts.get(name, 0) + 1}) or image for image in images]

    monkeypatch.setattr(rec, "STEPS", tuple(counting(step.__name__) for step in rec.STEPS))
    RecAug().batch([image] * 5000, np.random.default_rng(0))
    assert len(counts) == 7 and all(count == pytest.approx(2000, abs=150) for count in counts.values())


# === All of them ===


@pytest.mark.parametrize("name", [*AUGMENTATIONS, "rotation+recaug"])
def test_the_generator_decides(image, name):
    augment = pickle.loads(pickle.dumps(augmentation(name)))
    before = image.copy()
    draws = [augment(image, np.random.default_rng(seed)) for seed in (5, 5, 6, 7, 8, 9)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert any(draw.shape != draws[0].shape or (draw != draws[0]).any() for draw in draws[2:])
    batches = [augmented([image, image[:, :60]] * 4, augment, np.random.default_rng(5)) for _ in "ab"]
    for draw, same in zip(*batches, strict=True):
        np.testing.assert_array_equal(draw, same)
    assert len({draw.tobytes() for draw in batches[0]}) > 4
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


def test_two_turns_are_one(image):
    first, size = rotated(36, 130, 50)
    second, size = rotated(*size, -50)
    there_and_back = warp_affine(image, chained(second, first), size, None)
    top, left = (size[0] - 36) // 2, (size[1] - 130) // 2
    assert abs(there_and_back[top : top + 36, left : left + 130].astype(int) - image).mean() < 10
    assert chained((1, 2, 3, 4, 5, 6), (2, 0, 1, 0, 3, -1)) == (2, 4, 7, 12, 15, 17)


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
