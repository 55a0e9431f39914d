import dataclasses
import math
import random

import cv2
import numpy as np
import pytest

from keras_textrec.synthesis import Font, WordRenderer, colour
from keras_textrec.synthesis.camera import jpeg, jpeg_round, photograph
from keras_textrec.synthesis.geometry import view
from keras_textrec.synthesis.layout import bend, draw_text

WORDS = ["Hotel", "street", "open", "bakery", "international", "a"]


def test_image_depends_on_seed_and_index_only(fonts):
    first, second = WordRenderer(fonts, WORDS, seed=4), WordRenderer(fonts, WORDS, seed=4)
    for index in (7, 0, 123_456):
        second.render(index + 1)  # what was rendered before does not matter
        (image, text), (again, same) = first.render(index), second.render(index)
        assert text == same and np.array_equal(image, again)
        assert first.render_jpeg(index) == second.render_jpeg(index)
    assert first.render(0)[0].tobytes() != WordRenderer(fonts, WORDS, seed=5).render(0)[0].tobytes()


@pytest.mark.parametrize("difficulty", [0.0, 0.5, 1.0])
def test_images_are_word_crops(fonts, difficulty):
    renderer = WordRenderer(fonts, WORDS, difficulty=difficulty)
    for index in range(150):
        image, text = renderer.render(index)
        assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
        assert 16 <= image.shape[0] <= 64 and 8 <= image.shape[1] <= 320
        assert image.max() > image.min()
        code, same = renderer.render_jpeg(index)
        decoded = cv2.imdecode(np.frombuffer(code, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
        assert same == text and decoded.shape == image.shape
        assert np.abs((decoded.astype(float) - image) @ (0.299, 0.587, 0.114)).mean() < 10  # JPEG halves the colours


def test_easy_images_have_contrast(fonts):
    renderer = WordRenderer(fonts, WORDS, difficulty=0.0)
    for index in range(100):
        image, text = renderer.render(index)
        grey = image @ np.array([0.299, 0.587, 0.114])
        assert np.ptp(grey) > 80 and text.isalpha() and len(text) <= 6


def test_difficulty_outside_range(fonts):
    with pytest.raises(ValueError, match="difficulty is 2"):
        WordRenderer(fonts, WORDS, difficulty=2)


def test_fonts_of_another_script():
    latin = [Font("latin.ttf", "latin", frozenset("abc"))]
    with pytest.raises(ValueError, match="No font has the characters"):
        WordRenderer(latin, ["дом"], "дом").render(0)


def test_a_font_of_capitals_labels_capitals(fonts):
    capitals = [dataclasses.replace(font, caps=True) for font in fonts]
    texts = [WordRenderer(capitals, WORDS).render(index)[1] for index in range(60)]
    assert all(text == text.upper() for text in texts)
    lower = [WordRenderer(capitals, WORDS, "abcdefghijklmnopqrstuvwxyz").render(index)[1] for index in range(20)]
    assert all(text == text.lower() for text in lower)


def test_ink_touches_its_borders(fonts):
    for seed in range(60):
        ink = draw_text("Typing", fonts[0].load(40), random.Random(seed))
        assert ink[0].any() and ink[-1].any() and ink[:, 0].any() and ink[:, -1].any()


@pytest.mark.parametrize("angle", [0.3, -0.3, 1.5, -1.5])
def test_bend_keeps_the_ink(fonts, angle):
    ink = draw_text("HHHHHH", fonts[0].load(40), random.Random(0), 0.0)
    bent = bend(ink, angle)
    assert bent.mean() * bent.size == pytest.approx(ink.mean() * ink.size, rel=0.05)
    assert bent.shape[0] > ink.shape[0]
    # Up: the middle stands higher than the ends.
    rows = [np.flatnonzero(part.any(1)).mean() for part in np.array_split(bent, 5, axis=1)]
    assert (rows[2] < min(rows[0], rows[4])) == (angle > 0)


def test_view_without_hardness_only_scales():
    matrix, (width, height) = view(200, 50, 32, random.Random(1), hardness=0.0)
    corners = cv2.perspectiveTransform(np.array([[[0, 0], [200, 0], [200, 50], [0, 50]]], np.float32), matrix)[0]
    assert height == 32 and (corners >= -1e-3).all() and (corners <= (width + 1e-3, height + 1e-3)).all()
    assert corners[0][1] == pytest.approx(corners[1][1]) and corners[0][0] == pytest.approx(corners[3][0])
    assert (corners[1][0] - corners[0][0]) / (corners[3][1] - corners[0][1]) == pytest.approx(4, rel=0.05)


def test_view_keeps_the_word_in_the_crop():
    for seed in range(300):
        rng = random.Random(seed)
        width = rng.uniform(10, 400)
        matrix, size = view(width, 40, 32, rng)
        ends = np.array([[[0, 0], [width, 0], [width, 40], [0, 40]]], np.float32)
        corners = cv2.perspectiveTransform(ends, matrix)[0]
        # Cuts take at most a twentieth of the height.
        assert (corners >= -2).all() and (corners <= np.array(size) + 2).all()


@pytest.mark.parametrize(("hardness", "least"), [(0.0, 110), (1.0, 22)])
def test_colours_differ(hardness, least):
    rng = random.Random(0)
    steps = []
    for _ in range(500):
        pair = colour.colour_pair(rng, hardness)
        assert all(0 <= value <= 255 for one in pair for value in one)
        steps.append(colour.contrast(*pair))
    assert min(steps) >= least - 0.5
    if hardness:
        assert min(steps) < 60  # low contrast happens too


def test_surface_is_calmer_than_the_contrast():
    grey = np.full(3, 120, np.float32)
    for seed in range(200):
        plane = colour.surface(32, 100, grey, random.Random(seed), contrast=30)
        assert plane.shape == (32, 100, 3) and plane.dtype == np.float32
        assert plane.std(axis=(0, 1)).max() < 25


@pytest.mark.parametrize("size", [(16, 8), (64, 320), (200, 700)])
def test_photographs_of_any_size(size):
    scene = np.full((*size, 3), 128, np.float32)
    for seed in range(100):
        photo = photograph(scene, random.Random(seed))
        assert photo.shape == scene.shape and photo.dtype == np.uint8


def test_jpeg_keeps_red_red():
    red = np.zeros((32, 64, 3), np.uint8)
    red[:, :, 0] = 200
    decoded = cv2.imdecode(np.frombuffer(jpeg(red, 90), np.uint8), cv2.IMREAD_COLOR)
    assert decoded[0, 0, 2] > 190 and decoded[0, 0, 0] < 10
    assert math.isclose(jpeg_round(red, 90)[0, 0, 0], 200, abs_tol=8)
