"""The words within which labelled sets are read: one list for all, or those that lie beside each set."""

import os
import pathlib
from collections.abc import Mapping

from keras_textrec.data import Source
from keras_textrec.decoding.lexicons import Lexicon, read_lines

# Line n, tab-separated: the words that record n may be.
LEXICA = "lexicons.txt"


def count_words(words: Lexicon | list[Lexicon]) -> int:
    """How many words there are; of lists for each record their mean, from 20 on rounded to ten."""
    if isinstance(words, Lexicon):
        return len(words)
    mean = sum(map(len, words)) / len(words)
    return round(mean) if mean < 20 else 10 * round(mean / 10)


Words = Lexicon | str | os.PathLike | bool  # within which labelled sets are read: `lexica_of` says what they are


def lexica_of(sources: Mapping[str, Source], lexicon: Words) -> dict[str, Lexicon | list[Lexicon]]:
    """The words of every set that is to be read within some, by the set's name.

    Args:
        lexicon: for every set a `Lexicon`, or a file of one whose case and punctuation are ignored; or True, for those
            sets that have a `lexicons.txt` beside them (`find_lexica`).

    Raises:
        ValueError: no set has one, or one has not as many lines as its set has records.
    """
    if not isinstance(lexicon, bool):
        words = lexicon if isinstance(lexicon, Lexicon) else Lexicon(lexicon, ignore_case=True, ignore_punctuation=True)
        return dict.fromkeys(sources, words)
    found = {name: lexica for name, source in sources.items() if lexicon and (lexica := find_lexica(source))}
    if lexicon and not found:
        raise ValueError(f"No dataset has a {LEXICA} beside it; name a file of words: --lexicon FILE.")
    return found


def find_lexica(source: Source) -> list[Lexicon] | None:
    """The words that each record of a dataset may be, of the file `lexicons.txt` in its folder; None without one.

    Line n has those of record n, with tabs between them. Case and punctuation are ignored.

    Raises:
        ValueError: it is not UTF-8, has not a line for every record, or an empty one.
    """
    path = pathlib.Path(getattr(source, "path", "."), LEXICA)
    if not hasattr(source, "path") or not path.is_file():
        return None
    lines = read_lines(path)
    lines = lines[:-1] if lines[-1] == "" else lines
    if len(lines) != len(source):
        raise ValueError(f"{path} has {len(lines)} lines for {len(source)} records; it needs one for each.")
    known: dict[str, Lexicon] = {}  # images of one photograph share their words
    try:
        return [known.setdefault(line, Lexicon(filter(None, line.split("\t")), True, True)) for line in lines]
    except ValueError as error:
        raise ValueError(f"{path} has an empty line.") from error
