"""Texts that are written from right to left: the order of their letters, and the order in which a picture shows them.

A text is kept in logical order, as it is spoken and typed. A picture shows it from left to right, and that is the order
in which a network reads. What lies between them is Unicode's bidirectional algorithm (UAX #9), for one line without
embeddings. A line with letters of Arabic, Hebrew and the like runs from right to left; Latin words and numbers in it do
not turn round. Drawing libraries and browsers do the same, so a picture of a text shows its `to_visual`.
"""

import re
import unicodedata
from collections.abc import Sequence

# Unicode's bidirectional classes, a letter each; all others are neutral, "o".
_CLASSES = {"L": "L", "R": "R", "AL": "A", "EN": "E", "AN": "N", "ES": "s", "ET": "t", "CS": "c", "NSM": "m"}
_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_MIRRORED = str.maketrans("()[]{}<>«»‹›≤≥", ")(][}{><»«›‹≥≤")


def has_right_to_left(text: str) -> bool:
    """Whether a text has letters that are written from right to left, as those of Arabic and Hebrew."""
    return not text.isascii() and any(unicodedata.bidirectional(character) in ("R", "AL") for character in text)


def to_visual(text: str) -> list[tuple[int, str]]:
    """The characters of a text from left to right, as a picture shows them.

    Each with its position in the text; a bracket that turns round with the text is the other one then.
    """
    if not has_right_to_left(text):
        return list(enumerate(text))
    levels = _levels(text)
    order = [place for run in reversed(_runs(levels)) for place in run]
    return [(place, text[place].translate(_MIRRORED) if levels[place] == "R" else text[place]) for place in order]


def to_logical(characters: Sequence[str]) -> list[tuple[int, str]]:
    """The text that a picture shows: `to_visual` undone.

    Where two texts look the same it is the one in which a number follows a Latin word: "abc 12", not "12 abc".

    Args:
        characters: of one code point each as a rule; from left to right.

    Returns:
        The characters in logical order, each with its place among those of the picture.
    """
    if not has_right_to_left("".join(characters)):
        return list(enumerate(characters))
    # From the right, letters follow each other as they are spoken; it is the Latin words that are turned round.
    mirrored = [character.translate(_MIRRORED) for character in reversed(characters)]
    levels = _levels(mirrored, from_the_right=True)
    last = len(characters) - 1
    order = [place for run in _runs(levels) for place in reversed(run)]
    return [(last - place, mirrored[place] if levels[place] == "R" else characters[last - place]) for place in order]


def word_order(words: Sequence[str]) -> list[int]:
    """The positions of words, given as they stand in a line from left to right, in the order in which they are read.

    Each word is in logical order. As in `to_logical`, a line with letters that are written from right to left is read
    from there, and Latin words in it from left to right.
    """
    line: list[tuple[int | None, str]] = []  # the characters from left to right, and the word that each is of
    for i, word in enumerate(words):
        line += [(i, character) for _, character in to_visual(word or " ")] + [(None, " ")]
    order = dict.fromkeys(line[place][0] for place, _ in to_logical([character for _, character in line]))
    return [i for i in order if i is not None]


def _runs(levels: str) -> list[range]:
    """What keeps its order: each word or number that runs from left to right, and every other character alone."""
    return [range(match.start(), match.end()) for match in re.finditer("[^R]+|R", levels)]


def _levels(characters: Sequence[str], from_the_right: bool = False) -> str:
    """For each character of a line that runs from right to left, "R" if it does so too; the rules' names are UAX #9's.

    Args:
        from_the_right: the characters are a picture's, seen from the right: what follows a Latin word stands before it.
    """
    classes = (unicodedata.bidirectional(character[0]) if character else "" for character in characters)
    line = "".join(_CLASSES.get(name, "o") for name in classes)
    if from_the_right:
        line = _within("[^RA]*L", line, "E", "L")  # W7, from the other side
    line = re.sub("(.)m+", lambda match: match[1] * len(match[0]), "R" + line)[1:]  # W1: a mark is as what it is on
    line = _within("A[^LRA]*", line, "E", "N").replace("A", "R")  # W2, W3
    line = re.sub("(?<=E)[sc](?=E)", "E", line)  # W4
    line = re.sub("(?<=N)c(?=N)", "N", line)
    line = re.sub("t+(?=E)|(?<=E)t+", lambda match: "E" * len(match[0]), line)  # W5
    line = re.sub("[stc]", "o", line)  # W6
    line = _within("L[^R]*", line, "E", "L")  # W7
    line = _with_brackets(characters, line)  # N0
    line = re.sub("(?<=L)o+(?=L)", lambda match: "L" * len(match[0]), line)  # N1
    return line.replace("o", "R")  # N1, N2


def _within(pattern: str, line: str, old: str, new: str) -> str:
    """`line` with other classes in every part that a pattern finds."""
    return re.sub(pattern, lambda match: match[0].replace(old, new), line)


def _with_brackets(characters: Sequence[str], line: str) -> str:
    """N0: both brackets of a pair run as what they hold, or as what is before them."""
    waiting: list[int] = []
    pairs = []
    for place, character in enumerate(characters):
        if line[place] != "o":
            continue
        if character in _BRACKETS:
            waiting.append(place)
        for depth in reversed(range(len(waiting))):
            if _BRACKETS[characters[waiting[depth]]] == character:
                pairs.append((waiting[depth], place))
                del waiting[depth:]
                break
    classes = list(line)
    for opening, closing in sorted(pairs):
        inside = set(classes[opening + 1 : closing])
        before = next((name for name in reversed(classes[:opening]) if name in "LREN"), "R")
        if inside & set("REN"):
            classes[opening] = classes[closing] = "R"
        elif "L" in inside:
            classes[opening] = classes[closing] = "L" if before == "L" else "R"
    return "".join(classes)
