"""The evaluation report as one HTML page with the pictures in it."""

import heapq
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any

import numpy as np

from keras_textrec.reading.evaluate import SetReadings
from keras_textrec.reports import html
from keras_textrec.reports.breakdown import BINS, CONFIDENCE_BINS, Breakdown, break_down, calibration_error
from keras_textrec.text.comparing import PROTOCOLS

# Words shown as pictures: of all sets, of one set among several, and of those that one of two presets reads.
_WORST, _WORST_OF_SET, _ONLY_ONE = 60, 24, 24
_CONFUSED = 20  # characters of a label, and what is read for them, in the picture of confusions
_TOP = 30  # confusions in the table
_PLOT = 260  # pixels, a side


def write_evaluation_page(
    path: str | os.PathLike,
    results: Mapping[str, Any],
    sets: Mapping[str, SetReadings],
    other_sets: Mapping[str, SetReadings],
) -> None:
    """Writes the page: `results` of an `Evaluation`, what was read in its sets, and what another preset read there."""
    html.write_page(path, f"What {results['preset']} reads", _parts(results, sets, other_sets))


def _parts(content, sets, other_sets) -> Iterator[str]:
    yield _results(content)
    yield "<p>1-NED and CER (character error rate) are of texts as they stand, but for spaces. "
    yield "The mean over sets counts each set alike, the mean over words each word.</p>"
    if other_sets:
        yield from _comparison(content, sets, other_sets)
    yield "<h2>Words right, by what is compared</h2><p>In percent. A label of which a rule keeps nothing is compared "
    yield "as it stands, so that reading nothing is never right.</p>"
    yield _protocols(content["sets"])
    yield "<h2>Character errors</h2><p>Of texts as they stand, but for spaces.</p>"
    yield _edits(content["sets"])
    yield from _breakdown([readings for readings in sets.values() if not readings.known], _WORST)
    if len(sets) > 1:
        for name, readings in sets.items():
            yield f"<details><summary><b>{escape(name)}</b> alone</summary>"
            yield from _breakdown([readings], _WORST_OF_SET)
            yield "</details>"


def _results(content: Mapping) -> str:
    rows = [
        (
            escape(row["name"]),
            row["samples"],
            row["unreadable"],
            PROTOCOLS[row["protocol"]],
            *(100 * row[key] for key in ("accuracy", "exact", "ned", "cer")),
            row["images_per_second"],
        )
        for row in content["sets"]
    ]
    for key, name in (("mean", "mean over sets"), ("weighted_mean", "mean over words")):
        values = [100 * content[key][value] for value in ("accuracy", "exact", "ned")]
        rows.append((name, "", "", "", *values, "", ""))
    headings = ("set", "words", "unreadable", "judged by", "right %", "exact %", "1-NED %", "CER %", "images/s")
    return html.table(headings, rows)


def _protocols(rows: Iterable[Mapping]) -> str:
    protocols = list(dict.fromkeys(protocol for row in rows for protocol in row["protocols"]))
    values = [
        (escape(row["name"]), *(_percent(row["protocols"].get(protocol), "accuracy") for protocol in protocols))
        for row in rows
    ]
    return html.table(["set", *(PROTOCOLS[protocol] for protocol in protocols)], values)


def _percent(scores: Mapping | None, key: str) -> float | str:
    return "" if scores is None else 100 * scores[key]


def _edits(rows: Iterable[Mapping]) -> str:
    keys = ("characters", "insertions", "deletions", "substitutions")
    values = []
    for row in rows:
        exact = row["protocols"]["exact"]
        values.append((escape(row["name"]), *(exact[key] for key in keys), 100 * exact["cer"]))
    return html.table(["set", *keys, "CER %"], values)


def _comparison(content, sets, other_sets) -> Iterator[str]:
    one, other = content["preset"], content["against"]["preset"]
    yield f"<h2>{escape(one)} beside {escape(other)}</h2><p>p: how likely two equally good readers differ as much "
    yield "(exact sign test on the words that only one of them reads right).</p>"
    accuracies = [
        [*(row["accuracy"] for row in results["sets"]), results["weighted_mean"]["accuracy"]]
        for results in (content, content["against"])
    ]
    rows = [
        (
            escape(row["name"]),
            row["samples"],
            *(100 * accuracy for accuracy in both),
            f"{100 * row['difference']:+.2f}",
            row["only_first"],
            row["only_second"],
            f"{row['p']:.2g}",
        )
        for row, *both in zip(content["comparison"], *accuracies)
    ]
    names = [escape(name) for name in (one, other)]
    headings = (
        "set",
        "words",
        *(f"{name} %" for name in names),
        "difference",
        *(f"only {name}" for name in names),
        "p",
    )
    yield html.table(headings, rows)
    pairs = [(readings, other_sets[name]) for name, readings in sets.items() if not readings.known]
    for name, sides in ((one, pairs), (other, [(b, a) for a, b in pairs])):
        words = [
            (-reader.confidences[position].item(), number, position)
            for number, (reader, failing) in enumerate(sides)
            for position in np.flatnonzero(reader.right & ~failing.right).tolist()
        ]
        if not words:
            continue
        yield f"<h3>Only {escape(name)} reads these</h3><div class='records'>"
        for _, number, position in heapq.nsmallest(_ONLY_ONE, words):
            reader, failing = sides[number]
            read, instead = (html.text(side.texts[position]) for side in (reader, failing))
            caption = f'<span class="right">{read}</span>', f'not <span class="wrong">{instead}</span>'
            yield html.record(reader.source, position, *caption)
        yield "</div>"


def _breakdown(sets: list[SetReadings], worst: int) -> Iterator[str]:
    numbers = break_down(sets)
    yield "<h2>Accuracy by what the images are like</h2><p>Words right in percent; contrast is the standard deviation "
    yield 'of the grey levels.</p><div class="tables">'
    for what, (words, right) in numbers.accuracy_by.items():
        rows = [
            (where, count, 100 * some / count, html.bar(some / count))
            for where, count, some in zip(html.ranges(BINS[what]), words.tolist(), right.tolist())
            if count
        ]
        yield html.table([what, "words", "right %", ""], rows)
    yield "</div><h2>Confidence</h2><p>Bars: the part of the words right, of those of like confidence; on the line, "
    error, before = calibration_error(numbers.calibration), calibration_error(numbers.uncalibrated)
    without = f", {100 * before:.2f} % without the preset's calibration" if error != before else ""
    yield f"confidence can be believed. Expected calibration error: {100 * error:.2f} %{without}.</p>"
    yield _reliability(numbers)
    if numbers.confusions:
        yield "<h2>Characters taken for others</h2><p>From label (left) to reading (above), in words read wrong; "
        yield "– is none.</p><div class='tables'>"
        yield _confusion_map(numbers.confusions)
        yield _confusion_table(numbers.confusions)
        yield "</div>"
    words = [
        (-readings.confidences[position].item(), number, position)
        for number, readings in enumerate(sets)
        for position in np.flatnonzero(~readings.right & readings.readable).tolist()
    ]
    if words:
        yield f"<h2>Read wrong: {len(words):,} words</h2><p>Those of the highest confidence, {worst} at most.</p>"
        yield '<div class="records">'
        for confidence, number, position in heapq.nsmallest(worst, words):
            readings = sets[number]
            caption = (
                f"{html.text(readings.labels[position])} read as",
                f'<span class="wrong">{html.text(readings.texts[position])}</span> <small>{-confidence:.3f}</small>',
                f"<small>{escape(readings.source.key(position))}</small>",
            )
            yield html.record(readings.source, position, *caption)
        yield "</div>"


def _reliability(numbers: Breakdown) -> str:
    """Of each bin of confidences the accuracy, as bars (darker for more words), and the line that they should meet."""
    bars, width = [], _PLOT / CONFIDENCE_BINS
    words, right, confidence = numbers.calibration
    for place, (count, some, total) in enumerate(zip(words.tolist(), right.tolist(), confidence.tolist())):
        if count:
            height, shade = _PLOT * some / count, 0.25 + 0.75 * (count / words.max()) ** 0.5
            bars.append(
                f'<rect x="{place * width:.1f}" y="{_PLOT - height:.1f}" width="{width - 1:.1f}" height="{height:.1f}" '
                f'fill="#5b8db8" opacity="{shade:.2f}"><title>{count:,} words, confidence {total / count:.3f}, '
                f"{100 * some / count:.1f} % right</title></rect>"
            )
    return (
        f'<svg width="{_PLOT + 50}" height="{_PLOT + 40}" viewBox="-40 -10 {_PLOT + 50} {_PLOT + 40}" font-size="12">'
        f'<path d="M0 0V{_PLOT}H{_PLOT}" fill="none" stroke="#777"/>{"".join(bars)}'
        f'<path d="M0 {_PLOT}L{_PLOT} 0" stroke="#b3261e" stroke-dasharray="4"/>'
        f'<text x="-8" y="8" text-anchor="end">1</text><text x="-8" y="{_PLOT}" text-anchor="end">0</text>'
        f'<text x="{_PLOT / 2}" y="{_PLOT + 20}" text-anchor="middle">confidence</text>'
        f'<text x="-14" y="{_PLOT / 2}" text-anchor="middle" transform="rotate(-90 -14 {_PLOT / 2})">right</text></svg>'
    )


def _confusion_map(confusions: Counter[tuple[str, str]]) -> str:
    """The characters that are mistaken most often, as a picture: the darker, the more often."""
    wanted, read = Counter(), Counter()
    for (label, text), times in confusions.items():
        wanted[label] += times
        read[text] += times
    rows, columns = ([key for key, _ in some.most_common(_CONFUSED)] for some in (wanted, read))
    most = max(confusions.values())
    cells = [(_shown(label), *(_cell(confusions[label, text], most) for text in columns)) for label in rows]
    return html.table(["", *map(_shown, columns)], cells, "map")


def _cell(times: int, most: int) -> str:
    return f'<span style="background:rgb(91 141 184 / {(times / most) ** 0.5:.2f})">{times or ""}</span>'


def _confusion_table(confusions: Counter[tuple[str, str]]) -> str:
    edits = confusions.total()
    rows = [
        (_shown(label), _shown(text), times, 100 * times / edits)
        for (label, text), times in confusions.most_common(_TOP)
    ]
    return html.table(["label", "read", "times", "% of edits"], rows)


def _shown(character: str) -> str:
    """A character by itself; a mark on a ring, – for none."""
    ring = "◌" if character and unicodedata.category(character)[0] == "M" else ""
    return f"<b>{ring}{escape(character)}</b>" if character else "–"
