"""The text of a word image: what stands on signs, posters, shirts and labels."""

import hashlib
import logging
import string
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from types import SimpleNamespace

from keras_textrec.synthesis.dice import Dice
from keras_textrec.synthesis.figures import brand, figure, number
from keras_textrec.synthesis.vocabulary import SIGN_WORDS
from keras_textrec.text.word_lists import with_frequencies

ASCII = string.digits + string.ascii_letters + string.punctuation

logger = logging.getLogger(__name__)

# Word lists of /usr/share/dict and how often each counts: common English words more often than rare ones,
# other languages for place names, menus and brands.
_LISTS = {"american-english-small": 4, "british-english-small": 1, "american-english": 1, "british-english": 1}
_OTHERS = ("french", "ngerman", "italian", "spanish")

_AFTER = (".", ".", ".", ",", ",", "!", "!", ":", ":", "?", ";", "...", "*", "&", "-", "/", "%", "+")
_AROUND = (("(", ")"), ('"', '"'), ("'", "'"), ("[", "]"), ("<", ">"), ("{", "}"), ("*", "*"))

Words = Sequence[str] | Mapping[str, float]  # alike, or with how often each occurs


def load_words(paths: str | Path | Sequence[str | Path]) -> Words:
    """Reads word lists (UTF-8), a word a line, empty lines skipped; or "word<TAB>how often it occurs" on every line.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no word in a file, a file that is not UTF-8, or a frequency that is no number above 0.
    """
    if not isinstance(paths, str | Path):
        lists = [load_words(path) for path in paths]
        if all(isinstance(words, Mapping) for words in lists):
            return {word: times for words in lists for word, times in words.items()}
        return [word for words in lists for word in words]
    path = Path(paths)
    if not path.is_file():
        raise FileNotFoundError(f"There is no word list {path}; give a text file with one word a line.")
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except UnicodeDecodeError as error:
        raise ValueError(f"The word list {path} is not UTF-8 (byte {error.start}); convert it.") from error
    lines = [line for line in lines if line]
    if not lines:
        raise ValueError(f"The word list {path} is empty; give a text file with one word a line.")
    return with_frequencies(lines, str(path))


def default_words(folder: str | Path = "/usr/share/dict") -> list[str]:
    """The word lists found in `folder`, common words repeated, or the built-in sign words when there is none."""
    folder = Path(folder)
    english = []
    for name, times in _LISTS.items():
        if (folder / name).is_file():
            english += times * [word for word in load_words(folder / name) if not word.endswith("'s")]
    others = [word for name in _OTHERS if (folder / name).is_file() for word in load_words(folder / name)]
    # The others may fill a quarter of the list.
    step = max(1, 3 * len(others) // max(1, len(english)))
    return english + others[::step] or list(SIGN_WORDS)


class TextSource:
    """Draws texts made of `charset` only, in Unicode's composed form (NFC).

    Args:
        config: the section `text` of the configuration.
        words: the lexicon; None takes `default_words()`, or, for a charset that can write none of these, strings of its
            characters. A word that fits the charset in lower or upper case only is taken so.
        charset: the characters a text may hold; None is the 94 printable ASCII characters.

    Raises:
        ValueError: no word of the lexicon that was given is made of the charset.
    """

    def __init__(self, config: SimpleNamespace, words: Words | None = None, charset: Iterable[str] | None = None):
        self.config = config
        self.charset = frozenset(unicodedata.normalize("NFC", "".join(ASCII if charset is None else charset)))
        self.case_matters = any(char.isupper() for char in self.charset) and any(c.islower() for c in self.charset)
        self._lexicon = _by_length([] if words is None else words, self._fits)
        self._signs = {}
        if words is None:
            self._lexicon = _by_length(default_words(), self._fits)
            self._signs = _by_length(SIGN_WORDS, self._fits)
        if not self._lexicon and words is not None:
            raise ValueError(
                "No word of the list can be written with the charset; give other words, or a charset with the "
                f"characters of, say, {next(iter(words), '')!r}."
            )
        # A mark that sits on letters does not stand alone.
        self._all = sorted(c for c in self.charset if not c.isspace() and not unicodedata.category(c).startswith("M"))
        self._letters = [char for char in self._all if char.isalpha()]
        self._digits = [char for char in self._all if char.isdigit()]
        self._marks = [char for char in self._all if not char.isalnum()]
        if not self._lexicon:
            logger.info("No built-in word fits the charset: words are strings of its characters. Better give a list.")

    def digest(self) -> str:
        """Tells the lexicon from others."""
        return hashlib.sha256(repr((sorted(self._lexicon.items()), sorted(self._signs.items()))).encode()).hexdigest()

    def draw(self, dice: Dice, plain: bool = False) -> str:
        """One text; a `plain` one is a word of two to six letters."""
        if plain:
            return self._style(self._word(dice, 2, 6), dice)
        for _ in range(20):
            text = self._line(dice) if " " in self.charset and dice.happens(self.config.lines) else self._draw(dice)
            if self._fits(text) and len(text) <= self.config.longest:
                return text
        return self._word(dice)

    def upper(self, text: str, known: Iterable[str] | None = None) -> str:
        """`text` in capitals, a letter without a capital in the charset, or among the `known`, as it is."""
        known = self.charset.intersection(known or self.charset)
        return "".join(char.upper() if char.upper() in known else char for char in text)

    def _draw(self, dice: Dice) -> str:
        kind = dice.kind(self.config.kinds)
        match kind:
            case "number":
                return number(dice)
            case "figure":
                return figure(dice)
            case "brand":
                return brand(self._word(dice, 3, 8), self._word(dice, 3, 7), dice)
            case "glued":
                return self._glued(dice)
            case "letters" if self._letters:
                return self._random_letters(dice)
            case "code" if self._letters and self._digits:
                return self._code(dice)
            case "rare":
                return self._rare(dice)
            case "balanced":
                return "".join(dice.choices(self._all, k=dice.randint(1, self.config.longest)))
        return self._punctuate(self._style(self._word(dice), dice), dice)

    def _fits(self, text: str) -> bool:
        return bool(text) and self.charset.issuperset(text)

    def _word(self, dice: Dice, shortest: int = 1, longest: int | None = None) -> str:
        lexicon = self._signs if self._signs and dice.random() < self.config.signs else self._lexicon
        weights = self.config.lengths
        lengths = range(shortest, 1 + (longest or len(weights)))
        if lexicon:
            lengths = [n for n in lengths if n in lexicon] or list(lexicon)
        length = dice.choices(lengths, [weights[min(n, len(weights)) - 1] + 1e-9 for n in lengths])[0]
        if not lexicon:
            return "".join(dice.choices(self._letters or self._digits or self._all, k=length))
        words, cumulative = lexicon[length]
        return dice.choices(words, cum_weights=cumulative)[0] if cumulative else dice.choice(words)

    def _line(self, dice: Dice) -> str:
        """Words in a row, in one case; a number or a figure among them at times."""
        case = dice.kind(self.config.cases)
        words = [self._cased(self._word(dice), case, dice) for _ in range(round(dice.within(self.config.lines.words)))]
        if dice.random() < 0.25:
            words[dice.randrange(len(words))] = number(dice) if dice.random() < 0.5 else figure(dice)
        words[-1] = self._punctuate(words[-1], dice)
        return " ".join(words)

    def _style(self, word: str, dice: Dice) -> str:
        return self._cased(word, dice.kind(self.config.cases), dice)

    def _cased(self, word: str, case: str, dice: Dice) -> str:
        match case:
            case "lower":
                styled = word.lower()
            case "upper":
                styled = word.upper()
            case "capital":
                styled = word[:1].upper() + word[1:].lower()
            case "mixed":
                styled = "".join(dice.choice((char.upper(), char.lower())) for char in word)
            case _:
                styled = word
        # A one-case charset, or a letter without its other case there (ß), keeps the lexicon's spelling.
        return next((text for text in (styled, word, word.lower(), word.upper()) if self._fits(text)), word)

    def _punctuate(self, text: str, dice: Dice) -> str:
        match dice.kind(self.config.punctuation):
            case "after":
                candidate = text + dice.choice(_AFTER)
            case "around":
                left, right = dice.choice(_AROUND)
                candidate = left + text + right
            case "joint":
                candidate = text + dice.choice("-/&'+._@:") + self._style(self._word(dice, 1, 6), dice)
            case "possessive":
                candidate = text + dice.choice(("'s", "'S"))
            case "before":
                candidate = dice.choice(self._marks or [""]) + text
            case _:
                return text
        return candidate if self._fits(candidate) else text

    def _glued(self, dice: Dice) -> str:
        """Words without a gap, cut to a length that is drawn evenly."""
        length, case, text = dice.randint(1, self.config.longest), dice.kind(self.config.cases), ""
        while len(text) < length:
            text += self._cased(self._word(dice), case, dice)
        return text[:length]

    def _random_letters(self, dice: Dice) -> str:
        """Strings outside any lexicon, one case at a time: names and abbreviations."""
        text = "".join(dice.choices(self._letters, k=dice.choice((1, 2, 2, 3, 3, 3, 4, 4, 5, 6, 7, 8))))
        kind = dice.random()
        styled = text.upper() if kind < 0.6 else text.lower() if kind < 0.8 else text.capitalize()
        return styled if self._fits(styled) else text

    def _code(self, dice: Dice) -> str:
        letters = self.upper("".join(dice.choices(self._letters, k=dice.randint(1, 3))))
        digits = "".join(dice.choices(self._digits, k=dice.randint(1, 4)))
        joint = dice.choice(("", "", "", "-", "/", "."))
        return letters + joint + digits if dice.random() < 0.7 else digits + joint + letters

    def _rare(self, dice: Dice) -> str:
        """Every character of the charset alike, alone or among letters."""
        word = list(self._style(self._word(dice, 1, 6), dice)) if dice.random() < 0.8 else []
        word.insert(dice.randint(0, len(word)), dice.choice(self._all))
        return "".join(word)


def _by_length(words: Words, fits: Callable[[str], bool]) -> dict[int, tuple[list[str], list[float] | None]]:
    """The words that fit, as they are or in one case, by their length; and their running sum of weights, if any."""
    groups: dict[int, list[str]] = defaultdict(list)
    weights: dict[int, list[float]] = defaultdict(list)
    for given in words:
        word = unicodedata.normalize("NFC", given)  # as labels are compared
        cases = (word, word.lower(), word.upper())
        fitting = next((text for text in cases if fits(text) and len(text) == len(word)), "")  # ß has no capital
        if fitting:
            groups[len(fitting)].append(fitting)
            if isinstance(words, Mapping):
                weights[len(fitting)].append(words[given])
    return {n: (group, list(accumulate(weights[n])) if n in weights else None) for n, group in groups.items()}
