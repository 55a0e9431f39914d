import itertools
import re

import pytest

from keras_textrec.decoding.patterns import pattern_automaton

pytestmark = pytest.mark.once

CHARSET = "aBb1-"


def texts(automaton, charset, longest=4, first_id=1):
    """All texts of an automaton up to a length."""
    found = set()
    for length in range(longest + 1):
        for ids in itertools.product(range(len(charset)), repeat=length):
            state = automaton.walk([id + first_id for id in ids])
            if state >= 0 and automaton.accepting[state]:
                found.add("".join(charset[id] for id in ids))
    return found


@pytest.mark.parametrize(
    "pattern",
    [
        r"[A-Z]{2}-\d{1}",
        r"a*b?1",
        r"(a|ab)(1|b1)*",
        r"(?i)AB[^1]",
        r"(?i:b)a|b(?-i:B)",
        r"a{2,3}?",
        r"(?:a{1,2}-)*",
        r"\w*\W",
        r".?.",
        r"^a+$",
        r"(?x) a  1 # spaces do not count",
        r"[^\Wab]+",
        r"(b|ø)1",  # the charset has only one of them
        r"|a",
    ],
)
def test_an_automaton_takes_what_the_expression_fits(pattern):
    everything = {"".join(t) for n in range(5) for t in itertools.product(CHARSET, repeat=n)}
    wanted = {text for text in everything if re.fullmatch(pattern, text)}
    assert wanted
    assert texts(pattern_automaton(pattern, CHARSET, 1), CHARSET) == wanted


@pytest.mark.parametrize(
    "pattern, message",
    [
        ("[a", "is no regular expression: unterminated character set"),
        ("(?=a)a", "looks ahead or behind; what is read must be a regular language"),
        ("a(?<!b)", "looks ahead or behind"),
        (r"(a)\1", "refers back to a group"),
        (r"(a)?(?(1)b|1)", "asks whether a group took part"),
        ("a++", "possessive repeat"),
        ("(?>a|ab)1", "atomic group"),
        (r"\ba", "an anchor other than"),
        ("a$b", "an anchor other than"),
        ("Ä1", r"allows no text that this network can write: the charset of 5 characters does not hold 'Ä'\."),
        ("[c-z]", "allows no text that this network can write"),
        ("(a{50}){50}", "needs more than 2000 states"),
        ("a" * 1999 + "?" * 1 + "(a|b)" * 3, "needs more than 2000 states"),
    ],
)
def test_what_is_refused(pattern, message):
    with pytest.raises(ValueError, match=message):
        pattern_automaton(pattern, CHARSET, 1)


def test_characters_that_cannot_be_written_are_named(caplog):
    pattern_automaton("(b|ø)1", CHARSET, 1)
    assert "does not hold all that the pattern '(b|ø)1' names: ø" in caplog.text


def test_a_charset_without_upper_case_names_the_way_out():
    with pytest.raises(ValueError, match=r"no upper case: \(\?i\) ignores case"):
        pattern_automaton("[A-Z]1", "ab1", 1)
    assert texts(pattern_automaton("(?i)[A-Z]1", "ab1", 1), "ab1") == {"a1", "b1"}


def test_entries_of_several_code_points_and_none_are_not_written():
    assert texts(pattern_automaton(".+", ["a", "", "b́"], 1), ["a", "", "b́"], 1) == {"a"}


def test_right_to_left_letters_are_turned_round():
    charset = "אב1a"
    assert texts(pattern_automaton("אב+", charset, 1, right_to_left=True), charset, 3) == {"בא", "בבא"}
    assert texts(pattern_automaton("a1?", charset, 1, right_to_left=True), charset, 3) == {"a", "a1"}
    with pytest.raises(ValueError, match="mixes right-to-left letters with digits"):
        pattern_automaton("א1", charset, 1, right_to_left=True)
