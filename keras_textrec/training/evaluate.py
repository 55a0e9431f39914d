"""Measuring a recogniser on labelled images, as `read` reads them: what `keras-textrec evaluate` runs."""

import logging
import time
from typing import Any

from keras_textrec.data import Source
from keras_textrec.data.benchmarks import label_case, protocol_of
from keras_textrec.images import decode
from keras_textrec.text.comparing import edit_similarity, is_right, normalize_text, protocol_of_charset

logger = logging.getLogger(__name__)

# Images held at a time, to be grouped by width.
WINDOW = 512


def evaluate_source(model, source: Source, batch_size: int = 64) -> dict[str, Any]:
    """Reads every image of a source and compares texts.

    Args:
        model: a `TextRecognizer`.

    Returns:
        samples: the records; unreadable: how many of them hold no image (they count as read wrong, and are logged).
        accuracy: the share of words right by the `protocol` (`keras_textrec.text.comparing.is_right`): that of the
            known dataset which the source is, or else "alphanumeric", a-z and 0-9, case ignored, for a network whose
            charset is within ASCII, and "letters", letters and digits of all scripts, beyond.
        exact: the share of words right as they stand, spaces aside.
        ned: 1-NED, the mean of 1 - edit distance / the longer length, of texts as "exact" compares them.
        images_per_second: of reading, decoding included.

    Raises:
        ValueError: the source has no records.
    """
    if not len(source):
        raise ValueError("There is nothing to evaluate: the source has no records.")
    protocol = protocol_of(source) or protocol_of_charset(model.tokenizer.charset)
    unreadable, right, exact, similarity = 0, 0, 0, 0.0
    started = time.perf_counter()
    for first in range(0, len(source), WINDOW):
        images, texts = [], []
        for i in range(first, min(first + WINDOW, len(source))):
            try:
                data, text = source[i]
                image = decode(data)
                model.converter.canvas_width(image.shape)  # ValueError for a line that is too long to be read
                images.append(image)
                texts.append(text)
            except (ValueError, OSError) as error:
                unreadable += 1
                logger.warning("An unreadable record counts as wrong, %s: %s", source.key(i), error)
        for reading, text in zip(model.read(images, batch_size), texts, strict=True):
            read, wanted = (normalize_text(t, "exact") for t in (reading.text, text))
            exact += read == wanted
            right += is_right(reading.text, text, protocol)
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
