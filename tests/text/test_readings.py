"""How readings show themselves."""

import re

import pytest

from keras_textrec.text import Character, Reading

pytestmark = pytest.mark.once


def test_a_reading_is_short():
    one, two = Character("a", 0.5, 0.0, 10.0), Character("b", 1.0, 10.0, 40.0)
    assert repr(Reading("ab", 0.75, (one, two))) == "Reading('ab', confidence=0.7500, 2 characters)"
    assert repr(Reading("a", 0.5, (one,))).endswith("1 character)")


def test_a_notebook_shows_places_to_scale():
    reading = Reading("a<", 0.75, (Character("a", 0.5, 0.0, 10.0), Character("<", 1.0, 10.0, 40.0)))
    page = reading._repr_html_()
    assert "<b>a&lt;</b> <small>0.7500</small>" in page and "<title>0.5000</title>" in page
    bars = re.findall(r'<rect x="([\d.]+)" y="22" width="([\d.]+)" height="6" fill="hsl\((\d+) ', page)
    assert bars == [("0.0", "98.0", "60"), ("100.0", "298.0", "120")]


def test_a_notebook_shows_characters_without_places_and_none_at_all():
    page = Reading("ab", 1.0, (Character("a", 1.0), Character("b", 1.0)))._repr_html_()
    assert re.findall(r'<text x="([\d.]+)"', page) == ["100.0", "300.0"]
    assert "<svg" not in Reading("", 0.0)._repr_html_()
    assert Reading("\ud83d", 1.0, (Character("\ud83d", 1.0),))._repr_html_().encode()
