import random

import pytest

from keras_textrec.text.direction import has_right_to_left, to_logical, to_visual, word_order

pytestmark = pytest.mark.once


def shown(text):
    return "".join(character for _, character in to_visual(text))


def said(characters):
    return "".join(character for _, character in to_logical(characters))


# What FriBidi shows of these, from left to right, in a line that runs from right to left.
LINES = [
    ("سلام", "مالس"),
    ("שלום 12:30", "12:30 םולש"),
    ("مدرسة 12", "12 ةسردم"),
    ("رقم: 12", "12 :مقر"),
    ("سلام 12/5/2020", "12/5/2020 مالس"),
    ("سل 50%", "%50 لس"),
    ("סל 50%", "50% לס"),
    ("سلام 123-456", "456-123 مالس"),  # after Arabic letters the parts of a number with a minus turn round
    ("א 123-456", "123-456 א"),
    ("iPhone 12 אב", "בא iPhone 12"),
    ("סוף (א)", "(א) ףוס"),
    ("א <ב> «ג»", "«ג» <ב> א"),
    ("قال «نعم» و[لا]", "[ال]و «معن» لاق"),
    ("سلام ١٢٣", "١٢٣ مالس"),
    ("A.B. שם", "םש .A.B"),
    ("סוף.", ".ףוס"),
    ("بَيت", "تيَب"),
    ("אב abc", "abc בא"),
    ("אב [a]", "[a] בא"),
]


@pytest.mark.parametrize("text, visual", LINES)
def test_a_picture_and_its_text(text, visual):
    assert shown(text) == visual
    assert said(visual) == text


@pytest.mark.parametrize("text", ["", "abc (12)!", "12:30", "Straße", "улица", "你好（1）", "٣٤ - ١٢"])
def test_texts_that_do_not_turn_round(text):
    assert not has_right_to_left(text)
    assert shown(text) == said(text) == text


def test_brackets_run_as_what_they_hold():
    assert shown("אב abc (def)") == "abc (def) בא"
    assert shown("a (אב) b") == "b (בא) a"
    assert shown("(א]") == "[א)"  # no pair


def test_places():
    assert to_visual("אב 12") == [(3, "1"), (4, "2"), (2, " "), (1, "ב"), (0, "א")]
    assert to_logical("12 בא") == [(4, "א"), (3, "ב"), (2, " "), (0, "1"), (1, "2")]
    assert to_logical(["", "p\t", "א"]) == [(2, "א"), (1, "p\t"), (0, "")]


def test_nothing_is_lost():
    """Every character comes once, in both ways; words of one script come back as they were."""
    rng = random.Random(0)
    for _ in range(300):
        text = "".join(rng.choice("אבגסلمab12 (),.-%") for _ in range(rng.randint(1, 12)))
        for turned in (to_visual(text), to_logical(text)):
            assert sorted(place for place, _ in turned) == list(range(len(text)))
        word = "".join(rng.choice("אבגד ()!?") for _ in range(rng.randint(1, 12)))
        assert said(shown(word)) == word


def test_the_number_follows_the_word_where_two_texts_look_the_same():
    assert shown("abc 12 אב") == shown("12 abc אב") == "בא abc 12"
    assert said("בא abc 12") == "abc 12 אב"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (["a", "b", "12"], "a b 12"),
        (["שלום", "בוא"], "בוא שלום"),
        (["New", "York", "שלום"], "שלום New York"),
        (["12", "34", "שלום"], "שלום 34 12"),
        (["סוף", "iPhone", "12", "אב"], "אב iPhone 12 סוף"),
        (["(סוף", "אב)"], "אב) (סוף"),
        (["", "אב", "גד"], "גד אב "),
        (["אב"], "אב"),
        ([], ""),
    ],
)
def test_the_words_of_a_line(line, text):
    """From left to right, as a detector finds them."""
    assert " ".join(line[i] for i in word_order(line)) == text
