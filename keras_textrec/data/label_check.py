"""What a tokenizer makes of a source's labels, told before training begins."""

import contextlib
import logging

import numpy as np

from keras_textrec.data.sources import Source, text_of
from keras_textrec.text.label_report import LabelReport
from keras_textrec.text.tokenizers import Tokenizer

logger = logging.getLogger(__name__)

# Labels that are looked at: all of a source up to so many, else runs of neighbours from its beginning to its end. A
# second's work also for ten million records, and few pages of a disk.
MOST, RUN = 20_000, 100


def check_labels(
    source: Source, tokenizer: Tokenizer, length: int | None = None, time_steps: int | None = None, most: int = MOST
) -> LabelReport:
    """What the tokenizer does to a source's labels, or to `most` of them, spread over it. No image is read.

    A label that cannot be read is not counted; the pipeline names it.

    Args:
        length, time_steps: as `Tokenizer.check` has them.
    """
    starts = range(0, len(source), RUN)
    if len(source) > most:
        starts = np.linspace(0, len(source) - RUN, max(1, most // RUN), dtype=int).tolist()
    report = LabelReport()
    for start in starts:
        texts = []
        for index in range(start, min(start + RUN, len(source))):
            with contextlib.suppress(ValueError, OSError):
                texts.append(text_of(source, index))
        report += tokenizer.check(texts, length, time_steps)
    return report


def tell_labels(source: Source, tokenizer: Tokenizer, length: int | None = None, time_steps: int | None = None) -> None:
    """Logs what will be left out of a source, or changed; arguments as of `check_labels`.

    Raises:
        ValueError: no label can be trained on, or one cannot and the tokenizer's policy is "error".
    """
    report = check_labels(source, tokenizer, length, time_steps)
    looked = "" if len(source) <= MOST else f" (looked at; of {len(source):,} in all)"
    if report.labels and not report.usable:
        raise ValueError(f"None of these labels can be used{looked}: {report}.")
    if report.dropped and tokenizer.unknown == "error":
        raise ValueError(
            f"Not all labels can be used{looked}: {report}. Mend them (`keras-textrec inspect-data --fix`), or let the "
            "tokenizer leave such labels out (unknown='drop') or remove their unknown characters (unknown='strip')."
        )
    if report.dropped or report.stripped:
        logger.warning("Labels%s: %s.", looked, report)
    elif report.lowered or report.normalized:
        logger.info("Labels%s: %s.", looked, report)
