import random
import string

import numpy as np
import pytest
from PIL import ImageFont

from keras_textrec.synthesis.fonts import Font, FontChooser, _only_capitals, _rate, find_fonts


def test_fonts_draw_what_they_promise(fonts):
    assert fonts == sorted(fonts, key=lambda font: font.path)
    for font in fonts:
        assert set(string.ascii_letters + string.digits) <= font.characters
        assert font.load(30).getmask("g").getbbox() is not None
        assert font.load(30) is font.load(30)


def test_a_missing_letter_excludes_the_font(fonts):
    folder = fonts[0].path
    with pytest.raises(FileNotFoundError, match="can write the characters"):
        find_fonts(folder, "abc\u4e00\u1e94\U00010330")


def test_a_missing_mark_is_noted(fonts):
    font = find_fonts(fonts[0].path, "abc.\U0001f995")[0]
    assert font.characters == set("abc.")


def test_folder_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no font folder"):
        find_fonts(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="No font in"):
        find_fonts(tmp_path)
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    with pytest.raises(FileNotFoundError, match="No font in"):
        find_fonts([tmp_path])


def test_fonts_of_capitals_are_seen():
    generator = np.random.default_rng(0)
    large = {char: generator.integers(0, 255, (20, 16), dtype=np.uint8) for char in "ABDEGHNQRT"}
    other = {char.lower(): generator.integers(0, 255, (20, 16), dtype=np.uint8) for char in large}
    assert not _only_capitals(large | other)
    assert _only_capitals(large | {char.lower(): glyph for char, glyph in large.items()})


def test_pictures_are_dropped_among_many_fonts():
    generator = np.random.default_rng(0)
    letters = generator.normal(size=(3, 144)).astype(np.float32)

    def shapes(noise):
        rows = letters + noise * generator.normal(size=letters.shape).astype(np.float32)
        rows -= rows.mean(-1, keepdims=True)
        return rows / np.linalg.norm(rows, axis=-1, keepdims=True)

    checked = [(Font(f"{n}.ttf", f"f{n}", frozenset("abc")), shapes(0.3)) for n in range(49)]
    checked.append((Font("pictures.ttf", "p", frozenset("abc")), shapes(20.0)))
    kept = _rate(checked)
    assert len(kept) == 49 and all(0 <= font.plainness <= 1 for font in kept)


def test_chooser_finds_the_rare_font_and_says_when_there_is_none():
    plain = [Font(f"{n}.ttf", "plain", frozenset("abc")) for n in range(50)]
    rare = Font("rare.ttf", "rare", frozenset("abc$"), plainness=0.0)
    chooser, rng = FontChooser([*plain, rare]), random.Random(0)
    assert chooser.draw(rng, "a$") is rare
    assert chooser.draw(rng, "ä") is None
    assert {chooser.draw(rng, "a", hardness=0).family for _ in range(50)} == {"plain"}


def test_families_count_alike():
    fonts = [Font(f"{n}.ttf", "large", frozenset("a")) for n in range(100)] + [Font("s.ttf", "small", frozenset("a"))]
    rng = random.Random(0)
    chooser = FontChooser(fonts)
    share = sum(chooser.draw(rng, "a").family == "small" for _ in range(2000)) / 2000
    assert 0.05 < share < 0.15  # 1 of 101 files, 1 / (1 + sqrt(100)) of the draws


def test_basic_layout_needs_no_raqm(fonts):
    assert fonts[0].load(20).layout_engine == ImageFont.Layout.BASIC
