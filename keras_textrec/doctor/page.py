"""What the doctor found, as one HTML page with the pictures in it."""

import base64
import contextlib
import itertools
from collections.abc import Iterator
from html import escape
from pathlib import Path

import cv2

from keras_textrec.doctor.checks import Diagnosis, Finding
from keras_textrec.doctor.report import BINS, to_dict
from keras_textrec.images.load import decode

PICTURES = 60  # of each finding
_HEIGHT, _WIDTH = 56, 224  # of a picture on the page, in pixels, at most; small ones are shown enlarged

_STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; color: #222; }
h2 { margin: 2em 0 0; } h2 + p { margin: 0 0 1em; color: #555; } a { color: #2a6496; }
table { border-collapse: collapse; margin: 1em 1em 1em 0; } td, th { padding: 2px 8px; text-align: left; }
tr:nth-child(even) { background: #f3f3f3; } td.n { text-align: right; font-variant-numeric: tabular-nums; }
i { display: inline-block; height: 10px; background: #5b8db8; }
.tables, .records { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 10px; }
figure { margin: 0; padding: 6px; border: 1px solid #ddd; border-radius: 4px; max-width: 260px; }
figure, .group { overflow-wrap: anywhere; }
.group { display: flex; flex-wrap: wrap; gap: 6px; border-left: 4px solid #5b8db8; padding-left: 6px; }
img { display: block; margin-bottom: 4px; } figcaption { font-size: 13px; }
b { white-space: pre-wrap; background: #e8f0f7; } small { color: #777; }
"""


def write_page(path: str | Path, diagnosis: Diagnosis) -> None:
    """Writes the page: counts, histograms, and of each finding up to `PICTURES` records."""
    Path(path).write_text("\n".join(_page(diagnosis)), "utf-8", "backslashreplace")


def _page(diagnosis: Diagnosis) -> Iterator[str]:
    findings, content = diagnosis.findings, to_dict(diagnosis, listed=0)
    yield '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    yield f"<title>Labelled images</title><style>{_STYLE}</style><h1>{len(diagnosis.scan):,} labelled images</h1>"
    links = [(f'<a href="#{n}">{escape(f.name)}</a>', len(f), escape(f.meaning)) for n, f in enumerate(findings)]
    yield _table(["finding", "records", ""], links) if findings else "<p>Nothing is wrong.</p>"
    if content["outside_the_charset"]:
        rows = [(escape(repr(char)), n) for char, n in list(content["outside_the_charset"].items())[:100]]
        yield _table(["outside the charset", "times"], rows)
    for number, finding in enumerate(findings):
        first = f" The first {PICTURES}:" if len(finding) > PICTURES else ""
        yield f'<h2 id="{number}">{escape(finding.name)}: {len(finding):,}</h2><p>{escape(finding.meaning)}{first}</p>'
        yield f'<div class="records">{"".join(_records(diagnosis, finding))}</div>'
    for name, counts in content["sets"].items():
        yield f'<h2>{name}: {counts["records"]:,} records</h2><div class="tables">'
        yield _table(["letters", "texts"], list(counts["case"].items()))
        for what, bins in counts["histogram"].items():
            most = max(1, *bins.values())
            bars = [f'<i style="width:{100 * n // most}px"></i>' for n in bins.values()]
            yield _table([what, "records", ""], list(zip(_ranges(BINS[what]), bins.values(), bars)))
        yield "</div>"
    yield "</html>"


def _ranges(edges: list[float]) -> Iterator[str]:
    """What the bins of a histogram hold: each from its edge to below the next."""
    whole = all(isinstance(edge, int) for edge in edges)
    for low, high in itertools.pairwise(edges):
        last = high - 1 if whole else high
        yield f"{low}" if last == low else f"{low} – {last}"
    yield f"{edges[-1]} and more"


def _table(headings: list[str], rows: list[tuple]) -> str:
    """A table of rows of HTML and numbers."""
    lines = "".join(
        "<tr>" + "".join(f'<td class="n">{c:,}</td>' if isinstance(c, int) else f"<td>{c}</td>" for c in row) + "</tr>"
        for row in rows
    )
    return f"<table><tr>{''.join(f'<th>{heading}</th>' for heading in headings)}</tr>{lines}</table>"


def _records(diagnosis: Diagnosis, finding: Finding) -> Iterator[str]:
    group = None
    for row in diagnosis.examples(finding, PICTURES):
        if "group" in row and row["group"] != group:
            yield ("</div>" if group is not None else "") + '<div class="group">'
            group = row["group"]
        text = f"<b>{escape(row['text'])}</b>" if row["text"] else "<small>no text</small>"
        note = f"{escape(row['note'])}<br>" if row["note"] else ""
        yield (
            f"<figure>{_picture(diagnosis, row['position'])}<figcaption>{text}<br>{note}"
            f"<small>{escape(row['key'])}</small></figcaption></figure>"
        )
    if group is not None:
        yield "</div>"


def _picture(diagnosis: Diagnosis, position: int) -> str:
    """An <img> of a record, as large as its place is; nothing for an image that cannot be read."""
    with contextlib.suppress(ValueError, OSError):
        image = decode(diagnosis.source[position][0])
        scale = min(_HEIGHT / image.shape[0], _WIDTH / image.shape[1])
        height, width = (max(1, round(side * scale)) for side in image.shape[:2])
        if scale < 1:
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
        source = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
        return f'<img alt="" width="{width}" height="{height}" src="{source}">'
    return ""
