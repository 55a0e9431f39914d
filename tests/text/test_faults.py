import pytest

from keras_textrec.text.faults import INVISIBLE, NORMAL_FORM, SCRIPTS, SPACES, mended, text_faults

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    "text, fault, note, clean",
    [
        ("ab\u200bc", INVISIBLE, "U+200B ZERO WIDTH SPACE", "abc"),
        ("\ufeffabc", INVISIBLE, "U+FEFF ZERO WIDTH NO-BREAK SPACE", "abc"),
        ("a\u00adb", INVISIBLE, "U+00AD SOFT HYPHEN", "ab"),
        ("\u200fשלום", INVISIBLE, "U+200F RIGHT-TO-LEFT MARK", "שלום"),
        ("a\u200db", INVISIBLE, "U+200D ZERO WIDTH JOINER", "ab"),
        ("a\x00b", INVISIBLE, "U+0000", "ab"),
        ("葛\U000e0100", INVISIBLE, "U+E0100 VARIATION SELECTOR-17", "葛"),
        ("New\u00a0York", SPACES, "U+00A0 NO-BREAK SPACE", "New York"),
        ("a\tb\n", SPACES, "U+0009, U+000A", "a b "),
        ("a\u2009b", SPACES, "U+2009 THIN SPACE", "a b"),
        ("cafe\u0301", NORMAL_FORM, "5 code points instead of 4: café", "café"),
        ("\u212b", NORMAL_FORM, "1 code points instead of 1: Å", "Å"),
        ("\u1112\u1161\u11ab", NORMAL_FORM, "3 code points instead of 1: 한", "한"),
        ("p\u0430ge", SCRIPTS, "U+0430 CYRILLIC SMALL LETTER A", "p\u0430ge"),
        ("Пpивет", SCRIPTS, "CYRILLIC CAPITAL LETTER PE", "Пpивет"),
        ("H\u03bftel", SCRIPTS, "U+03BF GREEK SMALL LETTER OMICRON", "H\u03bftel"),
    ],
)
def test_faults(text, fault, note, clean):
    found = text_faults(text)
    assert list(found) == [fault]
    assert note in found[fault]
    assert mended(text) == clean
    assert fault == SCRIPTS or not text_faults(clean)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "It's 5 O'clock!",
        "Straße café",
        "улица Hotel",  # two words
        "10kΩ 5μm",
        "Tシャツ 你好\u3000吗",
        "می\u200cخواهم",  # spelt with a joiner
        "क्\u200dष",
        "ÆØÅ ﬁ",
        "ไม้",
        "👩\u200d👩",
    ],
)
def test_nothing_is_wrong(text):
    assert text_faults(text) == {}
    assert mended(text) == text


def test_several_faults():
    found = text_faults("e\u0301\u200b\u00a0\u200b")
    assert list(found) == [INVISIBLE, SPACES, NORMAL_FORM]
    assert found[INVISIBLE] == "U+200B ZERO WIDTH SPACE"
    assert mended("e\u0301\u200b\u00a0\u200b") == "é "
