import itertools

import pytest

from keras_textrec.text.alignment import edit_operations

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    "text, label, operations",
    [
        ("", "", []),
        ("same", "same", []),
        ("", "ab", [("a", ""), ("b", "")]),
        ("ab", "", [("", "a"), ("", "b")]),
        ("cart", "cat", [("", "r")]),
        ("ct", "cat", [("a", "")]),
        ("c0t", "cat", [("a", "0")]),
        ("rn", "m", [("", "r"), ("m", "n")]),
        ("sitting", "kitten", [("k", "s"), ("e", "i"), ("", "g")]),
        ("aaa", "aa", [("", "a")]),
        ("мар", "мир", [("и", "а")]),
        ("你门好", "你们好", [("们", "门")]),
    ],
)
def test_the_operations_of_some_words(text, label, operations):
    assert edit_operations(text, label) == operations


def test_they_are_the_fewest():
    """Against the definition of the distance, for all words of up to four letters of two and of three."""

    def distance(a: str, b: str) -> int:
        if not a or not b:
            return len(a) + len(b)
        if a[0] == b[0]:
            return distance(a[1:], b[1:])
        return 1 + min(distance(a[1:], b), distance(a, b[1:]), distance(a[1:], b[1:]))

    words = ["".join(letters) for n in range(5) for letters in itertools.product("ab", repeat=n)]
    others = ["".join(letters) for n in range(4) for letters in itertools.product("abc", repeat=n)]
    for text, label in itertools.product(words, others):
        operations = edit_operations(text, label)
        assert len(operations) == distance(text, label)
        kept = len(label) - sum(wanted != "" for wanted, _ in operations)
        assert kept == len(text) - sum(read != "" for _, read in operations)
