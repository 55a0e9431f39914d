"""Calibrating a recogniser's confidence on labelled words, and how well that went."""

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_textrec.data import Source
from keras_textrec.reading.confidence import Calibration
from keras_textrec.reading.evaluate import SetReadings, read_sets
from keras_textrec.reports.breakdown import calibration_error, reliability

PRECISIONS = (0.9, 0.95, 0.99)

# Two numbers are fitted on half of the words; with fewer, or fewer of either kind, they are a matter of luck.
_LEAST_WORDS, _LEAST_OF_A_KIND = 200, 10


def calibrate(model: Any, sources: Mapping[str, Source], batch_size: int = 64) -> dict[str, Any]:
    """Makes a recogniser's `Reading.confidence` the probability that the whole text is right.

    It is fitted on one half of the words and judged on the other; which a word belongs to, the hash of its key says. A
    text is right by the rule of its set (`keras_textrec.text.comparing`).

    Args:
        model: a `TextRecognizer`. Its `about["calibration"]` is set, which `read`, saving and exports take along; an
            older one is replaced.
        sources: sets by their names, as `keras_textrec.data.find_sources` finds them: words like those to be read, that
            the network was not trained on.
        batch_size: images a step at most.

    Returns:
        `{"calibration", "sets", "all", "trusted"}`: the first as in `about`. Of the words judged, of each set and of
        all: "samples", "accuracy", "confidence_before" and "confidence", its mean, and the expected calibration error,
        "error_before" and "error". Of each of `PRECISIONS`: the least "confidence" to be trusted, by the words fitted;
        the "coverage", which share of the words judged has it; and which share of these is right, "reached". None
        where no confidence is high enough.

    Raises:
        ValueError: too few words, or too few that are read right or wrong; the model stays as it was.
    """
    sets = read_sets(model, sources, batch_size, progress=True)
    readable, right, products, before = (
        np.concatenate([getattr(readings, name) for readings in sets.values()])
        for name in ("readable", "right", "products", "uncalibrated")
    )
    judged = np.concatenate([_second_half(readings) for readings in sets.values()])
    _check(right[readable])
    read = products > 0
    calibration = Calibration.fit(products[read & ~judged], right[read & ~judged])
    after = np.where(read, calibration.apply(products), 0.0)

    def row(words: np.ndarray) -> dict[str, Any]:
        return {
            "samples": int(np.count_nonzero(words)),
            "accuracy": float(right[words].mean()),
            "confidence_before": float(before[words].mean()),
            "confidence": float(after[words].mean()),
            "error_before": calibration_error(reliability(before[words], right[words])),
            "error": calibration_error(reliability(after[words], right[words])),
        }

    ends = np.cumsum([len(readings) for readings in sets.values()])
    numbers = np.searchsorted(ends, np.arange(len(right)), side="right")
    masks = {name: readable & judged & (numbers == number) for number, name in enumerate(sets)}
    overall = row(readable & judged)
    kept = {
        "intercept": calibration.intercept,
        "slope": calibration.slope,
        "sets": list(sets),
        "fitted": int(np.count_nonzero(read & ~judged)),
        "judged": overall["samples"],
        "error_before": overall["error_before"],
        "error": overall["error"],
    }
    model.about = {**model.about, "calibration": kept}
    fitted, other = readable & ~judged, readable & judged
    return {
        "calibration": kept,
        "sets": [{"name": name, **row(mask)} for name, mask in masks.items() if mask.any()],
        "all": overall,
        "trusted": [_trusted(goal, after, right, fitted, other) for goal in PRECISIONS],
    }


def _second_half(readings: SetReadings) -> np.ndarray:
    """Bool (N,). The key's last part alone counts, so that it does not matter where a set lies."""
    keys = (readings.source.key(position).rpartition("/")[2] for position in range(len(readings)))
    return np.array([bool(zlib.crc32(key.encode("utf-8", "surrogatepass")) & 1) for key in keys])


def _check(right: np.ndarray) -> None:
    """Whether a calibration can be fitted on words that are read right or not, bool (N,)."""
    words, good = len(right), int(np.count_nonzero(right))
    if words < _LEAST_WORDS:
        raise ValueError(f"There are {words} words that can be read; a calibration needs at least {_LEAST_WORDS}.")
    if min(good, words - good) < _LEAST_OF_A_KIND:
        raise ValueError(
            f"Of {words:,} words, {good:,} are read right and {words - good:,} wrong; a calibration needs at least "
            f"{_LEAST_OF_A_KIND} of each: give {'harder' if good > words / 2 else 'easier'} words, or more."
        )


def _trusted(
    goal: float, confidences: np.ndarray, right: np.ndarray, fitted: np.ndarray, judged: np.ndarray
) -> dict[str, Any]:
    """From which confidence on a wanted share of the texts is right, and how many these are."""
    order = np.argsort(-confidences[fitted], kind="stable")
    precise = np.cumsum(right[fitted][order]) / np.arange(1, len(order) + 1) >= goal
    if not precise.any():
        return {"precision": goal, "confidence": None, "coverage": None, "reached": None}
    least = np.floor(confidences[fitted][order][np.flatnonzero(precise)[-1]] * 1e4) / 1e4  # as it is printed
    trusted = judged & (confidences >= least)
    return {
        "precision": goal,
        "confidence": float(least),
        "coverage": float(trusted.sum() / judged.sum()),
        "reached": float(right[trusted].mean()) if trusted.any() else None,
    }
