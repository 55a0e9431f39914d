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

# What to do about labels that cannot fit, by the reason that a report gives.
_ADVICE = {
    "too long": "Longer labels: training.max_length=N.",
    "infeasible": "Labels that need more time steps than the network has (CTC: one for each character and one between "
    "equal neighbours): a wider canvas, by training.canvases or model.converter.width.",
}
_STRIPPED = (
    "A label that lacks what is seen teaches to overlook it: add the characters to the charset, or leave such labels "
    "out (model.tokenizer.unknown=drop)."
)


def check_labels(
    source: Source, tokenizer: Tokenizer, length: int | None = None, time_steps: int | None = None, most: int = MOST
) -> LabelReport:
    """What the tokenizer does to a source's labels, or to `most` of them, spread over it. No image is read.

    A label that cannot be read is not counted; the pipeline names it.

    Args:
        length, time_steps: as `Tokenizer.check` has them.
    """
    report = LabelReport()
    for indices in looked_at(len(source), most):
        texts = []
        for index in indices:
            with contextlib.suppress(ValueError, OSError):
                texts.append(text_of(source, index))
        report += tokenizer.check(texts, length, time_steps)
    return report


def looked_at(records: int, most: int = MOST) -> list[range]:
    """The positions whose labels are looked at, of a source of so many records."""
    starts = range(0, records, RUN)
    if records > most:
        starts = np.linspace(0, records - RUN, max(1, most // RUN), dtype=int).tolist()
    return [range(start, min(start + RUN, records)) for start in starts]


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
        in_lower_case = any(character.lower() in tokenizer.charset for character in report.unknown)
        raise ValueError(
            f"Not all labels can be used{looked}: {report}. Mend them (`keras-textrec inspect-data --fix`), or let the "
            "tokenizer leave such labels out (unknown='drop') or remove their unknown characters (unknown='strip')"
            f"{', or take upper case as lower (lowercase=True)' if in_lower_case else ''}."
        )
    if report.dropped or report.stripped:
        advice = [text for reason, text in _ADVICE.items() if report.dropped[reason]]
        advice += [_STRIPPED] if report.stripped else []
        logger.warning("Labels%s: %s.%s", looked, report, "".join(f" {text}" for text in advice))
    elif report.lowered or report.normalized:
        logger.info("Labels%s: %s.", looked, report)
