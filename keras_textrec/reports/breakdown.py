"""Where a recogniser goes wrong: by length and size, by character, by its own confidence."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from keras_textrec.reading.evaluate import SetReadings
from keras_textrec.text.alignment import edit_operations
from keras_textrec.text.comparing import compared_pair, normalize_text

_PIXELS = [1, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512]
# Below which edges words are counted apart.
BINS = {
    "characters": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 50],
    "width": _PIXELS,
    "height": _PIXELS,
    "contrast": [0, 5, 10, 20, 30, 40, 50, 60, 80],
}
CONFIDENCE_BINS = 15  # as Guo et al. have them


@dataclasses.dataclass(frozen=True, eq=False)
class Breakdown:
    """The numbers of one or several sets.

    Attributes:
        accuracy_by: of each of `BINS` what lies in its bins: words, and how many of them are right, int (bins,) each.
        calibration: the `reliability` of the confidences; uncalibrated: without the model's calibration.
        confusions: how often a character of a label, or "" for none, was read as another, or "" for none.
    """

    accuracy_by: Mapping[str, tuple[np.ndarray, np.ndarray]]
    calibration: tuple[np.ndarray, np.ndarray, np.ndarray]
    uncalibrated: tuple[np.ndarray, np.ndarray, np.ndarray]
    confusions: Counter[tuple[str, str]]

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON; bins by their lower ends, and the hundred most frequent confusions."""
        words, right, confidence = self.calibration
        return {
            "accuracy_by": {
                what: [
                    {"from": edge, "words": words, "accuracy": right / words}
                    for edge, words, right in zip(BINS[what], *(counts.tolist() for counts in both))
                    if words
                ]
                for what, both in self.accuracy_by.items()
            },
            "calibration": {
                "error": calibration_error(self.calibration),
                "uncalibrated_error": calibration_error(self.uncalibrated),
                "bins": [
                    {"words": n, "accuracy": some / n, "confidence": total / n}
                    for n, some, total in zip(words.tolist(), right.tolist(), confidence.tolist())
                    if n
                ],
            },
            "confusions": [
                {"label": wanted, "read": read, "times": times}
                for (wanted, read), times in self.confusions.most_common(100)
            ],
        }


def break_down(sets: Iterable[SetReadings]) -> Breakdown:
    """The numbers of sets, together; each is compared by its own protocol."""
    sets = list(sets)

    def column(name: str) -> np.ndarray:
        return np.concatenate([getattr(readings, name) for readings in sets])

    right, readable = column("right"), column("readable")
    lengths = [len(normalize_text(label, "exact")) for readings in sets for label in readings.labels]
    values = {
        "characters": np.array(lengths),
        "width": column("widths"),
        "height": column("heights"),
        "contrast": column("contrasts"),
    }
    confusions = Counter()
    for readings in sets:
        for position in np.flatnonzero(~readings.right & readings.readable).tolist():
            pair = compared_pair(readings.texts[position], readings.labels[position], readings.protocol)
            confusions.update(edit_operations(*pair))
    return Breakdown(
        {what: _in_bins(some[readable], right[readable], BINS[what]) for what, some in values.items()},
        reliability(column("confidences")[readable], right[readable]),
        reliability(column("uncalibrated")[readable], right[readable]),
        confusions,
    )


def reliability(confidences: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of `CONFIDENCE_BINS` equal parts of 0 to 1: words, the right ones, and the sum of confidences.

    Args:
        confidences: (N,); right: bool (N,), whether the text is.
    """
    confidences = confidences.clip(0, 1)
    edges = np.linspace(0, 1, CONFIDENCE_BINS + 1)
    weights = (None, right.astype(float), confidences)
    return tuple(np.histogram(confidences, edges, weights=weight)[0] for weight in weights)


def calibration_error(bins: tuple[np.ndarray, np.ndarray, np.ndarray]) -> float:
    """The expected calibration error (ECE) of a `reliability`: how far confidence and accuracy are apart, in the mean
    over words (https://arxiv.org/abs/1706.04599)."""
    words, right, confidence = bins
    return float(np.abs(right - confidence).sum() / max(1, words.sum()))


def _in_bins(values: np.ndarray, right: np.ndarray, edges: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    edges = [*edges, np.inf]
    return np.histogram(values, edges)[0], np.histogram(values[right], edges)[0]


def sign_test(one: int, other: int) -> float:
    """How likely two equally good readers differ this much or more: the exact, two-sided test of McNemar.

    Args:
        one, other: words that only the one, and only the other, reads right.
    """
    term = total = 1  # of 2 ** (one + other): the ways in which no word, one word, ... are read by the less lucky one
    for k in range(min(one, other)):
        term = term * (one + other - k) // (k + 1)
        total += term
    return min(1.0, 2 * total / 2 ** (one + other))
