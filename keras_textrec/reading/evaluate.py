"""Measuring a recogniser on labelled images, as `read` reads them: what `keras-textrec evaluate` runs."""

import functools
import logging
import os
import pathlib
import time
from collections.abc import Sequence
from typing import Any

from keras_textrec.data import Source
from keras_textrec.data.benchmarks import label_case, protocol_of
from keras_textrec.decoding.lexicons import Lexicon, read_lines
from keras_textrec.reading.stream import read_records
from keras_textrec.text import Reading
from keras_textrec.text.comparing import edit_similarity, is_right, normalize_text, protocol_of_charset

logger = logging.getLogger(__name__)


# Line n, tab-separated: the words that record n may be.
LEXICA = "lexicons.txt"


def evaluate_source(
    model, source: Source, batch_size: int = 64, lexicon: Lexicon | Sequence[Lexicon] | None = None
) -> dict[str, Any]:
    """Reads every image of a source and compares texts.

    Args:
        model: a `TextRecognizer`, or what else has its `read_stream` and `tokenizer`.
        batch_size: images a step at most.
        lexicon: the words that a text may be: for all records, or for each.

    Returns:
        samples: the records; unreadable: how many of them hold no image (they count as read wrong, and are logged).
        accuracy: the share of words right by the `protocol` (`keras_textrec.text.comparing.is_right`): that of the
            known dataset which the source is, or else "alphanumeric", a-z and 0-9, case ignored, for a network whose
            charset is within ASCII, and "letters", letters and digits of all scripts, beyond.
        exact: the share of words right as they stand, spaces aside.
        ned: 1-NED, the mean of 1 - edit distance / the longer length, of texts as "exact" compares them.
        images_per_second: of reading, decoding included.

    Raises:
        ValueError: the source has no records, or the batch size is no number of images.
    """
    if not len(source):
        raise ValueError("There is nothing to evaluate: the source has no records.")
    protocol = protocol_of(source) or protocol_of_charset(model.tokenizer.charset)
    unreadable, right, exact, similarity = 0, 0, 0, 0.0
    started = time.perf_counter()
    constraints = {} if lexicon is None else {"lexicon": lexicon}
    stream = functools.partial(model.read_stream, batch_size=batch_size, **constraints)
    for position, text, outcome in read_records(source, range(len(source)), stream):
        if not isinstance(outcome, Reading):
            unreadable += 1
            logger.warning("An unreadable record counts as wrong, %s: %s", source.key(position), outcome)
            continue
        read, wanted = (normalize_text(t, "exact") for t in (outcome.text, text))
        exact += read == wanted
        right += is_right(outcome.text, text, protocol)
        similarity += edit_similarity(read, wanted)
    seconds = time.perf_counter() - started
    samples = len(source)
    return {
        "samples": samples,
        "unreadable": unreadable,
        "protocol": protocol,
        "accuracy": right / samples,
        "exact": exact / samples,
        "ned": similarity / samples,
        "images_per_second": round(samples / seconds, 1),
    }


def evaluate_sets(
    model, sources: dict[str, Source], batch_size: int = 64, lexicon: str | os.PathLike | bool = False
) -> dict[str, Any]:
    """`evaluate_source` for sets by name: `{"sets": [{"name", ...}], "mean": {...}}`, the mean over the sets.

    Args:
        lexicon: a file of words, one a line, within which every set is read once more; or True, for those sets that
            have a `lexicons.txt` beside them (`find_lexica`). Case and punctuation are ignored. Such a row follows the
            set's own, is called "NAME, 50 words", tells the number as `words` (of lists for each record, their mean,
            from 20 on rounded to ten) and is no part of the mean.

    Raises:
        ValueError: no set has one, or one has not as many lines as its set has records.
    """
    lexica = _lexica(sources, lexicon)
    sets = []
    for name, source in sources.items():
        sets.append({"name": name, **evaluate_source(model, source, batch_size)})
        case = label_case(source)
        if case:
            logger.info("The labels of %s are all in %s case: compare by accuracy, which ignores case.", name, case)
        if words := lexica.get(name):
            row = evaluate_source(model, source, batch_size, words)
            sets.append({"name": f"{name}, {_count(words):,} words", "words": _count(words), **row})
    free = [row for row in sets if "words" not in row]
    mean = {key: sum(row[key] for row in free) / len(free) for key in ("accuracy", "exact", "ned")}
    return {"sets": sets, "mean": mean}


def _count(words: Lexicon | list[Lexicon]) -> int:
    if isinstance(words, Lexicon):
        return len(words)
    mean = sum(map(len, words)) / len(words)
    return round(mean) if mean < 20 else 10 * round(mean / 10)


def _lexica(sources: dict[str, Source], lexicon: str | os.PathLike | bool) -> dict[str, Lexicon | list[Lexicon]]:
    """The words of every set that is to be read within some, by the set's name."""
    if not isinstance(lexicon, bool):
        return dict.fromkeys(sources, Lexicon(lexicon, ignore_case=True, ignore_punctuation=True))
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
