"""The text of a word image: what stands on signs, posters, shirts and labels."""

import random
import string
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from keras_textrec.synthesis.vocabulary import SIGN_WORDS

ASCII = string.digits + string.ascii_letters + string.punctuation

# Word lists of /usr/share/dict and how often each counts: common English words more often than rare ones,
# other languages for place names, menus and brands.
_LISTS = {"american-english-small": 4, "british-english-small": 1, "american-english": 1, "british-english": 1}
_OTHERS = ("french", "ngerman", "italian", "spanish")

# How often a word on a sign has 1, 2, 3... characters; dictionaries are far longer.
_LENGTH_WEIGHTS = (2, 9, 14, 17, 15, 13, 10, 8, 5, 3.5, 2, 1, 0.7, 0.5, 0.3)

_BRAND_ENDS = ("co", "ex", "ix", "on", "ia", "tech", "soft", "mart", "net", "lab", "max", "x", "o", "y", "bank", "air")
_DOMAINS = (".com", ".com", ".com", ".net", ".org", ".co.uk", ".de", ".fr", ".in", ".it", ".eu", ".info", ".tv")
_AFTER = (".", ".", ".", ",", ",", "!", "!", ":", ":", "?", ";", "...", "*", "&", "-", "/", "%", "+")
_AROUND = (("(", ")"), ('"', '"'), ("'", "'"), ("[", "]"), ("<", ">"), ("{", "}"), ("*", "*"))


def load_words(path: str | Path) -> list[str]:
    """Reads a word list, one word a line (UTF-8), skipping empty lines.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file holds no word.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no word list {path}; give a text file with one word a line.")
    words = [word for line in path.read_text(encoding="utf-8-sig").splitlines() if (word := line.strip())]
    if not words:
        raise ValueError(f"The word list {path} is empty; give a text file with one word a line.")
    return words


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
    """Draws texts made of `charset` only.

    Args:
        words: the lexicon; None takes `default_words()`.
        charset: the characters a text may hold; None is the 94 printable ASCII characters.

    Raises:
        ValueError: no word of the lexicon is made of the charset.
    """

    def __init__(self, words: Sequence[str] | None = None, charset: Iterable[str] | None = None):
        self.charset = frozenset(ASCII if charset is None else charset)
        self.case_matters = any(char.isupper() for char in self.charset) and any(c.islower() for c in self.charset)
        self._by_length: dict[int, list[str]] = defaultdict(list)
        for word in default_words() if words is None else words:
            if self._fits(word):
                self._by_length[len(word)].append(word)
        self._signs: dict[int, list[str]] = defaultdict(list)
        for word in SIGN_WORDS if words is None else ():
            if self._fits(word):
                self._signs[len(word)].append(word)
        if not self._by_length:
            raise ValueError("No word of the lexicon can be written with the charset; give other words or characters.")
        single = sorted(char for char in self.charset if len(char) == 1 and not char.isspace())
        self._letters = [char for char in single if char.isalpha()]
        self._digits = [char for char in single if char.isdigit()]
        self._marks = [char for char in single if not char.isalnum()]
        self._all = single

    def draw(self, rng: random.Random, plain: bool = False) -> str:
        """One text; a `plain` one is a word of two to six letters."""
        if plain:
            return self._style(self._word(rng, 2, 6), rng)
        for _ in range(20):
            text = self._draw(rng)
            if text and self._fits(text):
                return text
        return self._word(rng)

    def upper(self, text: str) -> str:
        """`text` in capitals, a letter without a capital in the charset as it is."""
        return "".join(char.upper() if char.upper() in self.charset else char for char in text)

    def _draw(self, rng: random.Random) -> str:
        kind = rng.random()
        if kind < 0.66:
            return self._punctuate(self._style(self._word(rng), rng), rng)
        if kind < 0.74:
            return _number(rng)
        if kind < 0.80:
            return _figure(rng)
        if kind < 0.89 and self._letters:
            return self._random_letters(rng)
        if kind < 0.92 and self._letters and self._digits:
            return self._code(rng)
        if kind < 0.95:
            return self._brand(rng)
        return self._rare(rng)

    def _fits(self, text: str) -> bool:
        return bool(text) and all(char in self.charset for char in text)

    def _word(self, rng: random.Random, shortest: int = 1, longest: int = 15) -> str:
        lexicon = self._signs if self._signs and rng.random() < 0.3 else self._by_length
        lengths = [n for n in range(shortest, longest + 1) if lexicon.get(n)] or list(lexicon)
        length = rng.choices(lengths, [_LENGTH_WEIGHTS[min(n, 15) - 1] for n in lengths])[0]
        return rng.choice(lexicon[length])

    def _style(self, word: str, rng: random.Random) -> str:
        kind = rng.random()
        if kind < 0.33:
            styled = word if word[:1].isupper() and kind < 0.05 else word.lower()
        elif kind < 0.73:
            styled = word.upper()
        elif kind < 0.97:
            styled = word[:1].upper() + word[1:].lower()
        else:
            styled = "".join(rng.choice((char.upper(), char.lower())) for char in word)
        # A one-case charset, or a letter without its other case there (ß), keeps the lexicon's spelling.
        return next((text for text in (styled, word, word.lower(), word.upper()) if self._fits(text)), word)

    def _punctuate(self, text: str, rng: random.Random) -> str:
        kind = rng.random()
        if kind < 0.07:
            candidate = text + rng.choice(_AFTER)
        elif kind < 0.085:
            left, right = rng.choice(_AROUND)
            candidate = left + text + right
        elif kind < 0.10:
            candidate = text + rng.choice("-/&'+._@:") + self._style(self._word(rng, 1, 6), rng)
        elif kind < 0.115:
            candidate = text + rng.choice(("'s", "'S"))
        elif kind < 0.125:
            candidate = rng.choice(self._marks or [""]) + text
        else:
            return text
        return candidate if self._fits(candidate) else text

    def _random_letters(self, rng: random.Random) -> str:
        """Strings outside any lexicon, one case at a time: names and abbreviations."""
        text = "".join(rng.choices(self._letters, k=rng.choice((1, 2, 2, 3, 3, 3, 4, 4, 5, 6, 7, 8))))
        kind = rng.random()
        styled = text.upper() if kind < 0.6 else text.lower() if kind < 0.8 else text.capitalize()
        return styled if self._fits(styled) else text

    def _code(self, rng: random.Random) -> str:
        letters = "".join(rng.choices(self._letters, k=rng.randint(1, 3))).upper()
        digits = "".join(rng.choices(self._digits, k=rng.randint(1, 4)))
        joint = rng.choice(("", "", "", "-", "/", "."))
        return letters + joint + digits if rng.random() < 0.7 else digits + joint + letters

    def _brand(self, rng: random.Random) -> str:
        word = self._word(rng, 3, 8)
        kind = rng.random()
        if kind < 0.35:
            return word.lower() + rng.choice(_DOMAINS)
        if kind < 0.5:
            return "www." + word.lower() + rng.choice((*_DOMAINS, ""))
        if kind < 0.7:
            return word.capitalize() + self._word(rng, 3, 7).capitalize()
        if kind < 0.78:
            return rng.choice("@#") + word.lower()
        return self._style(word[: rng.randint(3, 6)] + rng.choice(_BRAND_ENDS), rng)

    def _rare(self, rng: random.Random) -> str:
        """Every character of the charset alike, alone, among letters or in a short row."""
        text = rng.choice(self._all)
        if rng.random() < 0.35:
            return "".join([text, *rng.choices(self._all, k=rng.randint(0, 5))])
        word = list(self._style(self._word(rng, 1, 6), rng))
        word.insert(rng.randint(0, len(word)), text)
        return "".join(word)


def _number(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.2:
        return str(rng.randint(1950, 2030))
    digits = str(rng.randint(0, 10 ** rng.choice((1, 2, 2, 2, 3, 3, 4, 5, 6)) - 1))
    return "0" + digits if kind > 0.95 else digits


def _figure(rng: random.Random) -> str:
    """Prices, times, dates, phone numbers, percentages, ordinals."""
    small, large = rng.randint(0, 99), rng.randint(0, 9999)
    whole = rng.choice((small, large))
    return rng.choice(
        (
            f"${whole}",
            f"${whole}.{small:02d}",
            f"{whole}.{small:02d}",
            f"{whole},{small:02d}",
            f"{whole:,}",
            f"{small % 24}:{rng.randint(0, 59):02d}",
            f"{small % 12 + 1}{rng.choice(('am', 'pm', 'AM', 'PM', 'h'))}",
            f"{small % 12 + 1}-{rng.randint(1, 12)}",
            f"{rng.randint(1, 31)}/{rng.randint(1, 12)}",
            f"{rng.randint(1, 31):02d}.{rng.randint(1, 12):02d}.{rng.choice(('', large % 2030, '99'))}",
            f"{rng.randint(200, 999)}-{large:04d}",
            f"({rng.randint(200, 999)})",
            f"+{small}",
            f"{small}%",
            f"#{small}",
            f"{small}{rng.choice(('st', 'nd', 'rd', 'th', 'TH'))}",
            f"{small}{rng.choice(('km', 'm', 'mm', 'kg', 'g', 'ml', 'L', 'cm', 'mph', 'x', 'oz', 'W', 'V'))}",
            f"x{small}",
            f"{small}+",
            f"1/{rng.randint(2, 9)}",
            f"'{small:02d}",
            f"No.{small}",
        )
    )
