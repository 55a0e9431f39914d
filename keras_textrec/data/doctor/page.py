"""What the doctor found, as one HTML page with the pictures in it."""

import base64
import contextlib
from collections.abc import Iterator
from html import escape
from pathlib import Path

import cv2
import numpy as np

from keras_textrec.data.doctor.checks import Diagnosis, Finding
from keras_textrec.data.doctor.report import to_dict
from keras_textrec.images.load import decode

PICTURES = 60  # of each finding
_HEIGHT, _WIDTH = 64, 240  # of a picture, in pixels, at most

_STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; color: #222; }
table { border-collapse: collapse; margin: 1em 2em 1em 0; } td, th { padding: 2px 10px; text-align: left; }
tr:nth-child(even) { background: #f3f3f3; } td.n { text-align: right; font-variant-numeric: tabular-nums; }
i { display: inline-block; height: 10px; background: #5b8db8; }
.tables, .records { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 10px; }
figure { margin: 0; padding: 6px; border: 1px solid #ddd; max-width: 260px; overflow-wrap: anywhere; }
.group { display: flex; flex-wrap: wrap; gap: 6px; border-left: 4px solid #5b8db8; padding-left: 6px; }
img { display: block; } figcaption { font-size: 13px; } b { white-space: pre-wrap; } small { color: #777; }
"""


def write_page(path: str | Path, diagnosis: Diagnosis) -> None:
    """Writes the page: counts, histograms, and of each finding up to `PICTURES` records."""
    Path(path).write_text("\n".join(_page(diagnosis)), "utf-8", "backslashreplace")


def _page(diagnosis: Diagnosis) -> Iterator[str]:
    findings, content = diagnosis.findings, to_dict(diagnosis, listed=0)
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Labelled images</title><style>{_STYLE}</style>'
    yield f"<h1>{len(diagnosis.scan):,} labelled images</h1>"
    links = [(f'<a href="#{n}">{escape(f.name)}</a>', len(f), escape(f.meaning)) for n, f in enumerate(findings)]
    yield _table("finding", links) if findings else "<p>Nothing is wrong.</p>"
    if content["outside_the_charset"]:
        rows = [(escape(repr(char)), n) for char, n in list(content["outside_the_charset"].items())[:100]]
        yield _table("outside the charset", rows)
    for number, finding in enumerate(findings):
        yield f'<h2 id="{number}">{escape(finding.name)}: {len(finding):,}</h2><p>{escape(finding.meaning)}</p>'
        yield f'<div class="records">{"".join(_records(diagnosis, finding))}</div>'
    for name, counts in content["sets"].items():
        yield f'<h2>{name}: {counts["records"]:,} records</h2><div class="tables">'
        yield _table("letters", list(counts["case"].items()))
        for what, bins in counts["histogram"].items():
            most = max(1, *bins.values())
            rows = [(low, n, f'<i style="width:{150 * n // most}px"></i>') for low, n in bins.items()]
            yield _table(f"{what} from", rows)
        yield "</div>"
    yield "</html>"


def _table(heading: str, rows: list[tuple]) -> str:
    """A table of rows of HTML and numbers."""
    lines = "".join(
        "<tr>" + "".join(f'<td class="n">{c:,}</td>' if isinstance(c, int) else f"<td>{c}</td>" for c in row) + "</tr>"
        for row in rows
    )
    return f"<table><tr><th colspan=3>{heading}</th></tr>{lines}</table>"


def _records(diagnosis: Diagnosis, finding: Finding) -> Iterator[str]:
    group = None
    for row in diagnosis.examples(finding, PICTURES):
        if "group" in row and row["group"] != group:
            yield ("</div>" if group is not None else "") + '<div class="group">'
            group = row["group"]
        text = "<small>no text</small>" if row["text"] is None else f"<b>{escape(row['text'])}</b>"
        yield (
            f"<figure>{_picture(diagnosis, row['position'])}<figcaption>{text} {escape(row['note'])}<br>"
            f"<small>{escape(row['key'])}</small></figcaption></figure>"
        )
    if group is not None:
        yield "</div>"


def _picture(diagnosis: Diagnosis, position: int) -> str:
    """An <img> of a record, shrunk to fit; nothing for an image that cannot be read."""
    with contextlib.suppress(ValueError, OSError):
        image = decode(diagnosis.source[position][0])
        scale = min(1.0, _HEIGHT / image.shape[0], _WIDTH / image.shape[1])
        size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        data = cv2.imencode(".jpg", np.ascontiguousarray(small[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
        return f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(data).decode()}">'
    return ""
