"""Labels that a recogniser contradicts."""

from array import array
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from rich.progress import Progress

from keras_textrec.data.sources import Source, prefetch
from keras_textrec.data.strings import Strings
from keras_textrec.images.load import decode
from keras_textrec.text.comparing import edit_similarity, is_right, normalize_text

# Of 6,725 labels of three public sets `crnn_small_en` contradicted 57 as surely as this. By eye 23 of them are wrong,
# 12 of the surest 15; where it is less sure, few are.
SURE = 0.98

_WINDOW = 512  # images held at a time, to be grouped by width


# A reading of an image as it stands fits its label less than this, one of the turned image more than that: in parts of
# the longer text's characters, of which there are at least so many.
_MISREAD, _READ, _SEVERAL = 0.5, 0.8, 3


class Suspects(NamedTuple):
    """Records that were surely read as something else: the surest first.

    Attributes:
        positions: int64 (K,); confidences: float64 (K,); texts: K readings.
        too_wide: int64 (W,), images that are too long a line for the network.
        turned: int64 (T,), images that fit their text when turned to the left by so many `degrees` (T); turned_texts: T
            readings.
    """

    positions: np.ndarray
    confidences: np.ndarray
    texts: list[str]
    too_wide: np.ndarray
    turned: np.ndarray
    degrees: list[int]
    turned_texts: list[str]


def find_suspects(model, source: Source, positions: np.ndarray, progress: Progress) -> Suspects:
    """Reads the images of records, int64 (N,), with a `TextRecognizer` and compares texts.

    Case, spaces, punctuation and symbols are not compared: many sets' labels leave them out, or write them otherwise.
    """
    task = progress.add_task("read images", total=len(positions))
    doubted, too_wide, confidences, texts = array("q"), array("q"), array("d"), Strings()
    turned, degrees, turned_texts = array("q"), array("q"), Strings()
    for first in range(0, len(positions), _WINDOW):
        window = positions[first : first + _WINDOW].tolist()
        prefetch(source, window)
        images, labels, places = [], [], []
        for position in window:
            data, text = source[position]
            image = decode(data)
            if not _is_line(model, image):
                too_wide.append(position)
                continue
            images.append(image)
            labels.append(text)
            places.append(position)
        misread = []
        for k, (text, reading) in enumerate(zip(labels, model.read(images), strict=True)):
            if reading.confidence >= SURE and not is_right(reading.text, text, "letters"):
                doubted.append(places[k])
                confidences.append(reading.confidence)
                texts.append(reading.text)
            if _fit(reading.text, text) < _MISREAD and len(text) >= _SEVERAL:
                misread.append(k)
        for k, angle, text in _read_turned(model, [images[k] for k in misread], [labels[k] for k in misread]):
            turned.append(places[misread[k]])
            degrees.append(angle)
            turned_texts.append(text)
        progress.advance(task, len(window))
    order = np.argsort(-np.array(confidences), kind="stable")
    return Suspects(
        np.array(doubted, np.int64)[order],
        np.array(confidences)[order],
        [texts[i] for i in order],
        np.array(too_wide, np.int64),
        np.array(turned, np.int64),
        list(degrees),
        list(turned_texts),
    )


def _read_turned(model, images: list[np.ndarray], labels: list[str]) -> Iterator[tuple[int, int, str]]:
    """Those images that fit their label when turned to the left: which, by how many degrees, and what is read then."""
    best = [(_READ, 0, "")] * len(images)
    for quarters in (1, 2, 3):
        views = {k: np.rot90(image, quarters) for k, image in enumerate(images)}
        views = {k: np.ascontiguousarray(view) for k, view in views.items() if _is_line(model, view)}
        for k, reading in zip(views, model.read(list(views.values())), strict=True):
            best[k] = max(best[k], (_fit(reading.text, labels[k]), 90 * quarters, reading.text))
    yield from ((k, angle, text) for k, (_, angle, text) in enumerate(best) if angle)


def _fit(read: str, label: str) -> float:
    return edit_similarity(normalize_text(read, "letters"), normalize_text(label, "letters"))


def _is_line(model, image: np.ndarray) -> bool:
    """Whether it is not too long for the network."""
    try:
        model.converter.canvas_width(image.shape)
    except ValueError:
        return False
    return True
