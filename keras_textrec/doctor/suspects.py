"""Labels that a recogniser contradicts."""

from array import array
from typing import NamedTuple

import numpy as np
from rich.progress import Progress

from keras_textrec.data.sources import Source, prefetch
from keras_textrec.data.strings import Strings
from keras_textrec.images.load import decode
from keras_textrec.text.comparing import is_right

# Of 6,725 labels of three public sets `crnn_small_en` contradicted 57 as surely as this. By eye 23 of them are wrong,
# 12 of the surest 15; where it is less sure, few are.
SURE = 0.98

_WINDOW = 512  # images held at a time, to be grouped by width


class Suspects(NamedTuple):
    """Records that were surely read as something else: the surest first.

    Attributes:
        positions: int64 (K,); confidences: float64 (K,); texts: K readings.
        too_wide: int64 (W,), images that are too long a line for the network.
    """

    positions: np.ndarray
    confidences: np.ndarray
    texts: list[str]
    too_wide: np.ndarray


def find_suspects(model, source: Source, positions: np.ndarray, progress: Progress) -> Suspects:
    """Reads the images of records, int64 (N,), with a `TextRecognizer` and compares texts.

    Case, spaces, punctuation and symbols are not compared: many sets' labels leave them out, or write them otherwise.
    """
    task = progress.add_task("read images", total=len(positions))
    doubted, too_wide, confidences, texts = array("q"), array("q"), array("d"), Strings()
    for first in range(0, len(positions), _WINDOW):
        window = positions[first : first + _WINDOW].tolist()
        prefetch(source, window)
        images, labels, places = [], [], []
        for position in window:
            data, text = source[position]
            image = decode(data)
            try:
                model.converter.canvas_width(image.shape)
            except ValueError:
                too_wide.append(position)
                continue
            images.append(image)
            labels.append(text)
            places.append(position)
        for position, text, reading in zip(places, labels, model.read(images)):
            if reading.confidence >= SURE and not is_right(reading.text, text, "letters"):
                doubted.append(position)
                confidences.append(reading.confidence)
                texts.append(reading.text)
        progress.advance(task, len(window))
    order = np.argsort(-np.array(confidences), kind="stable")
    return Suspects(
        np.array(doubted, np.int64)[order],
        np.array(confidences)[order],
        [texts[i] for i in order],
        np.array(too_wide, np.int64),
    )
