import copy
import dataclasses
import math
import string

import cv2
import numpy as np
import pytest

from keras_textrec.synthesis import Font, WordRenderer, colour, render
from keras_textrec.synthesis.camera import jpeg, jpeg_round, photograph
from keras_textrec.synthesis.dice import Dice
from keras_textrec.synthesis.geometry import view
from keras_textrec.synthesis.paint import BLENDS, paint

pytestmark = pytest.mark.once

WORDS = ["Hotel", "street", "open", "bakery", "international", "a"]
LUMA = np.array([0.299, 0.587, 0.114])


def dice(seed=0, hardness=1.0):
    dice = Dice(seed)
    dice.hardness = hardness
    return dice


def test_image_depends_on_seed_and_index_only(fonts):
    first, second = WordRenderer(fonts, WORDS, seed=4), WordRenderer(fonts, WORDS, seed=4)
    for index in (7, 0, 123_456):
        second.render(index + 1)  # what was rendered before does not matter
        one, other = first.render(index), second.render(index)
        assert one.text == other.text == first.text(index)
        assert np.array_equal(one.image, other.image) and np.array_equal(one.boxes, other.boxes)
        assert first.render_jpeg(index).image == second.render_jpeg(index).image
    assert first.render(0).image.tobytes() != WordRenderer(fonts, WORDS, seed=5).render(0).image.tobytes()


@pytest.mark.parametrize("difficulty", [0.0, 0.5, 1.0])
def test_images_are_word_crops(fonts, difficulty):
    renderer = WordRenderer(fonts, WORDS, difficulty=difficulty)
    for index in range(150):
        image, text, boxes = renderer.render(index)
        assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
        assert 14 <= image.shape[0] <= 96 and 8 <= image.shape[1] <= 320
        assert image.max() > image.min()
        assert boxes.shape == (len(text), 4, 2) and boxes.dtype == np.float32
        code, same, _ = renderer.render_jpeg(index)
        decoded = cv2.imdecode(np.frombuffer(code, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
        assert same == text and decoded.shape == image.shape
        assert np.abs((decoded.astype(float) - image) @ LUMA).mean() < 15  # JPEG halves the colours


def test_easy_images_have_contrast(fonts):
    renderer = WordRenderer(fonts, WORDS, difficulty=0.0)
    for index in range(100):
        image, text, _ = renderer.render(index)
        assert np.ptp(image @ LUMA) > 80 and text.isalpha() and len(text) <= 6


def boxes_fit(image, boxes):
    """Whether all that differs from the ground lies in the boxes or beside them, and no box is empty."""
    difference = np.abs(image.astype(int) - np.median(image, axis=(0, 1))).sum(2) > 150
    inside = np.zeros(image.shape[:2], np.uint8)
    for box in boxes:
        one = cv2.fillConvexPoly(np.zeros_like(inside), np.rint(box).astype(np.int32), 1)
        if not difference[one > 0].any():
            return False
        inside |= one
    inside = cv2.dilate(inside, np.ones((7, 7), np.uint8))
    return not (difference & (inside == 0)).any()


@pytest.mark.parametrize("direction", ["across", "stacked", "up", "down", "turned"])
@pytest.mark.parametrize("bent", [False, True])
def test_boxes_hold_the_characters(fonts, direction, bent):
    plain = {"across": 0, "stacked": 0, "up": 0, "down": 0, "turned": 0, direction: 1}
    effects = {"arc": {"p": 1.0}, "wave": {"p": 1.0}, "elastic": {"p": 1.0}} if bent else {}
    renderer = WordRenderer(fonts, ["Hamburg", "Exit"], layout={"directions": plain, **effects})
    config = renderer.config
    for effect in (config.layout.rim, config.layout.neighbours, config.layout.underline, config.colour.low):
        effect.p = 0.0
    for name in ("texture", "shading", "things", "board", "occlusion", "opacity", "blend"):
        getattr(config.colour, name).p = 0.0
    for name in ("light", "vignette", "glare", "exposure", "blur", "noise", "enlarged", "jpeg"):
        getattr(config.camera, name).p = 0.0
    config.colour.contrast, config.text.kinds = [150, 150], {"word": 1}
    config.view.height.limits, config.view.rim.cut, config.view.rim.tight = [64, 64], 0.0, 0.2
    words = [renderer.render(index) for index in range(20)]
    assert sum(boxes_fit(word.image, word.boxes) for word in words) >= 17
    tall = [word.image.shape[0] > word.image.shape[1] for word in words]
    assert all(tall) if direction in ("stacked", "up", "down") else not any(tall)


def test_reading_direction_of_boxes(fonts):
    """Upwards the first letter is the lowest, and its upper left corner lies at the bottom left."""
    for direction, place, sign in (("across", 0, 1), ("up", 1, -1), ("down", 1, 1), ("turned", 0, -1)):
        kinds = {"across": 0, direction: 1}
        boxes = WordRenderer(fonts, ["Hamburg"], layout={"directions": kinds}, difficulty=0.0).render(0).boxes
        middles = boxes.mean(1)
        assert (sign * np.diff(middles[:, place]) > 0).all()
        assert (sign * (boxes[:, 1, place] - boxes[:, 0, place]) > 0).all()


@pytest.mark.parametrize("effect", ["layout.bold", "layout.spacing", "layout.jitter", "layout.elastic", "layout.wave",
                                    "layout.rim", "colour.blend", "colour.occlusion", "colour.board", "colour.relief",
                                    "view.perspective", "view.foreshortening", "camera.vignette", "camera.noise",
                                    "camera.enlarged"])  # fmt: skip
def test_every_effect_can_be_left_out_and_made_sure(fonts, effect):
    """Each alone changes what is drawn."""
    images = [WordRenderer(fonts, ["Hamburg"], text={"kinds": {"word": 1e9}}, **{f"{effect}.p": p}) for p in (0.0, 1.0)]
    assert any(images[0].render(n).image.tobytes() != images[1].render(n).image.tobytes() for n in range(3))


def test_fonts_of_another_script():
    latin = [Font("latin.ttf", "latin", frozenset("abc"))]
    with pytest.raises(ValueError, match="No font has the characters"):
        WordRenderer(latin, ["дом"], charset="дом").render(0)


def test_characters_that_no_font_has_are_told(fonts, caplog):
    WordRenderer(fonts, ["abc"], charset="abc\U00010330")
    assert "No image will show 𐌰, which no font here has" in caplog.text


def test_joined_letters_need_raqm(fonts, monkeypatch):
    monkeypatch.setattr(render.features, "check", lambda name: False)
    with pytest.raises(ValueError, match="need a Pillow with Raqm"):
        WordRenderer(fonts, ["شارع"], charset="شارع")


def test_joined_letters_are_never_stacked(fonts):
    """Letter below letter they would not join, and a line that runs from right to left would not run from the top."""
    stacked = {"directions": {"across": 0, "stacked": 1}}
    for text, is_stacked in (("abcd", True), ("שלום", False)):
        font = Font(fonts[0].path, fonts[0].family, frozenset(text))
        word = WordRenderer([font], [text], charset=text, layout=stacked, text={"kinds": {"word": 1e9}}).render(0)
        assert (word.image.shape[0] > 2 * word.image.shape[1]) == is_stacked


def test_words_and_charsets_are_composed(fonts):
    font = Font(fonts[0].path, fonts[0].family, frozenset("café"))
    renderer = WordRenderer([font], ["cafe\u0301"], charset="cafe\u0301", text={"kinds": {"word": 1e9}})
    assert renderer.texts.charset == set("café")
    assert {renderer.text(index).lower() for index in range(5)} == {"café"}


def test_the_charset_may_be_the_name_of_a_list(fonts, tmp_path):
    assert WordRenderer(fonts, ["abc"], charset="alphanumeric").texts.charset == set(
        string.digits + string.ascii_lowercase
    )
    (tmp_path / "chars.txt").write_text("a\nb\n", "utf-8")
    assert WordRenderer(fonts, ["ab"], charset=str(tmp_path / "chars.txt")).texts.charset == {"a", "b"}
    with pytest.raises(FileNotFoundError, match="There is no charset file 'chars.txt'"):
        WordRenderer(fonts, ["ab"], charset="chars.txt")


def test_a_font_of_capitals_labels_capitals(fonts):
    capitals = [dataclasses.replace(font, caps=True) for font in fonts]
    texts = [WordRenderer(capitals, WORDS).text(index) for index in range(60)]
    assert all(text == text.upper() for text in texts)
    lower = [WordRenderer(capitals, WORDS, charset="abcdefghijklmnopqrstuvwxyz").text(index) for index in range(20)]
    assert all(text == text.lower() for text in lower)


def test_view_without_hardness_only_scales(config):
    section = copy.deepcopy(config.view)
    section.aspect.shift = 0.0
    section.height.limits = [32, 32]
    matrix, (width, height), line = view(200, 50, dice(1, 0.0), section)
    corners = cv2.perspectiveTransform(np.array([[[0, 0], [200, 0], [200, 50], [0, 50]]], np.float32), matrix)[0]
    assert height == line == 32 and (corners >= -1e-3).all() and (corners <= (width + 1e-3, height + 1e-3)).all()
    assert corners[0][1] == pytest.approx(corners[1][1]) and corners[0][0] == pytest.approx(corners[3][0])
    assert (corners[1][0] - corners[0][0]) / (corners[3][1] - corners[0][1]) == pytest.approx(4, rel=0.05)


def test_view_keeps_the_word_in_the_crop(config):
    for seed in range(300):
        draws = dice(seed)
        width = draws.uniform(10, 400)
        matrix, size, _ = view(width, 40, draws, config.view)
        ends = np.array([[[0, 0], [width, 0], [width, 40], [0, 40]]], np.float32)
        corners = cv2.perspectiveTransform(ends, matrix)[0]
        # Cuts take at most a twentieth of the height.
        assert (corners >= -0.06 * size[1]).all() and (corners <= np.array(size) + 0.06 * size[1]).all()


@pytest.mark.parametrize(("hardness", "least"), [(0.0, 110), (1.0, 20)])
def test_colours_differ(config, hardness, least):
    draws, steps = dice(hardness=hardness), []
    for _ in range(500):
        pair = colour.colour_pair(draws, config.colour)
        assert all(0 <= value <= 255 for one in pair for value in one)
        steps.append(colour.contrast(*pair))
    assert min(steps) >= least - 0.5
    if hardness:
        assert min(steps) < 60  # low contrast happens too


def test_surface_is_calmer_than_the_contrast(config):
    grey = np.full(3, 120, np.float32)
    for seed in range(200):
        plane = colour.surface(32, 100, grey, dice(seed), config.colour, contrast=30)
        assert plane.shape == (32, 100, 3) and plane.dtype == np.float32
        assert plane.std(axis=(0, 1)).max() < 25


@pytest.mark.parametrize("kind", BLENDS)
def test_blended_text_is_seen(config, kind):
    section = copy.deepcopy(config.colour)
    section.blend.p, section.blend.kinds, section.occlusion.p, section.things.p = 1.0, {kind: 1}, 0.0, 0.0
    alpha = np.zeros((32, 96, 1), np.float32)
    alpha[8:24, 8:88] = 1
    for seed in range(60):
        scene, _ = paint(alpha, 16, dice(seed), section)
        grey = np.clip(scene, 0, 255) @ LUMA
        around = np.concatenate([grey[4:8, 8:88].mean(0), grey[24:28, 8:88].mean(0)]).mean()
        assert np.abs(grey[8:24, 8:88] - around).mean() > 8


@pytest.fixture
def plain(config):
    """Paints a word, letters of 8 x 16 pixels, by the section `colour` without effects but the given: the scene."""

    def painted(seed: int, width: int = 120, **effects: dict) -> np.ndarray:
        section = copy.deepcopy(config.colour)
        for name, effect in vars(section).items():
            if hasattr(effect, "p"):
                vars(effect).update({"p": 0.0} | effects.get(name, {}))
        alpha = np.zeros((32, width, 1), np.float32)
        for left in range(8, width - 8, 12):
            alpha[8:24, left : left + 8] = 1
        return paint(alpha, 16, dice(seed), section)[0]

    return painted


@pytest.mark.parametrize("kind", ["pole", "worn"])
def test_an_occlusion_is_no_wider_than_a_letter(plain, kind):
    occlusion = {"p": 1.0, "kinds": {kind: 1}}
    changed = 0
    for seed in range(40):
        before, after = plain(seed), plain(seed, occlusion=occlusion)
        columns = np.flatnonzero(np.abs(after - before).max((0, 2)) > 1)
        if len(columns):
            changed += 1
            soft, slope = 0.15 * 16, 0.2 * 32
            assert np.ptp(columns) <= 0.45 * 16 + soft + slope
        if kind == "worn":  # it comes nearer to the ground, and what is ground stays as it is
            ground = before[0, 0]
            assert (np.abs(after - ground) <= np.abs(before - ground) + 1e-3).all()
        # Of so short a word too little would be left.
        assert np.array_equal(plain(seed, 32), plain(seed, 32, occlusion=occlusion))
    assert changed > 20


@pytest.mark.parametrize("kind", ["painted", "bare", "outlined"])
def test_relief_lights_one_side_of_letters(plain, kind):
    for seed in range(20):
        relief = {"p": 1.0, "kinds": {kind: 1}, "height": [0.0, 0.0], "strength": [40, 40]}
        before, after = plain(seed), plain(seed, relief=relief)
        ground, text = before[0, 0], before[16, 12]
        # Within a letter and far from all there is the paint, or the ground.
        assert after[16, 12] == pytest.approx(text if kind == "painted" else ground, abs=3)
        assert after[2, 60] == pytest.approx(ground, abs=1)
        change = (after - before if kind == "painted" else after - ground) @ LUMA
        if kind != "outlined":
            assert change.max() == pytest.approx(40, abs=0.1) or change.min() == pytest.approx(-40, abs=0.1)
            assert change.max() > 10 and change.min() < -10
        else:
            assert (change * np.sign((text - ground) @ LUMA)).max() > 40


@pytest.mark.parametrize("text", [(200, 100, 40), (20, 10, 4)])
def test_sides_have_the_colour_of_the_text(config, monkeypatch, text):
    text, ground = np.float32(text), np.zeros(3, np.float32)
    monkeypatch.setattr(colour, "colour_pair", lambda *_: (text, ground))
    monkeypatch.setattr(
        colour, "surface", lambda height, width, tone, *_: np.full((height, width, 3), tone, np.float32)
    )
    section = copy.deepcopy(config.colour)
    section.sides.p, section.things.p, section.occlusion.p, section.grey.p = 1.0, 0.0, 0.0, 0.0
    alphas = np.zeros((8, 8, 3), np.float32)
    alphas[2, 2, 1] = 1  # a rim alone
    for seed in range(20):
        side = paint(alphas, 8, dice(seed), section)[0][2, 2]
        if text @ LUMA > 60:  # darker, of the same hue; half transparent at most
            assert side == pytest.approx(text * (side[0] / text[0]), rel=1e-3)
            assert 0.5 * 0.35 <= side[0] / text[0] <= 0.8
        else:
            assert (side > text).all()


def test_photographs_give_colours_and_textures(fonts, tmp_path):
    generator = np.random.default_rng(0)
    for n in range(3):
        photo = cv2.resize(generator.integers(0, 255, (12, 16, 3), dtype=np.uint8), (160, 120))
        cv2.imwrite(str(tmp_path / f"{n}.png"), photo)
    (tmp_path / "notes.txt").write_text("no photograph")
    folder = {"colour.photos": {"folder": str(tmp_path), "p": 1.0}}
    first, second = (WordRenderer(fonts, WORDS, **folder) for _ in range(2))
    assert first.render(3).image.tobytes() == second.render(3).image.tobytes()
    assert first.render(3).image.tobytes() != WordRenderer(fonts, WORDS).render(3).image.tobytes()


@pytest.mark.parametrize("make", [False, True])
def test_a_folder_without_photographs(fonts, tmp_path, make):
    if make:
        (tmp_path / "photos").mkdir()
    with pytest.raises(FileNotFoundError, match="photos holds no photograph"):
        WordRenderer(fonts, WORDS, **{"colour.photos.folder": str(tmp_path / "photos")})


@pytest.mark.parametrize("size", [(16, 8), (64, 320), (200, 700)])
def test_photographs_of_any_size(config, size):
    scene = np.full((*size, 3), 128, np.float32)
    for seed in range(100):
        photo = photograph(scene, np.ones((*size, 1), np.float32), (128, 200), size[0], dice(seed), config.camera)
        assert photo.shape == scene.shape and photo.dtype == np.uint8


def test_no_light_hides_the_text(config):
    """White on near white, where glare would end the difference."""
    section = copy.deepcopy(config.camera)
    section.glare.p, section.glare.strength, section.exposure.p = 1.0, [300, 300], 1.0
    section.blur.p = section.noise.p = section.noise.least = section.enlarged.p = section.jpeg.p = 0.0
    section.lens.kinds = {"sharp": 1}
    alpha = np.zeros((32, 128, 1), np.float32)
    alpha[:, ::2] = 1
    scene = 225 + 25 * alpha.repeat(3, 2)
    for seed in range(50):
        photo = photograph(scene, alpha, (250, 225), 32, dice(seed), section) @ LUMA
        assert all((part[:, ::2] - part[:, 1::2]).mean() > 10 for part in np.array_split(photo, 4, axis=1))


def test_jpeg_keeps_red_red():
    red = np.zeros((32, 64, 3), np.uint8)
    red[:, :, 0] = 200
    decoded = cv2.imdecode(np.frombuffer(jpeg(red, 90), np.uint8), cv2.IMREAD_COLOR)
    assert decoded[0, 0, 2] > 190 and decoded[0, 0, 0] < 10
    assert math.isclose(jpeg_round(red, 90)[0, 0, 0], 200, abs_tol=8)


def test_signs_from_the_side_are_narrow(config):
    """By the cosine, on average over near and far ends."""
    section = copy.deepcopy(config.view)
    section.aspect.shift = section.aspect.deviation = section.foreshortening.above = 0.0
    for name in ("turn", "far_turn", "slant", "climb", "perspective"):
        getattr(section, name).p = 0.0
    section.foreshortening.p, section.foreshortening.degrees, section.foreshortening.distance = 1.0, [60, 60], [5, 5]
    for seed in range(20):
        matrix, _, _ = view(200, 50, dice(seed), section)
        ends = np.array([[[0, 0], [200, 0], [200, 50], [0, 50]]], np.float32)
        upper_left, upper_right, lower_right, lower_left = cv2.perspectiveTransform(ends, matrix)[0]
        heights = [lower_left[1] - upper_left[1], lower_right[1] - upper_right[1]]
        assert (upper_right[0] - upper_left[0]) / np.mean(heights) == pytest.approx(2, rel=0.05)
        assert max(heights) / min(heights) == pytest.approx(1.19, abs=0.02)


def test_the_crop_of_a_slanted_word_is_higher_than_its_line(config):
    section = copy.deepcopy(config.view)
    section.height.limits, section.height.deviation, section.rim.cut = [14, 400], 0.0, 0.0
    section.far_turn.p, section.far_turn.degrees, section.foreshortening.p = 1.0, [50, 50], 0.0
    seen = view(100, 50, dice(3), section)
    level = section.height.median
    assert level < seen.size[1] <= section.height.slanted * level and seen.line < 0.8 * seen.size[1]
    assert seen.overhang(100, 50) > 20  # the corners
    board = seen.board(-5, -5, 105, 55)
    assert board.shape == (*seen.size[::-1], 1) and board[0, 0] == board[-1, -1] == 0 and board.mean() > 0.3


def test_thin_strokes_stay_whole_when_they_become_small(config):
    """Far below a pixel, where a warp alone would lose some of them."""
    section = copy.deepcopy(config.view)
    section.height.limits = [8, 8]
    stripes = np.zeros((128, 512), np.uint8)
    stripes[:, ::16] = 255
    seen = view(512, 128, dice(0, 0.0), section)
    inside = cv2.erode(seen.warp(np.full_like(stripes, 255), 0), np.ones((3, 3))) == 255
    shown = seen.warp(stripes, 0)[:, :, 0][inside].astype(float)
    assert shown.mean() == pytest.approx(255 / 16, rel=0.15) and shown.std() < 8


def test_enlarged_photos_are_soft(config):
    section = copy.deepcopy(config.camera)
    for name in ("light", "vignette", "glare", "exposure", "blur", "noise", "jpeg"):
        getattr(section, name).p = 0.0
    section.noise.least = 0.0
    section.lens.kinds, section.enlarged.pixels, section.enlarged.quality = {"sharp": 1}, [12, 12], [90, 90]
    scene = np.zeros((48, 96, 3), np.float32)
    scene[:, ::16] = scene[:, 1::16] = 200
    steps = []
    for p in (0.0, 1.0):
        section.enlarged.p = p
        photo = photograph(scene, scene[:, :, :1] / 200, (200, 0), 48, dice(1), section).astype(float)
        steps.append(np.abs(np.diff(photo, axis=1)).max())
    assert steps[0] == 200 and steps[1] < 60
