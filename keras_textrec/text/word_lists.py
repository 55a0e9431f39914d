"""Lists of words: in files, and of languages."""

import itertools
import unicodedata
from collections.abc import Sequence

from keras_textrec.system.terminal import near_names

_MOST_WORDS = 120_000  # of a language: the rarest of English occurs 16 times in 250 million words


def with_frequencies(lines: Sequence[str], where: str) -> list[str] | dict[str, float]:
    """The words of a file of one a line, or, where every line is "word<TAB>how often it occurs", that of each.

    Args:
        lines: without their ends.
        where: what the file is called in an error.

    Raises:
        ValueError: a frequency is no number above 0.
    """
    if not all("\t" in line for line in lines):
        return list(lines)
    words = {}
    for line in lines:
        word, _, times = line.rpartition("\t")
        try:
            words[word] = float(times)
        except ValueError:
            words[word] = 0.0
        if not 0 < words[word] < float("inf"):
            raise ValueError(f"{where}: the frequency in {line!r} must be a number above 0.")
    return words


def of_language(language: str) -> dict[str, float]:
    """Which share of all words each of a language is: the 120,000 most frequent, in lower case, the commonest first.

    Numbers and signs are left out. Counted by wordfreq (Speer, 2022) in subtitles, news, books and the web.

    Args:
        language: its ISO 639 code, as "en".

    Raises:
        ImportError: wordfreq is not installed.
        ValueError: it has no words of that language.
    """
    try:
        import wordfreq
    except ModuleNotFoundError as error:
        raise ImportError('The words of a language need wordfreq: pip install "keras-textrec[languages]".') from error
    known = sorted(wordfreq.available_languages())
    if language not in known:
        raise ValueError(f"There are no words of the language {language!r}; {near_names(language, known)}")
    counted = itertools.islice(wordfreq.get_frequency_dict(language).items(), _MOST_WORDS)
    return {word: share for word, share in counted if _has_letters_only(word)}


def _has_letters_only(word: str) -> bool:
    """Letters, the marks on them, and apostrophes."""
    return all(unicodedata.category(character)[0] in "LM" or character == "'" for character in word)
