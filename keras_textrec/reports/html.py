"""Parts of pages of HTML that need no other file and no script: style, tables, bars, pictures of records."""

import base64
import contextlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path

import cv2
import numpy as np

from keras_textrec.data.sources import Source
from keras_textrec.images.load import decode

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
img { display: block; margin-bottom: 4px; max-width: 100%; } figcaption { font-size: 13px; }
b { white-space: pre-wrap; background: #e8f0f7; } small { color: #777; }
.map td, .map th { padding: 0; text-align: center; } .map td { border: 1px solid #e8e8e8; font-size: 12px; }
.map span { display: block; min-width: 24px; line-height: 22px; min-height: 22px; }
summary { margin: 1em 0; cursor: pointer; }
.right { color: #1a7f37; } .wrong { color: #b3261e; } pre { overflow-x: auto; background: #f3f3f3; padding: 8px; }
"""


def write_page(path: str | Path, title: str, parts: Iterable[str]) -> None:
    """Writes a page: its title as the heading, then parts of HTML."""
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    head += f"<title>{escape(title)}</title><style>{_STYLE}</style><h1>{escape(title)}</h1>"
    Path(path).write_text("\n".join([head, *parts, "</html>"]), "utf-8", "backslashreplace")


def table(headings: Iterable[str], rows: Iterable[tuple], kind: str = "") -> str:
    """A table of rows of HTML and numbers; whole numbers get separators. `kind`: "map", one of squares."""

    def cell(content: str | int | float) -> str:
        if isinstance(content, str):
            return f"<td>{content}</td>"
        return f'<td class="n">{content:,}</td>' if isinstance(content, int) else f'<td class="n">{content:.2f}</td>'

    lines = "".join("<tr>" + "".join(map(cell, row)) + "</tr>" for row in rows)
    heads = "".join(f"<th>{heading}</th>" for heading in headings)
    return f'<table class="{kind}"><tr>{heads}</tr>{lines}</table>'


def ranges(edges: Sequence[float]) -> Iterator[str]:
    """What the bins of a histogram hold: each from its edge to below the next, the last all that is more."""
    whole = all(isinstance(edge, int) for edge in edges)
    for low, high in itertools.pairwise(edges):
        last = high - 1 if whole else high
        yield f"{low}" if last == low else f"{low} – {last}"
    yield f"{edges[-1]} and more"


def bar(part: float) -> str:
    """A bar, as long as a part (0 to 1) of 100 pixels."""
    return f'<i style="width:{100 * part:.0f}px"></i>'


def text(content: str) -> str:
    """A text as it is written, or that there is none."""
    return f"<b>{escape(content)}</b>" if content else "<small>no text</small>"


def picture(image: np.ndarray) -> str:
    """An <img> of an image, uint8 (H, W, 3) RGB, as large as its place is."""
    scale = min(_HEIGHT / image.shape[0], _WIDTH / image.shape[1])
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    if scale < 1:
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
    source = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
    return f'<img alt="" width="{width}" height="{height}" src="{source}">'


def record(source: Source, position: int, *caption: str) -> str:
    """A record's picture, none if it cannot be read, over lines of HTML."""
    shown = ""
    with contextlib.suppress(ValueError, OSError):
        shown = picture(decode(source[position][0]))
    return f"<figure>{shown}<figcaption>{'<br>'.join(caption)}</figcaption></figure>"
