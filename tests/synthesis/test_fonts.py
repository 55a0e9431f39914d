import os
import shutil
import string
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFont

from keras_textrec.synthesis import font_cache
from keras_textrec.synthesis import fonts as fonts_module
from keras_textrec.synthesis.config import as_section, load_config
from keras_textrec.synthesis.dice import Dice
from keras_textrec.synthesis.font import Font, only_capitals
from keras_textrec.synthesis.fonts import FontChooser, _rate, find_fonts, fonts_that_draw

pytestmark = pytest.mark.once


def chooser(fonts, **settings):
    return FontChooser(fonts, as_section(load_config(fonts=settings)).fonts)


@pytest.fixture
def no_system_fonts(monkeypatch):
    """The hint at fonts that would do looks nowhere."""
    monkeypatch.setattr(fonts_module, "font_folders", list)


def dice(hardness=1.0):
    dice = Dice("fonts")
    dice.hardness = hardness
    return dice


def test_fonts_draw_what_they_promise(fonts):
    assert fonts == sorted(fonts, key=lambda font: font.path)
    for font in fonts:
        assert set(string.ascii_letters + string.digits) <= font.characters
        assert font.load(30).getmask("g").getbbox() is not None
        assert font.load(30) is font.load(30)


def test_a_font_without_the_script_is_not_used(fonts, no_system_fonts):
    """The sentence names what lacks, and fonts that would do."""
    with pytest.raises(FileNotFoundError, match=r"the characters 𐌰 𐌱 𐌲; fonts-noto-core .* would do") as raised:
        find_fonts(fonts[0].path, "\U00010330\U00010331\U00010332")
    assert fonts[0].path in str(raised.value)


def test_a_font_of_the_system_is_named_when_it_would_do(fonts, tmp_path, monkeypatch):
    monkeypatch.setattr(fonts_module, "font_folders", lambda: [Path(fonts[0].path).parent])
    with pytest.raises(FileNotFoundError, match=rf"these would do: {Path(fonts[0].path).name}"):
        find_fonts(tmp_path, "abc")


def test_missing_characters_are_noted(fonts):
    font = find_fonts(fonts[0].path, "abc. \U0001f995一")[0]
    assert font.characters == set("abc. ")


def test_no_glyph_of_a_missing_character_is_ever_promised(fonts):
    """Characters that no font has, and the places that fonts fill with a box."""
    rare = "".join(map(chr, [*range(0x0D80, 0x0DC0), *range(0xE000, 0xE020), 0x10FFFD, 0x378, 0xFFFF]))
    for font in find_fonts(os.path.dirname(fonts[0].path), string.ascii_letters + rare):
        missing = font.load(28).getmask("\U0010fffd")
        for char in font.characters - set(string.ascii_letters):
            glyph = font.load(28).getmask(char)
            assert glyph.getbbox() is not None and bytes(glyph) != bytes(missing)


def test_folder_errors(fonts, tmp_path, no_system_fonts, caplog):
    with pytest.raises(FileNotFoundError, match="There is no font folder"):
        find_fonts(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match=r"There is no font \(.otf, .*\) in .* that can be read"):
        find_fonts(tmp_path)
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font")
    fonts_module._find_fonts.cache_clear()
    with pytest.raises(FileNotFoundError, match="There is no font"):
        find_fonts([tmp_path])
    with pytest.raises(ValueError, match=r"broken.ttf cannot be read: \w+"):
        find_fonts(broken)
    caplog.clear()
    shutil.copy(fonts[0].path, tmp_path / "some.ttf")
    fonts_module._find_fonts.cache_clear()
    assert len(find_fonts(tmp_path)) == 1
    assert "Skipped the font" in caplog.text and "broken.ttf" in caplog.text


def test_the_checks_are_kept_until_a_file_changes(fonts, tmp_path, no_system_fonts, monkeypatch):
    path = tmp_path / "some.ttf"
    shutil.copy(fonts[0].path, path)
    first = find_fonts(tmp_path, "abc")
    checks = []
    monkeypatch.setattr(fonts_module, "check", lambda path, *rest: checks.append(path))
    fonts_module._find_fonts.cache_clear()
    assert find_fonts(tmp_path, "abc") == first and not checks
    os.utime(path, (1, 1))
    fonts_module._find_fonts.cache_clear()
    with pytest.raises(FileNotFoundError):
        find_fonts(tmp_path, "abc")
    assert checks == [path]


def test_a_cache_that_cannot_be_written_or_read_is_none(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(font_cache, "folder", lambda: tmp_path / "file" / "below")
    font_cache.save("key", [1])
    assert font_cache.load("key") is None
    monkeypatch.setattr(font_cache, "folder", lambda: tmp_path)
    (tmp_path / "key.json").write_text("[1,")
    assert font_cache.load("key") is None
    for n in range(12):
        font_cache.save(f"key{n}", [n])
    assert font_cache.load("key11") == [11] and len(list(tmp_path.glob("*.json"))) == 8


def test_fonts_of_capitals_are_seen():
    generator = np.random.default_rng(0)
    large = {char: generator.integers(0, 255, (20, 16), dtype=np.uint8) for char in "ABDEGHNQRT"}
    other = {char.lower(): generator.integers(0, 255, (20, 16), dtype=np.uint8) for char in large}
    assert not only_capitals(large | other)
    assert only_capitals(large | {char.lower(): glyph for char, glyph in large.items()})


def test_pictures_are_dropped_among_many_fonts():
    generator = np.random.default_rng(0)
    letters = generator.normal(size=(3, 144)).astype(np.float32)

    def shapes(noise):
        rows = letters + noise * generator.normal(size=letters.shape).astype(np.float32)
        rows -= rows.mean(-1, keepdims=True)
        return rows / np.linalg.norm(rows, axis=-1, keepdims=True)

    checked = [(Font(f"{n}.ttf", f"f{n}", frozenset("abc")), shapes(0.3)) for n in range(49)]
    checked.append((Font("pictures.ttf", "p", frozenset("abc")), shapes(20.0)))
    checked[7][1][1] = np.nan  # a letter that the font lacks
    kept = _rate(checked, list("abc"))
    assert len(kept) == 49 and all(0 <= font.plainness <= 1 for font in kept)


def test_chooser_finds_the_rare_font_and_says_when_there_is_none():
    plain = [Font(f"{n}.ttf", "plain", frozenset("abc")) for n in range(50)]
    rare = Font("rare.ttf", "rare", frozenset("abc$"), plainness=0.0)
    both = chooser([*plain, rare])
    assert both.draw(dice(), "a$") is rare
    assert both.draw(dice(), "ä") is None
    easy = dice(0.0)
    assert {both.draw(easy, "a").family for _ in range(50)} == {"plain"}


def test_families_count_alike_and_by_their_weights():
    fonts = [Font(f"{n}.ttf", "large", frozenset("a")) for n in range(100)] + [Font("s.ttf", "small", frozenset("a"))]

    def share(**settings):
        every, draws = chooser(fonts, **settings), dice()
        return sum(every.draw(draws, "a").family == "small" for _ in range(2000)) / 2000

    assert 0.05 < share() < 0.15  # 1 of 101 files, 1 / (1 + sqrt(100)) of the draws
    assert 0.4 < share(weights={"sm*": 10}) < 0.6 and share(weights={"large": 0}) == 1
    with pytest.raises(ValueError, match="gives every font"):
        share(weights={"*": 0})


def test_basic_layout_needs_no_raqm(fonts):
    assert fonts[0].load(20).layout_engine == ImageFont.Layout.BASIC


def test_a_font_for_each_character(fonts, tmp_path, monkeypatch):
    """Plain ones first; a file that is no font is passed over; what no font has is looked for once."""
    for name in ("a-bold.ttf", "b.ttf", "c-italic.ttf"):
        shutil.copy(fonts[0].path, tmp_path / name)
    (tmp_path / "a.ttf").write_text("no font")
    monkeypatch.setattr(fonts_module, "font_folders", lambda: [tmp_path])
    monkeypatch.setattr(fonts_module, "_drawn_by", {})
    assert fonts_that_draw("ab\U0001f995") == {"a": tmp_path / "b.ttf", "b": tmp_path / "b.ttf", "\U0001f995": None}
    monkeypatch.setattr(fonts_module, "_files", None)
    assert fonts_that_draw("\U0001f995b") == {"\U0001f995": None, "b": tmp_path / "b.ttf"}
