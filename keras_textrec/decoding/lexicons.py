"""Lists of the words that an image may show."""

import functools
import itertools
import os
import pathlib
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from keras_textrec.decoding.automaton import trie
from keras_textrec.decoding.search import Found
from keras_textrec.text import Charset, Tokenizer
from keras_textrec.text.word_lists import of_language, with_frequencies

FEW = 64  # words that are all scored
_WEIGHED = 8  # of the words that an image shows most probably, at least


class Lexicon:
    """The words that an image may show, or mostly shows, and what of them is compared.

    Of words that are the same then, the first is what is read, and the most frequent one counts.

    What is read is the text whose probability, times the square root of how often it occurs, is the greatest: the
    square root, for a network has learnt a part of that from the words of its own training.

    Args:
        words: the words, or with how often each occurs; or a UTF-8 file of a word a line, or of "word<TAB>how often it
            occurs" on every line. Without frequencies, one is as frequent as another.
        ignore_case: whether a letter may be read in either case.
        ignore_punctuation: whether all but letters, digits and the marks on them may be read or left out, spaces too.
        unlisted: how often any one other text occurs, beside the rarest of the words. 0: never. Above that, the lexicon
            is open: it mends what is nearly one of its words and leaves other texts alone; all are written as they
            stand in the image, whatever is ignored. A text without a letter counts as the rarest word does, for lists
            of words say nothing of numbers. 0.001 is good for the words of a language.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not UTF-8, there are no words, or frequencies are no numbers above 0 (`unlisted`: from 0
            to 1).
        TypeError: a word is no string.
    """

    def __init__(
        self,
        words: Mapping[str, float] | Iterable[str] | str | os.PathLike,
        ignore_case: bool = False,
        ignore_punctuation: bool = False,
        unlisted: float = 0.0,
    ):
        where = "The lexicon"
        if isinstance(words, str | os.PathLike):
            where = f"The lexicon {os.fspath(words)!r}"
            words = with_frequencies([line for line in read_lines(words) if line], where)
        self.words = tuple(words)
        self.ignore_case = ignore_case
        self.ignore_punctuation = ignore_punctuation
        self.unlisted = unlisted
        if not self.words:
            raise ValueError(f"{where} holds no words.")
        if others := [word for word in self.words if not isinstance(word, str)]:
            raise TypeError(f"Every word of a lexicon is a string, got {others[0]!r}.")
        if not 0 <= unlisted <= 1:
            raise ValueError(f"unlisted is a number from 0 to 1, got {unlisted!r}.")
        self.frequencies = np.array([words[word] for word in self.words] if isinstance(words, Mapping) else 1.0)
        if not ((self.frequencies > 0) & (self.frequencies < np.inf)).all():
            raise ValueError(f"{where} has a word whose frequency is no number above 0.")
        self._compiled: tuple[Tokenizer, CompiledLexicon] | None = None

    @classmethod
    def of_language(cls, language: str, unlisted: float = 0.01) -> "Lexicon":
        """The words of a language and how often each occurs, case ignored, and other texts; wordfreq counted them.

        Args:
            language: its ISO 639 code, as "en".
            unlisted: how often any one other text occurs, beside the rarest of up to 120,000 words.

        Raises:
            ImportError: wordfreq is not installed (`pip install "keras-textrec[languages]"`).
            ValueError: there are no words of that language.
        """
        return cls(of_language(language), ignore_case=True, unlisted=unlisted)

    def __len__(self) -> int:
        return len(self.words)

    def __repr__(self) -> str:
        ignored = [name for name in ("case", "punctuation") if getattr(self, f"ignore_{name}")]
        count = f"lexicon of {len(self):,} words" + (" and others" if self.unlisted else "")
        return count + (f", {' and '.join(ignored)} ignored" if ignored else "")

    def compiled(self, tokenizer: Tokenizer) -> "CompiledLexicon":
        """The words as a tokenizer's classes; made once.

        Raises:
            ValueError: none of the words can be written.
        """
        if self._compiled is None or self._compiled[0] is not tokenizer:
            self._compiled = tokenizer, CompiledLexicon(self, tokenizer)
        return self._compiled[1]


class CompiledLexicon:
    """A lexicon over the classes of a network, some of which are one where case or punctuation is ignored.

    Attributes:
        fold: int (V,), the number of what each class is compared by; 0 for what is ignored, and all special symbols.
        automaton: the words, over these numbers.
        rows: of a list of up to `FEW` words, the numbers of each.
        word_of: int (states,), which word ends in each state; -1 for none.
        weights: float (states + 2,), by what the probability of the word that ends in each state is multiplied, and
            that of other texts, at -2 of those without a letter.
        open: whether a text may be another one.
        candidates: how many texts have to be known, that the best may be among them.
        left_out: a sentence about the words that cannot be written; "" if there are none.

    Raises:
        ValueError: none of the words can be written.
    """

    def __init__(self, lexicon: Lexicon, tokenizer: Tokenizer):
        self.lexicon = lexicon
        self.tokenizer = tokenizer
        self.fold, self._folding = _fold(
            tokenizer.charset,
            tokenizer.first_id,
            tokenizer.vocabulary_size,
            lexicon.ignore_case,
            lexicon.ignore_punctuation,
        )
        rows, places, left_out, numbers = [], [], [], self.fold.tolist()
        for place, word in enumerate(lexicon.words):
            ids, unknown = self.ids(word)
            if unknown or not ids:
                left_out.append((word, unknown))
            else:
                rows.append(tuple([numbers[id] for id in ids]))
                places.append(place)
        self.left_out = ""
        if left_out:
            word, unknown = left_out[0]
            reason = f"the charset does not hold {', '.join(map(repr, unknown))}" if unknown else "nothing is compared"
            if not rows:
                raise ValueError(f"None of the {len(lexicon):,} words can be written: of {word!r}, {reason}.")
            count = f"{len(left_out):,} of the {len(lexicon):,} words of the lexicon"
            self.left_out = f"{count} cannot be written and are left out: of {word!r}, {reason}."
        self.automaton, ends = trie(rows)
        self.rows = sorted(ends) if len(ends) <= FEW else None
        self.word_of = np.full(self.automaton.states, -1)
        for place, row in zip(reversed(places), reversed(rows)):
            self.word_of[ends[row]] = place
        frequencies = np.broadcast_to(lexicon.frequencies, len(lexicon))[places]
        self.weights = np.zeros(self.automaton.states + 2)
        np.maximum.at(self.weights, [ends[row] for row in rows], np.sqrt(frequencies / frequencies.min()))
        self.open = lexicon.unlisted > 0
        self.weights[-2:] = self.open, np.sqrt(lexicon.unlisted)
        self._greatest_weight = self.weights.max()
        self.candidates = _WEIGHED if self.open or np.ptp(frequencies) else 1

    def ids(self, word: str) -> tuple[list[int], list[str]]:
        """The classes of what is compared of a word, and its characters that the charset does not have."""
        if self.lexicon.ignore_punctuation:
            word = _compared(word)
        ids, unknown = self.tokenizer.known_ids(word)
        for other in (word.lower(), word.upper()) if unknown and self.lexicon.ignore_case else ():
            ids, unknown = self.tokenizer.known_ids(other)
            if not unknown:
                break
        return ids, unknown

    def letters(self, word: str) -> list[str]:
        """The characters that are compared, in the order of the classes."""
        return [self.tokenizer.charset.characters[id - self.tokenizer.first_id] for id in self.ids(word)[0]]

    def folded(self, probabilities: np.ndarray) -> np.ndarray:
        """The probabilities (..., V) of the numbers of `fold`: classes that are one are added up."""
        if self._folding is None:
            return probabilities
        order, first = self._folding
        return np.add.reduceat(probabilities.take(order, axis=-1), first, axis=-1)

    def unfolded(self, path: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """The classes, int (T,), that a path of the numbers of `fold` most probably stands for, in `probabilities`
        (T, V): one for each run of a number, and for each frame of what is ignored."""
        probabilities = probabilities * (self.fold == path[:, None])
        starts = np.flatnonzero(np.diff(path, prepend=-1))
        of_runs = np.add.reduceat(probabilities, starts, axis=0).argmax(-1)
        return np.where(path == 0, probabilities.argmax(-1), of_runs.repeat(np.diff(starts, append=len(path))))

    def place_of_other(self, ids: Sequence[int]) -> int:
        """Where `weights` has a text, of these classes, that is none of the words."""
        return -1 if any(map(str.isalpha, self.tokenizer.text(ids))) else -2

    def best(self, found: Iterable[Found], count: int) -> list[Found]:
        """Of some texts, those of the greatest weighed probability, that of the best first."""
        return sorted(found, key=lambda text: -self.weights[text.state] * text.probability)[:count]

    def settled(self, found: Sequence[Found]) -> bool:
        """Whether no other text can be better than the first, for all others together have the rest."""
        if not found:
            return False
        weighed = self.weights[found[0].state] * found[0].probability
        return bool(weighed > self._greatest_weight * (1 - found[0].probability))


@functools.lru_cache(maxsize=16)
def _fold(
    charset: Charset, first_id: int, classes: int, ignore_case: bool, ignore_punctuation: bool
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray] | None]:
    """`CompiledLexicon.fold`; the classes in its order and the first of each number, None where all are told apart."""
    fold = np.zeros(classes, int)
    numbers: dict[str, int] = {}
    for id, entry in enumerate(charset, start=first_id):
        if entry and not (ignore_punctuation and not _compared(entry)):
            lower = entry.lower() if ignore_case and len(entry.lower()) == len(entry) else entry
            fold[id] = numbers.setdefault(lower, len(numbers) + 1)
    if (fold == np.arange(classes)).all():
        return fold, None
    order = np.argsort(fold, kind="stable")
    return fold, (order, np.searchsorted(fold[order], np.arange(fold.max() + 1)))


def read_lines(path: str | os.PathLike) -> list[str]:
    """The lines of a UTF-8 file. FileNotFoundError: there is none. ValueError: it has another encoding."""
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no lexicon file {str(path)!r}.")
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"The lexicon file {str(path)!r} is not UTF-8 text: {error}.") from error


def lexica_of(lexicon: Any) -> "Lexicon | list[Lexicon] | Iterator[Lexicon | ValueError]":
    """What `read` is given as its lexicon: one for all images, or one for each, of a list or an iterator as they come;
    of an iterator, with the reason in the place of one that is none."""
    if isinstance(lexicon, Lexicon):
        return lexicon
    if isinstance(lexicon, str | os.PathLike | Mapping):
        return Lexicon(lexicon)
    if not isinstance(lexicon, Iterable):
        raise TypeError(f"A lexicon is a list of words, a file or a Lexicon, not {type(lexicon).__name__}.")
    entries = iter(lexicon)
    first = list(itertools.islice(entries, 1))
    entries = itertools.chain(first, entries)
    if not first or isinstance(first[0], str):
        return Lexicon(entries)
    made = functools.lru_cache(maxsize=32)(Lexicon)  # images of one photograph share their words

    def lexicon_of(each: Any) -> Lexicon:
        if isinstance(each, Lexicon):
            return each
        return Lexicon(each) if isinstance(each, Mapping) else made(tuple(each))

    if not isinstance(lexicon, Iterator):
        return [lexicon_of(each) for each in entries]
    return (_or_why_not(lexicon_of, each) for each in entries)


def _or_why_not(make: "Callable[[Any], Lexicon]", each: Any) -> "Lexicon | ValueError":
    try:
        return make(each)
    except ValueError as error:
        return error


def _compared(text: str) -> str:
    """Letters, digits and the marks on them."""
    return "".join(character for character in text if unicodedata.category(character)[0] in "LNM")
