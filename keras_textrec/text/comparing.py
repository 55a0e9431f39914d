"""Whether a text was read right: what two texts are compared by, and how far apart they are."""

import re
import unicodedata
from collections.abc import Iterable

from keras_textrec.text.alignment import edit_operations

# By which rules texts are compared, and what each is called for people.
PROTOCOLS = {
    "alphanumeric": "a-z and 0-9, case ignored",
    "punctuation": "ASCII with its punctuation, case ignored",
    "caseless": "everything, case ignored",
    "exact": "everything",
    "letters": "letters, digits and marks of any script, case ignored",
    "chinese": "everything, case and width ignored",
}

# Full-width forms of ASCII, and the space as wide as they.
_HALF_WIDTH = {**{0xFF01 + offset: 0x21 + offset for offset in range(94)}, 0x3000: None}
# Every character that Unicode calls another one's wide or narrow form, and that one: full-width letters, half-width
# katakana and Hangul.
_USUAL_WIDTH = {
    code: chr(int(form.split()[1], 16))
    for code in (0x3000, *range(0xFF00, 0xFFF0))
    if (form := unicodedata.decomposition(chr(code))).startswith(("<wide>", "<narrow>"))
}


def normalize_text(text: str, protocol: str) -> str:
    """The part of a text that a protocol compares, in Unicode's composed normal form (NFC).

    "alphanumeric": a-z and 0-9 only, upper case made lower (PaddleOCR's `is_filter`, the field's usual benchmark rule).
    "letters": the same for all scripts: the letters and digits (Unicode's categories L and N), and the marks on them
    (M, which carry meaning in Arabic, Thai and the scripts of India), case folded, wide and narrow forms made usual.
    "exact": everything but spaces, as PaddleOCR's RecMetric.
    "caseless": the same, case folded.
    "punctuation": ASCII's letters, digits and punctuation, upper case made lower (PARSeq's `--punctuation`).
    "chinese": everything but spaces, upper case made lower, full-width forms made ASCII: benchmarking-chinese-text-
    recognition's rule, but for traditional characters, which it also makes simplified ones.

    Raises:
        ValueError: the protocol is not one of these.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if protocol == "alphanumeric":
        return re.sub("[^0-9a-zA-Z]", "", text).lower()
    if protocol == "letters":
        folded = unicodedata.normalize("NFC", text.translate(_USUAL_WIDTH).casefold())
        return "".join(character for character in folded if unicodedata.category(character)[0] in "LNM")
    if protocol == "exact":
        return text.replace(" ", "")
    if protocol == "caseless":
        return unicodedata.normalize("NFC", text.replace(" ", "").casefold())
    if protocol == "punctuation":
        return re.sub("[^!-~]", "", text).lower()
    if protocol == "chinese":
        return text.replace(" ", "").lower().translate(_HALF_WIDTH)
    raise ValueError(f"The protocol must be one of {tuple(PROTOCOLS)}, got {protocol!r}.")


def protocol_of_charset(charset: Iterable[str]) -> str:
    """The protocol that tells whether a network of these characters reads right: "alphanumeric" within ASCII, as
    published results have it, and "letters" beyond, where it would leave nothing of most words."""
    return "alphanumeric" if all(entry.isascii() for entry in charset) else "letters"


def compared_pair(text: str, label: str, protocol: str) -> tuple[str, str]:
    """What a protocol compares of a text that was read and of its label.

    A label of which it keeps nothing ("!?") is compared as "exact" has it, so that who reads nothing never scores.
    """
    wanted = normalize_text(label, protocol)
    if not wanted:
        return normalize_text(text, "exact"), normalize_text(label, "exact")
    return normalize_text(text, protocol), wanted


def is_right(text: str, label: str, protocol: str) -> bool:
    """Whether a text was read as its label has it, as far as the protocol compares them (`compared_pair`)."""
    read, wanted = compared_pair(text, label, protocol)
    return read == wanted


def class_map(charset: Iterable[str], protocol: str, first_id: int = 1) -> list[list[int]]:
    """For every class id up to the charset's last, the numbers (from 1) of what `normalize_text` leaves of its entry.

    None for a character that the protocol leaves out, one as a rule, several where case folding makes several of one
    (ß is ss). Texts are equal under the protocol where their classes' numbers are.

    Args:
        first_id: the id of the charset's first entry; those before it have no numbers.
    """
    kept = [normalize_text(entry, protocol) for entry in charset]
    if any(unicodedata.category(text[0])[0] == "M" for text in kept if text):
        # Where marks are classes of their own, a letter with its mark can be written in two ways.
        kept = [unicodedata.normalize("NFD", text) for text in kept]
    numbers: dict[str, int] = {}
    mapped = [[numbers.setdefault(character, len(numbers) + 1) for character in text] for text in kept]
    return [[] for _ in range(first_id)] + mapped


def edit_similarity(a: str, b: str) -> float:
    """1-NED of two strings: 1 - distance / length of the longer one, 1.0 when both are empty."""
    return 1.0 - len(edit_operations(a, b)) / max(len(a), len(b), 1)
