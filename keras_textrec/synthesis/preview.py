"""Looks at rendered words beside real ones: a contact sheet, and what can be measured."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from keras_textrec.data.opening import open_source
from keras_textrec.data.preview import readable
from keras_textrec.images.load import decode
from keras_textrec.images.sheet import contact_sheet
from keras_textrec.synthesis.dice import Dice
from keras_textrec.synthesis.render import WordRenderer

MEASURES = (
    "width / height",
    "characters",
    "width / height / characters",
    "height",
    "contrast",  # luminance: its 95th percentile less its 5th
    "sharpness",  # the steepest edges, in contrasts a pixel at 32 pixels height
    "brightness",  # the median of luminance
    "colour",  # the largest channel less the smallest, on average
    "grain",  # how far pixels are from their neighbours' median, in the median
)
_HEIGHT = 32  # at which images are measured


def measure(image: np.ndarray, text: str) -> list[float]:
    """The `MEASURES` of an image, uint8 (H, W, 3) RGB, and its text."""
    height, width = image.shape[:2]
    how = cv2.INTER_AREA if height > _HEIGHT else cv2.INTER_LINEAR
    small = cv2.resize(image, (max(8, round(width * _HEIGHT / height)), _HEIGHT), interpolation=how).astype(np.float32)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    low, middle, high = np.percentile(grey, [5, 50, 95])
    edges = np.hypot(cv2.Sobel(grey, -1, 1, 0, scale=0.125), cv2.Sobel(grey, -1, 0, 1, scale=0.125))
    return [
        width / height,
        len(text),
        width / height / max(1, len(text)),
        height,
        high - low,
        float(np.percentile(edges, 95)) / (high - low + 8),
        middle,
        float((small.max(2) - small.min(2)).mean()),
        float(np.median(np.abs(grey - cv2.medianBlur(grey, 3)))),
    ]


def compare(rendered: np.ndarray, real: np.ndarray | None = None) -> list[tuple[str, ...]]:
    """Rows of a table: a measure and the rendered images' 10th, 50th and 90th percentiles; with `real` ones theirs, and
    how far the distributions are apart: 0, alike, to 1 (Kolmogorov and Smirnov's distance). Arrays are (N, measures).
    """
    rows = []
    for column, name in enumerate(MEASURES):
        samples = [side[:, column] for side in (rendered, real) if side is not None]
        cells = [" ".join(f"{v:.3g}" for v in np.percentile(sample, [10, 50, 90])) for sample in samples]
        rows.append((name, *cells, *([f"{_distance(*samples):.2f}"] if real is not None else [])))
    return rows


def _distance(first: np.ndarray, second: np.ndarray) -> float:
    values = np.sort(np.concatenate([first, second]))
    shares = [np.searchsorted(np.sort(sample), values, side="right") / len(sample) for sample in (first, second)]
    return float(np.abs(shares[0] - shares[1]).max())


def preview(
    renderer: WordRenderer, sheet: str | Path, beside: Sequence[str | Path] = (), count: int = 1000, shown: int = 120
) -> list[tuple[str, ...]]:
    """Writes a contact sheet of the first images, with real ones below, and compares both (see `compare`).

    Args:
        sheet: an image file to be written.
        beside: datasets of real words.
        count: images of either kind that are measured; `shown` of them are on the sheet.

    Raises:
        FileNotFoundError: there is no such dataset.
        OSError, ValueError: the sheet cannot be written, or its name is not an image's.
    """
    sources = [open_source(path) for path in beside]
    sets = [[(decode(word.image), word.text) for word in map(renderer.render_jpeg, range(count))]]
    if beside:
        share = count // len(sources)
        chosen = [sorted(Dice("beside").sample(range(len(s)), min(share, len(s)))) for s in sources]
        records = [record for source, positions in zip(sources, chosen) for record in readable(source, positions)]
        sets.append(Dice("order").sample(records, len(records)))
    images, texts = zip(*(pair for pairs in sets for pair in pairs[:shown]))
    plain = max(renderer.fonts.fonts, key=lambda font: (len(font.characters), font.plainness))
    Image.fromarray(contact_sheet(images, texts, font=plain.load(11))).save(sheet)
    return compare(*(np.array([measure(image, text) for image, text in pairs]) for pairs in sets))
