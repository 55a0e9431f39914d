"""The words that files are checked with."""

from collections import Counter

import numpy as np
import pytest

from keras_textrec.export.samples import choose_sample, drawn_words, png
from keras_textrec.images import load_image
from keras_textrec.text import Charset, Reading

pytestmark = pytest.mark.once


@pytest.mark.parametrize("characters", [Charset.named("ascii"), Charset.named("alphanumeric"), "ABC", "אב"])
def test_words_of_the_charset_in_many_sizes(characters):
    words = drawn_words(Charset(list(characters)))
    sizes = Counter(image.shape for image, _ in words)
    assert len(words) == 36
    assert len(sizes) >= 15
    assert all(count % 2 == 0 for count in sizes.values())
    drawable = set(filter(str.isascii, characters)) or set("0123456789")
    assert {character for _, text in words for character in text} <= drawable
    again = drawn_words(Charset(list(characters)))
    assert all(np.array_equal(a, b) and one == other for (a, one), (b, other) in zip(words, again))


def test_the_sample_is_small_and_surely_read():
    words = [(np.full((size, 2 * size, 3), 7, "uint8"), text) for size, text in ((75, "a"), (24, "b"), (24, "c"))]
    image, reading = choose_sample(words, [Reading("a", 1.0), Reading("b", 0.5), Reading("x", 0.9)])
    assert (image.shape[0], reading.text) == (24, "b")
    np.testing.assert_array_equal(load_image(png(image)), image)
