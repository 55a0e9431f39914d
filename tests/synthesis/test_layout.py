import copy

import numpy as np
import pytest
from PIL import Image, ImageDraw

from keras_textrec.synthesis.dice import Dice
from keras_textrec.synthesis.font import drawn
from keras_textrec.synthesis.layout import draw_text, needs_shaping
from keras_textrec.text.direction import to_visual

pytestmark = pytest.mark.once


def dice(seed=0, hardness=1.0):
    dice = Dice(seed)
    dice.hardness = hardness
    return dice


def only(config, **chances):
    """The layout with these effects alone."""
    layout = copy.deepcopy(config.layout)
    for name, section in vars(layout).items():
        if hasattr(section, "p"):
            section.p = chances.get(name, 0.0)
    return layout


def test_ink_touches_its_borders(config, fonts):
    for seed in range(60):
        ink, boxes = draw_text("Typing", fonts[0], dice(seed), config.layout)
        assert ink[0].any() and ink[-1].any() and ink[:, 0].any() and ink[:, -1].any()
        assert boxes.shape == (6, 4, 2)


def test_boxes_of_a_plain_row(config, fonts):
    ink, boxes = draw_text("Ein Wort", fonts[0], dice(hardness=0), config.layout)
    for char, box in zip("Ein Wort", np.rint(boxes).astype(int)):
        (left, top), (right, bottom) = box[0], box[2]
        if char == " ":
            assert not ink[:, left + 1 : right - 1].any() and bottom - top >= len(ink) - 1
        else:
            part = ink[max(0, top) : bottom, max(0, left) : right]
            # As high as the ink, as wide as the advance.
            assert part[0].any() and part[-1].any() and part.any(0).mean() > 0.4


@pytest.mark.parametrize("sign", [1, -1])
def test_an_arc_keeps_the_ink_and_bends_it(config, fonts, sign, monkeypatch):
    monkeypatch.setattr(Dice, "sign", lambda self: sign)
    straight, _ = draw_text("HHHHHH", fonts[0], dice(hardness=0), config.layout)
    layout = only(config, arc=1.0)
    layout.arc.degrees = [60, 60]
    bent, boxes = draw_text("HHHHHH", fonts[0], dice(), layout)
    assert bent.mean() * bent.size == pytest.approx(straight.mean() * straight.size, rel=0.05)
    assert bent.shape[0] > straight.shape[0]
    # Up: the middle stands higher than the ends, in the ink and in the boxes.
    rows = [np.flatnonzero(part.any(1)).mean() for part in np.array_split(bent, 5, axis=1)]
    assert (rows[2] < min(rows[0], rows[4])) == (sign > 0)
    middles = boxes.mean(1)[:, 1]
    assert (middles[2] < min(middles[0], middles[5])) == (sign > 0)


@pytest.mark.parametrize("effect", ["wave", "elastic"])
def test_boxes_follow_the_ink(config, fonts, effect):
    layout = only(config, **{effect: 1.0})
    for seed in range(10):
        ink, boxes = draw_text("l l l l l", fonts[0], dice(seed), layout)
        for box in boxes[::2]:
            left, top, right, bottom = *np.maximum(np.floor(box.min(0)) - 2, 0), *(np.ceil(box.max(0)) + 2)
            part = ink[int(top) : int(bottom), int(left) : int(right)]
            rows = np.flatnonzero(part.any(1))
            assert len(rows) > 0.8 * (box[2, 1] - box[1, 1])


def test_stacked_letters_stand_below_each_other(config, fonts):
    ink, boxes = draw_text("STAND", fonts[0], dice(hardness=0), config.layout, stacked=True)
    assert ink.shape[0] > 3 * ink.shape[1]
    assert (boxes[1:, 0, 1] >= boxes[:-1, 3, 1]).all()
    assert np.ptp(boxes.mean(1)[:, 0]) < 4


def test_scripts_that_need_shaping():
    assert needs_shaping("شارع") and needs_shaping("नमस्ते") and needs_shaping("שלום")
    assert not needs_shaping("street") and not needs_shaping("straße") and not needs_shaping("улица 中国")


def profile(ink):
    """How much ink stands in each hundredth of the width."""
    return np.array([part.mean() for part in np.array_split(ink, 100, axis=1)])


@pytest.mark.parametrize("text", ["שלום עולם", "רקם: 12", "abc (de) של", "a1 (של) 12:30"])
def test_right_to_left_texts_are_drawn_in_the_order_of_their_labels(config, fonts, text):
    """From left to right a picture shows `to_visual`, in which labels are encoded, and the boxes are in its places."""
    font = next((font for font in fonts if drawn(font.path, text) >= set(text) - {" "}), None)
    if font is None:
        pytest.skip("none of these fonts has Hebrew letters")
    ink, boxes = draw_text(text, font, dice(hardness=0), config.layout)
    order = [place for place, _ in to_visual(text)]
    assert order != list(range(len(text)))
    middles = boxes.mean(1)[:, 0]
    assert (np.diff(middles[order]) > 0).all()
    # The same characters set one by one, as no library turns them, against the wrong way round.
    likeness = []
    for characters in ([character for _, character in to_visual(text)], list(text)):
        face = font.load(config.layout.em)
        row = Image.new("L", (round(sum(map(face.getlength, characters))) + 40, 2 * config.layout.em))
        x = 20.0
        for character in characters:
            ImageDraw.Draw(row).text((x, config.layout.em), character, font=face, fill=255, anchor="ls")
            x += face.getlength(character)
        alone = np.array(row)
        columns = np.flatnonzero(alone.any(0))
        likeness.append(np.corrcoef(profile(ink), profile(alone[:, columns[0] : columns[-1] + 1]))[0, 1])
    assert likeness[0] > 0.9 > likeness[1], likeness
