import pytest

from keras_textrec.text.alignment import edit_operations
from keras_textrec.text.comparing import (
    class_map,
    edit_similarity,
    is_right,
    normalize_text,
    protocol_of_charset,
)

pytestmark = pytest.mark.once


def test_normalize_text():
    assert normalize_text("It's 5 O'clock, É!", "alphanumeric") == "its5oclock"
    assert normalize_text("It's 5 O'clock", "exact") == "It's5O'clock"
    assert normalize_text("It's 5 Ａ，漢\u3000。", "chinese") == "it's5a,漢。"
    assert normalize_text("It's 5 Ａ，漢\u3000。", "letters") == "its5a漢"
    assert normalize_text("It's 5 Straßen, É!", "punctuation") == "it's5straen,!"
    assert normalize_text("It's 5 Straßen, É!", "caseless") == "it's5strassen,é!"
    with pytest.raises(ValueError, match="must be one of"):
        normalize_text("ab", "fuzzy")


@pytest.mark.parametrize(
    "label, read, right",
    [
        ("Straße", "STRASSE", True),
        ("ΟΔΟΣ", "οδος", True),  # the sigma at the end of a word is another character than within
        ("οδός", "οδος", False),
        ("ᾳ", "ΑΙ", True),
        ("İzmir", "i\u0307zmir", True),
        ("ﬁn", "FIN", True),
        ("Ａ１２", "a12", True),
        ("ｶﾞｽ", "ガス", True),
        ("é", "E\u0301", True),
        ("한글", "\u1112\u1161\u11ab\u1100\u1173\u11af", True),
        ("ไม้", "ไม", False),  # a tone
        ("हिन्दी", "हिनदी", False),  # a virama
        ("بَيت", "بيت", False),  # a vowel
        ("می\u200cخواهم", "میخواهم", True),  # the non-joiner is no letter
        ("x²", "x2", False),
        ("你好！", "你好", True),
        ("你好", "你们", False),
        ("你好", "", False),
    ],
)
def test_letters_of_all_scripts(label, read, right):
    assert is_right(read, label, "letters") == right


@pytest.mark.parametrize("protocol", ["alphanumeric", "punctuation", "letters"])
def test_who_reads_nothing_is_never_right(protocol):
    """Unless there is nothing to be read."""
    assert not is_right("", "!?", protocol)
    assert not is_right("?!", "!?", protocol)
    assert is_right("! ?", "!?", protocol)
    assert is_right("", "", protocol) and is_right("", " ", protocol)
    assert not is_right("a", "", protocol)
    assert not is_right("", "мир", "alphanumeric")
    assert not is_right("", "мир", "letters")


@pytest.mark.parametrize("protocol", ["alphanumeric", "punctuation", "caseless", "letters", "exact", "chinese"])
def test_composed_and_decomposed_are_one_text(protocol):
    for composed, decomposed in [("né1", "ne\u03011"), ("각2", "\u1100\u1161\u11a82"), ("Å3", "\u212b3")]:
        assert normalize_text(composed, protocol) == normalize_text(decomposed, protocol)
        assert is_right(decomposed, composed, protocol)


def test_the_charset_decides_by_what_words_are_compared():
    assert protocol_of_charset("0123456789ABC-") == protocol_of_charset(["ab", "c"]) == "alphanumeric"
    assert protocol_of_charset("abcé") == protocol_of_charset("0123Ж") == protocol_of_charset("你好") == "letters"


def test_class_map():
    assert class_map("aAb-é ", "alphanumeric") == [[], [1], [1], [2], [], [], []]
    assert class_map("aAb- ", "exact") == [[], [1], [2], [3], [4], []]
    assert class_map("aAb-", "alphanumeric", 0) == [[1], [1], [2], []]
    assert class_map("aAb-", "alphanumeric", 2) == [[], [], [1], [1], [2], []]
    assert class_map(["ß", "s", "S", "Ａ", "a", "?", "σ", "ς"], "letters", 0) == [
        [1, 1],
        [1],
        [1],
        [2],
        [2],
        [],
        [3],
        [3],
    ]


def test_class_map_where_marks_are_classes():
    """A letter with its mark is equal to the letter and the mark."""
    assert class_map("eé\u0301", "letters", 0) == [[1], [1, 2], [2]]
    assert class_map("eé", "letters", 0) == [[1], [2]]


@pytest.mark.parametrize(
    "a, b, distance", [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("ab", "ba", 2)]
)
def test_edit_distance(a, b, distance):
    assert len(edit_operations(a, b)) == len(edit_operations(b, a)) == distance
    assert edit_similarity(a, b) == 1 - distance / max(len(a), len(b), 1)


def test_recmetric_arithmetic(parts):
    # The published numbers came without their texts: these pairs have the same scores under RecMetric's rules.
    pairs = [("joint", "joint"), ("two words", "twowords"), ("Ab", "ab"), ("x", "y")]
    for case, protocol in [("plain", "exact"), ("is_filter", "alphanumeric")]:
        texts = [[normalize_text(text, protocol) for text in pair] for pair in pairs]
        expected = parts[0]["metric"][case]
        right, wrongness = sum(a == b for a, b in texts), sum(1 - edit_similarity(a, b) for a, b in texts)
        assert right / (4 + 1e-5) == pytest.approx(expected["acc"], rel=1e-9)
        assert 1 - wrongness / (4 + 1e-5) == pytest.approx(expected["norm_edit_dis"], rel=1e-9)
