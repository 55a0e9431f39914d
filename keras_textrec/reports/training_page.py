"""A training on one page: curves, what it trains on, and how it comes to read some words."""

import json
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

from keras_textrec.data.sources import Source
from keras_textrec.reports import html
from keras_textrec.text.comparing import is_right

_EPOCHS = 8  # of which readings are shown: the first, the last, and others between


def write_training_page(
    path: str | Path,
    title: str,
    log: Sequence[dict[str, Any]],
    samples: tuple[Source, Sequence[int]] | None,
    readings: Sequence[dict[str, Any]],
    protocol: str | None,
    environment: Any,
) -> None:
    """Writes the page; it shows the pictures that lie beside it.

    Args:
        log: a row an epoch, the last one last.
        samples: a source, and the positions of the records that are read after every epoch.
        readings: of each epoch, and each sample in their order: its "epoch", "label", "text" and "confidence".
        protocol: by which texts are compared (`keras_textrec.text.comparing`), if there are samples.
        environment: what JSON can hold.
    """
    html.write_page(path, title, _parts(Path(path).parent, log, samples, readings, protocol, environment))


def _parts(folder, log, samples, readings, protocol, environment) -> Iterator[str]:
    last = [(escape(key), escape(str(value))) for key, value in log[-1].items()]
    yield html.table(["after the last epoch", ""], last)
    for name, heading in (
        ("curves.png", "Curves"),
        ("batches.png", "Images of the first batches, as they are trained on"),
    ):
        if (folder / name).exists():
            yield f'<h2>{heading}</h2><img alt="{heading}" src="{name}">'
    if samples:
        yield "<h2>Readings of some words</h2>"
        yield _readings(*samples, readings, protocol)
    yield f"<h2>Made with</h2><pre>{escape(json.dumps(environment, indent=2, ensure_ascii=False))}</pre>"
    yield '<p><a href="description.yaml">description.yaml</a>, <a href="log.csv">log.csv</a></p>'


def _readings(source: Source, positions: Sequence[int], readings: Sequence[dict[str, Any]], protocol: str) -> str:
    """A row for each sample: its picture, its label, and what was read after some of the epochs."""
    epochs = list(dict.fromkeys(str(row["epoch"]) for row in readings))
    count = min(len(epochs), _EPOCHS)
    shown = [epochs[round(place * (len(epochs) - 1) / max(1, count - 1))] for place in range(count)]
    rows = []
    for place, position in enumerate(positions):
        own = {str(row["epoch"]): row for row in readings[place :: len(positions)]}
        label = own[shown[-1]]["label"]
        cells = [html.record(source, position, html.text(label))]
        for epoch in shown:
            text, confidence = own[epoch]["text"], float(own[epoch]["confidence"])
            kind = "right" if is_right(text, label, protocol) else "wrong"
            cells.append(f'<span class="{kind}">{html.text(text)}</span><br><small>{confidence:.2f}</small>')
        rows.append(tuple(cells))
    return html.table(["image and label", *(f"epoch {epoch}" for epoch in shown)], rows)
