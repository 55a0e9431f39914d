"""The evaluation report: what one recogniser, or two side by side, read in labelled sets."""

import functools
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from keras_textrec.data import Source
from keras_textrec.reading.evaluate import SetReadings, read_sets, scores, summaries
from keras_textrec.reading.lexica import Words
from keras_textrec.reports.breakdown import break_down, sign_test
from keras_textrec.reports.evaluation_page import write_evaluation_page
from keras_textrec.reports.tables import write_rows
from keras_textrec.text.alignment import edit_operations
from keras_textrec.text.comparing import compared_pair, is_right

# Under which every set is judged; one with a rule of its own is judged by that, too.
_SHOWN = ("alphanumeric", "punctuation", "caseless", "exact", "letters")


def evaluate(
    models: Mapping[str, Any],
    sources: Mapping[str, Source],
    batch_size: int = 64,
    lexicon: Words = False,
    progress: bool = True,
    **known: Any,
) -> "Evaluation":
    """Reads labelled sets by one recogniser, or by two to compare them.

    Args:
        models: a `TextRecognizer`, or two, by what they are called in the report.
        sources: sets by their names, as `keras_textrec.data.find_sources` finds them below folders.
        batch_size: images a step at most.
        lexicon: read within a list of words, too (`keras_textrec.reading.evaluate.read_sets`).
        progress: show a bar for each set, where standard error is a terminal.
        known: read with `orientations`, `allow` or `pattern`, too, as `TextRecognizer.read` takes them.

    Raises:
        ValueError: not one or two models, or a set without records.
    """
    if len(models) not in (1, 2):
        raise ValueError(f"Give one model, or two to compare; these are {len(models)}.")
    (name, model), *others = models.items()
    readings = {name: read_sets(model, sources, batch_size, lexicon, progress=progress, **known)}
    protocols = {source: some.protocol for source, some in readings[name].items()}
    for other, model in others:
        readings[other] = read_sets(model, sources, batch_size, lexicon, protocols, progress, **known)
    return Evaluation(readings)


class Evaluation:
    """What was read, and how to tell of it.

    Args:
        readings: by the recogniser's name, what it read in each set: of one, or of two in the same sets.
    """

    def __init__(self, readings: Mapping[str, Mapping[str, SetReadings]]):
        (self.name, self.sets), *others = readings.items()
        self.other_name, self.other_sets = others[0] if others else (None, {})

    @functools.cached_property
    def results(self) -> dict[str, Any]:
        """All numbers, as JSON can hold them; `keras_textrec.reading.evaluate` and `.reports.breakdown` say what they
        are."""
        content = {"preset": self.name, **_results(self.sets)}
        if self.other_sets:
            content["against"] = {"preset": self.other_name, **_results(self.other_sets)}
            content["comparison"] = self.comparison()
        return content

    def comparison(self) -> list[dict[str, Any]]:
        """Of each set and of "all": the words that only the one and only the other preset reads right, the difference
        of their accuracies, and the probability of one as large between equally good ones (`sign_test`)."""
        rows = []
        for name, readings in self.sets.items():
            one, other = readings.right, self.other_sets[name].right
            rows.append([name, len(one), np.count_nonzero(one & ~other), np.count_nonzero(other & ~one)])
        free = [row for row in rows if not self.sets[row[0]].known]
        rows.append(["all", *(sum(row[column] for row in free) for column in (1, 2, 3))])
        return [
            {
                "name": name,
                "samples": samples,
                "only_first": int(first),
                "only_second": int(second),
                "difference": float(first - second) / samples,
                "p": sign_test(int(first), int(second)),
            }
            for name, samples, first, second in rows
        ]

    def write_json(self, path: str | os.PathLike) -> None:
        text = json.dumps(self.results, indent=2, ensure_ascii=False) + "\n"
        Path(path).write_text(text, "utf-8", "backslashreplace")  # half a surrogate pair, in JSON's way

    def write_csv(self, path: str | os.PathLike) -> None:
        """A row for each word: its set and record, label and reading, and what is measured of them."""
        write_rows(path, self._words())

    def write_html(self, path: str | os.PathLike) -> None:
        """One page to look at, with the pictures in it."""
        write_evaluation_page(path, self.results, self.sets, self.other_sets)

    def _words(self) -> Iterator[dict[str, Any]]:
        for name, readings in self.sets.items():
            for position in range(len(readings)):
                row = {"set": name, "record": readings.source.key(position), "label": readings.labels[position]}
                row |= _word(readings, position)
                row["width"], row["height"] = int(readings.widths[position]), int(readings.heights[position])
                row["contrast"] = round(float(readings.contrasts[position]), 1)
                if self.other_sets:
                    other = _word(self.other_sets[name], position)
                    row |= {f"other_{key}": value for key, value in other.items()}
                yield row


def _word(readings: SetReadings, position: int) -> dict[str, Any]:
    text, label = readings.texts[position], readings.labels[position]
    readable = bool(readings.readable[position])
    return {
        "text": text,
        "confidence": round(float(readings.confidences[position]), 4),
        "right": int(readings.right[position]),
        "exact": int(readable and is_right(text, label, "exact")),
        "edits": len(edit_operations(*compared_pair(text, label, "exact"))),
    }


def _results(sets: Mapping[str, SetReadings]) -> dict[str, Any]:
    content = summaries(sets)
    for row in content["sets"]:
        readings = sets[row["name"]]
        protocols = dict.fromkeys((*_SHOWN, readings.protocol))
        row["protocols"] = {protocol: scores(readings, protocol) for protocol in protocols}
        row |= break_down([readings]).to_dict()
    return content
