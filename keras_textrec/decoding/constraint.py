"""What a person knows of the texts in images."""

import dataclasses
import functools
import logging
import os
import re
from collections.abc import Iterable, Sequence
from typing import TypedDict

import numpy as np

from keras_textrec.decoding.automaton import Automaton, any_text
from keras_textrec.decoding.lexicons import CompiledLexicon, Lexicon, lexica_of
from keras_textrec.decoding.patterns import pattern_automaton
from keras_textrec.decoding.search import Found, Scorer, best_texts
from keras_textrec.system.numbers import whole_number
from keras_textrec.text import Alternative, Charset, Reading, Tokenizer

logger = logging.getLogger(__name__)


class Constraints(TypedDict, total=False):
    """The arguments of `read` that tell what is known of the texts; `Constraint` says what they are."""

    allow: str | None
    pattern: str | None
    lexicon: "Lexicon | str | os.PathLike | Iterable[str] | Iterable[Iterable[str]] | Iterable[Lexicon] | None"
    alternatives: int | None
    min_confidence: float | None


class Constraint:
    """What is known of the texts of one call of `read`, for one tokenizer.

    Args:
        allow: the characters that a text may have, or ranges of them: "0-9A-Z-".
        pattern: a regular expression that the whole text fits, of these characters where they are given.
        lexicon: the words that a text may be: a list, a mapping to how often each occurs, a UTF-8 file of one a line,
            or a `Lexicon`; or a list or iterator of these but files, one for each image.
        alternatives: how many of the most probable texts a reading names; the first is its own.
        min_confidence: of a lexicon: where the best word's confidence is less, the text is None.

    Raises:
        ValueError: a pattern that is no expression, not regular, or allows no text in this charset; characters or words
            of which the charset holds none; a lexicon beside `allow` or `pattern`; numbers that are none.
        FileNotFoundError: there is no such lexicon file.

    Attributes:
        automaton: the texts of the pattern, or of all allowed characters.
        lexica: one for each image, or the one for all, or none.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        allow: str | None = None,
        pattern: str | None = None,
        lexicon: "Lexicon | str | os.PathLike | Iterable | None" = None,
        alternatives: int | None = None,
        min_confidence: float | None = None,
    ):
        if lexicon is not None and (allow is not None or pattern is not None):
            raise ValueError("A lexicon names whole texts: leave out allow and pattern, or shorten its list by them.")
        if min_confidence is not None and (lexicon is None or not 0 <= min_confidence <= 1):
            raise ValueError(f"min_confidence is a number from 0 to 1 and goes with a lexicon; got {min_confidence!r}.")
        if allow is not None and not (isinstance(allow, str) and allow):
            raise ValueError(f"allow names the characters that may be read, as '0-9A-Z-'; got {allow!r}.")
        if pattern is not None and not isinstance(pattern, str):
            raise ValueError(f"pattern is a regular expression as a string, '(?i)' its flag; got {pattern!r}.")
        self.tokenizer = tokenizer
        self.pattern = pattern
        self.alternatives = None if alternatives is None else whole_number("alternatives", alternatives)
        self.min_confidence = min_confidence
        self.automaton = _automaton(tokenizer.charset, tokenizer.first_id, tokenizer.right_to_left, allow, pattern)
        self.lexica: Lexicon | Iterable[Lexicon | ValueError] | None = None if lexicon is None else lexica_of(lexicon)
        if isinstance(self.lexica, Lexicon):
            compiled = self.lexica.compiled(tokenizer)
            if compiled.left_out:
                _warn_once(compiled.left_out)
        told = {"allow": allow, "pattern": pattern}
        self.description = ", ".join(f"{name} {value}" for name, value in told.items() if value is not None)
        if lexicon is not None:
            self.description = "lexicon without a word that can be written"

    @property
    def each(self) -> Iterable[Lexicon | ValueError] | None:
        """The lexica of the images, where each has its own; of an iterator, once."""
        return None if isinstance(self.lexica, Lexicon) else self.lexica

    def compiled(self, lexicon: Lexicon) -> CompiledLexicon | None:
        """One image's lexicon; None where none of its words can be written."""
        try:
            return lexicon.compiled(self.tokenizer)
        except ValueError as error:
            logger.warning("The text is empty: %s", error)
            return None

    @property
    def count(self) -> int:
        """How many texts of an image are told."""
        return self.alternatives or 1

    def search(
        self, scorer: Scorer, automaton: Automaton, longest: int, known: Sequence[Sequence[Found]], count: int
    ) -> list[list[Found]]:
        """The most probable texts of an automaton in each image, `count` of them."""
        widest = max(64, 8 * count)
        # Few of a lexicon's words go on from a beginning, so that many beginnings take little longer than some.
        widths = (max(8, 2 * count), widest) if self.lexica is None else (widest,)
        return best_texts(scorer, automaton, count, widths, longest, known)

    def told(self, reading: Reading, found: Sequence[Found] = (), lexicon: CompiledLexicon | None = None) -> Reading:
        """A reading that says what constrained it.

        Args:
            reading: of the best text.
            found: the texts that a search found, the best first; of an open lexicon, their classes as they are read.
            lexicon: the words that they are.
        """
        description = self.description if lexicon is None else repr(lexicon.lexicon)
        changes: dict = {"constraint": description}
        if self.alternatives:
            merged: dict[str, float] = {}  # a charset may hold a character twice
            for text in found:
                words = self.text(text, lexicon)
                merged[words] = merged.get(words, 0.0) + text.probability
            changes["alternatives"] = tuple(Alternative(*pair) for pair in merged.items())
        if lexicon is not None and found:
            confidence = found[0].probability ** (1 / len(found[0].ids)) if found[0].ids else 0.0
            unlikely = self.min_confidence is not None and confidence < self.min_confidence
            changes |= {"text": None if unlikely else self.text(found[0], lexicon), "confidence": confidence}
        elif self.lexica is not None and self.min_confidence:
            changes["text"] = None
        return dataclasses.replace(reading, **changes)

    def text(self, found: Found, lexicon: CompiledLexicon | None = None) -> str:
        """What a search found, as a person writes it."""
        if lexicon is not None and not lexicon.open:
            return lexicon.lexicon.words[lexicon.word_of[found.state]]
        return self.tokenizer.text(found.ids)


# What is asked for again, by who reads image after image, is kept.


@functools.lru_cache(maxsize=64)
def _warn_once(message: str) -> None:
    logger.warning("%s", message)


@functools.lru_cache(maxsize=16)
def _automaton(
    charset: Charset, first_id: int, right_to_left: bool, allow: str | None, pattern: str | None
) -> Automaton:
    """The texts of allowed characters that a pattern fits."""
    allowed = [bool(entry) for entry in charset]
    if allow is not None:
        allowed = _allowed(allow, charset.characters) & allowed
    if pattern is None:
        return any_text(np.flatnonzero(allowed) + first_id)
    entries = [entry if may_be else "" for entry, may_be in zip(charset, allowed)]
    return pattern_automaton(pattern, entries, first_id, right_to_left)


def _allowed(allow: str, charset: Sequence[str]) -> np.ndarray:
    """Which of a charset's characters are among those that a person allows, bool (N,)."""
    named, ranges = set(), []
    for start, end, character in re.findall("(.)-(.)|(.)", allow, re.DOTALL):
        if character:
            named.add(character)
        elif start > end:
            raise ValueError(f"allow={allow!r} has the range {start}-{end}, whose end comes before its beginning.")
        else:
            ranges.append((start, end))
    allowed = np.array([e in named or any(a <= e <= b for a, b in ranges if len(e) == 1) for e in charset])
    if not allowed.any():
        raise ValueError(f"The charset of {len(charset)} characters holds none of those that allow={allow!r} names.")
    if missing := sorted(named.difference(charset)):
        logger.warning("The charset does not hold all that allow=%r names: %s.", allow, " ".join(missing))
    return allowed
