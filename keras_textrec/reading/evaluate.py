"""Measuring a recogniser on labelled images, as `read` reads them: what `keras-textrec evaluate` runs."""

import functools
import logging
import time
from typing import Any

from keras_textrec.data import Source
from keras_textrec.data.benchmarks import label_case, protocol_of
from keras_textrec.reading.stream import read_records
from keras_textrec.text import Reading
from keras_textrec.text.comparing import edit_similarity, is_right, normalize_text, protocol_of_charset

logger = logging.getLogger(__name__)


def evaluate_source(model, source: Source, batch_size: int = 64) -> dict[str, Any]:
    """Reads every image of a source and compares texts.

    Args:
        model: a `TextRecognizer`, or what else has its `read_stream` and `tokenizer`.
        batch_size: images a step at most.

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
    stream = functools.partial(model.read_stream, batch_size=batch_size)
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


def evaluate_sets(model, sources: dict[str, Source], batch_size: int = 64) -> dict[str, Any]:
    """`evaluate_source` for sets by name: `{"sets": [{"name", ...}], "mean": {...}}`, the mean over the sets."""
    sets = []
    for name, source in sources.items():
        sets.append({"name": name, **evaluate_source(model, source, batch_size)})
        case = label_case(source)
        if case:
            logger.info("The labels of %s are all in %s case: compare by accuracy, which ignores case.", name, case)
    mean = {key: sum(row[key] for row in sets) / len(sets) for key in ("accuracy", "exact", "ned")}
    return {"sets": sets, "mean": mean}
