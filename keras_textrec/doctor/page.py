"""What the doctor found, as one HTML page with the pictures in it."""

from collections.abc import Iterator
from html import escape
from pathlib import Path

from keras_textrec.doctor.checks import Diagnosis, Finding
from keras_textrec.doctor.report import BINS, to_dict
from keras_textrec.reports import html

PICTURES = 60  # of each finding


def write_page(path: str | Path, diagnosis: Diagnosis) -> None:
    """Writes the page: counts, histograms, and of each finding up to `PICTURES` records."""
    html.write_page(path, f"{len(diagnosis.scan):,} labelled images", _parts(diagnosis))


def _parts(diagnosis: Diagnosis) -> Iterator[str]:
    findings, content = diagnosis.findings, to_dict(diagnosis, listed=0)
    links = [(f'<a href="#{n}">{escape(f.name)}</a>', len(f), escape(f.meaning)) for n, f in enumerate(findings)]
    yield html.table(["finding", "records", ""], links) if findings else "<p>Nothing is wrong.</p>"
    if content["outside_the_charset"]:
        rows = [(escape(repr(char)), n) for char, n in list(content["outside_the_charset"].items())[:100]]
        yield html.table(["outside the charset", "times"], rows)
    for number, finding in enumerate(findings):
        first = f" The first {PICTURES}:" if len(finding) > PICTURES else ""
        yield f'<h2 id="{number}">{escape(finding.name)}: {len(finding):,}</h2><p>{escape(finding.meaning)}{first}</p>'
        yield f'<div class="records">{"".join(_records(diagnosis, finding))}</div>'
    for name, counts in content["sets"].items():
        yield f'<h2>{name}: {counts["records"]:,} records</h2><div class="tables">'
        yield html.table(["letters", "texts"], list(counts["case"].items()))
        for what, bins in counts["histogram"].items():
            most = max(1, *bins.values())
            bars = [html.bar(n / most) for n in bins.values()]
            yield html.table([what, "records", ""], list(zip(html.ranges(BINS[what]), bins.values(), bars)))
        yield "</div>"


def _records(diagnosis: Diagnosis, finding: Finding) -> Iterator[str]:
    group = None
    for row in diagnosis.examples(finding, PICTURES):
        if "group" in row and row["group"] != group:
            yield ("</div>" if group is not None else "") + '<div class="group">'
            group = row["group"]
        notes = [escape(row["note"])] if row["note"] else []
        caption = html.text(row["text"]), *notes, f"<small>{escape(row['key'])}</small>"
        yield html.record(diagnosis.source, row["position"], *caption)
    if group is not None:
        yield "</div>"
