"""What the doctor found, as tables on the terminal and as JSON."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.text import Text

from keras_textrec.doctor.checks import Diagnosis
from keras_textrec.doctor.scan import CASES
from keras_textrec.system.terminal import print_table

# Records of each finding that are named in JSON, and on the terminal; all are counted.
LISTED, SHOWN = 1000, 6

PERCENTILES = [0, 1, 10, 50, 90, 99, 100]
_PIXELS = [1, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1024, 4096]
BINS = {
    "characters": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 25, 30, 50, 100],
    "width": _PIXELS,
    "height": _PIXELS,
    "width / height": [0, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20],
}


def to_dict(diagnosis: Diagnosis, listed: int = LISTED) -> dict[str, Any]:
    """All that was found, for JSON: up to `listed` records of each finding are named."""
    return {
        "sets": {name: statistics(diagnosis, part) for name, part in _sets(diagnosis).items()},
        "findings": [
            {
                "name": finding.name,
                "meaning": finding.meaning,
                "records": len(finding),
                "listed": list(diagnosis.examples(finding, listed)),
            }
            for finding in diagnosis.findings
        ],
        "outside_the_charset": dict(diagnosis.scan.unknown.most_common()),
        "characters": dict(diagnosis.scan.alphabet.most_common()),
    }


def statistics(diagnosis: Diagnosis, part: slice) -> dict[str, Any]:
    """Counts of a part of the records: case and length of the texts, sizes of the images; a histogram's bin is named by
    its lower end."""
    scan = diagnosis.scan
    width, height, characters = scan.width[part], scan.height[part], scan.characters[part]
    readable, cases = width > 0, np.bincount(scan.case[part][characters >= 0], minlength=len(CASES))
    values = {
        "characters": characters[characters >= 0],
        "width": width[readable],
        "height": height[readable],
        "width / height": width[readable] / height[readable],
    }
    counts = {name: np.histogram(values[name], [*edges, np.inf])[0].tolist() for name, edges in BINS.items()}
    return {
        "records": len(width),
        "images": int(np.count_nonzero(readable)),
        "case": dict(zip(CASES, cases.tolist())),
        "percentiles": {
            name: dict(zip(map(str, PERCENTILES), np.percentile(some, PERCENTILES).round(3).tolist()))
            for name, some in values.items()
            if len(some)
        },
        "histogram": {name: dict(zip(map(str, BINS[name]), row)) for name, row in counts.items()},
    }


def write_json(path: str | Path, diagnosis: Diagnosis) -> None:
    text = json.dumps(to_dict(diagnosis), indent=2, ensure_ascii=False) + "\n"
    Path(path).write_text(text, "utf-8", "backslashreplace")  # half a surrogate pair, in JSON's way


def print_report(diagnosis: Diagnosis) -> None:
    """Tables on the standard output."""
    console = Console()
    for name, part in _sets(diagnosis).items():
        row = statistics(diagnosis, part)
        cases = ", ".join(f"{count:,} {case}" for case, count in row["case"].items() if count)
        console.print(Text(f"{name}: {row['records']:,} records, {row['images']:,} images. Texts: {cases}."))
        rows = ((what, *(f"{value:g}" for value in some.values())) for what, some in row["percentiles"].items())
        print_table(("percentile", *map(str, PERCENTILES)), rows)
    if diagnosis.scan.unknown:
        common = diagnosis.scan.unknown.most_common(20)
        print_table(("outside the charset", "times"), ((repr(char), f"{n:,}") for char, n in common))
    for finding in diagnosis.findings:
        records = "1 record" if len(finding) == 1 else f"{len(finding):,} records"
        console.print(Text(f"\n{finding.name}: {records}. {finding.meaning}", style="bold"))
        rows = (
            (
                _printable(row["key"]),
                repr(row["text"]),
                row["note"] or (f"group {row['group']}" if "group" in row else ""),
            )
            for row in diagnosis.examples(finding, SHOWN)
        )
        print_table(("record", "text", ""), rows)
    what = ", ".join(f"{len(finding):,} {finding.name}" for finding in diagnosis.findings)
    console.print(Text(f"\n{what or 'Nothing is wrong'}; {len(diagnosis.scan):,} records."))


def _sets(diagnosis: Diagnosis) -> dict[str, slice]:
    if diagnosis.train == len(diagnosis.source):
        return {"train": slice(None)}
    return {"train": slice(diagnosis.train), "test": slice(diagnosis.train, None)}


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
