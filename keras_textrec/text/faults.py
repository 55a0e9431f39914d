"""What is wrong with a text by itself, whatever network is to learn it: what nobody sees, and what only looks right."""

import functools
import re
import unicodedata

FAULTS = ("invisible characters", "unusual spaces", "another normal form", "mixed scripts")
INVISIBLE, SPACES, NORMAL_FORM, SCRIPTS = FAULTS

_WORD = re.compile(r"[^\W\d_]+")
_JOINERS = "\u200c\u200d"  # which shape the letters of some scripts
_VISIBLE = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u08e2")  # signs over numbers and the like
_UNSEEN = frozenset("\u034f\u115f\u1160\u3164\uffa0\u180b\u180c\u180d")  # fillers and selectors that are no format
_GREEK_AS_LATIN = frozenset("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧικνορυχ")  # others stand in units: Ω, μ


def text_faults(text: str) -> dict[str, str]:
    """The faults of a text, of `FAULTS`, each with the characters that make it; empty when all is well."""
    if text.isascii() and text.isprintable():
        return {}
    found = {}
    if hidden := [character for place, character in enumerate(text) if _is_invisible(text, place)]:
        found[INVISIBLE] = _named(hidden)
    if spaces := [character for character in text if _is_unusual_space(character)]:
        found[SPACES] = _named(spaces)
    if not unicodedata.is_normalized("NFC", text):
        composed = unicodedata.normalize("NFC", text)
        found[NORMAL_FORM] = f"{len(text)} code points instead of {len(composed)}: {composed}"
    if words := [word for word in _WORD.findall(unicodedata.normalize("NFC", text)) if _mixes_scripts(word)]:
        foreign = [character for word in words for character in word if _script(character) != "LATIN"]
        found[SCRIPTS] = _named(foreign)
    return found


def mended(text: str) -> str:
    """The text without what can be mended by rule: nothing invisible, usual spaces, composed (NFC)."""
    if text.isascii() and text.isprintable():
        return text
    kept = [
        " " if _is_unusual_space(character) else character
        for place, character in enumerate(text)
        if not _is_invisible(text, place)
    ]
    return unicodedata.normalize("NFC", "".join(kept))


def _is_unusual_space(character: str) -> bool:
    """A space, tab or line end that is neither the usual space nor that of Chinese and Japanese."""
    return character.isspace() and character not in " \u3000"


def _is_invisible(text: str, place: int) -> bool:
    character = text[place]
    if character in _JOINERS:
        return not (place and _joins(text[place - 1]))
    if _is_unusual_space(character) or character in _VISIBLE:
        return False
    is_selector = "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
    return unicodedata.category(character) in ("Cc", "Cf") or is_selector or character in _UNSEEN


def _joins(character: str) -> bool:
    """Whether a joiner after a character is spelling: in Arabic letters, the scripts of India and their like, emoji."""
    is_indic = "\u0900" <= character <= "\u1aff"
    return is_indic or unicodedata.bidirectional(character) == "AL" or unicodedata.category(character) in ("Mn", "So")


def _mixes_scripts(word: str) -> bool:
    """Latin and Cyrillic letters in one word, or Greek ones that look like others."""
    if word.isascii():
        return False
    scripts = {_script(character) for character in word}
    greek = not _GREEK_AS_LATIN.isdisjoint(word)
    return {"LATIN", "CYRILLIC"} <= scripts or (greek and not scripts.isdisjoint({"LATIN", "CYRILLIC"}))


@functools.lru_cache(maxsize=4096)
def _script(character: str) -> str:
    return unicodedata.name(character, "").partition(" ")[0]


def _named(characters: list[str]) -> str:
    """Characters with their names, each once."""
    shown = [f"U+{ord(c):04X} {unicodedata.name(c, '')}".strip() for c in dict.fromkeys(characters)]
    return ", ".join(shown[:4]) + (", …" if len(shown) > 4 else "")
