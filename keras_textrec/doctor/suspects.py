"""Labels that a recogniser contradicts."""

import functools
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from rich.progress import Progress

from keras_textrec.data.sources import Source
from keras_textrec.data.strings import Strings
from keras_textrec.images.load import decode
from keras_textrec.images.two_lines import in_one_line
from keras_textrec.reading.stream import Outcome, read_records
from keras_textrec.text import Reading
from keras_textrec.text.comparing import edit_similarity, is_right, normalize_text

# Of 6,725 labels of three public sets `crnn_small_en` contradicted 57 as surely as this. By eye 23 of them are wrong,
# 12 of the surest 15; where it is less sure, few are.
SURE = 0.98


# A reading of an image as it stands fits its label less than this, one of the image shown otherwise more: in parts of
# the longer text's characters, of which there are at least so many.
_MISREAD, _READ, _SEVERAL = 0.5, 0.8, 3


class Suspects(NamedTuple):
    """Records that were surely read as something else: the surest first.

    Attributes:
        positions: int64 (K,); confidences: float64 (K,); texts: K readings.
        too_wide: int64 (W,), images that are too long a line for the network.
        turned: int64 (T,), images that fit their text when turned to the left by so many `degrees` (T); turned_texts: T
            readings.
        two_lines: int64 (L,), images that fit their text when their lower half is set to the right of the upper one;
            two_lines_texts: L readings.
    """

    positions: np.ndarray
    confidences: np.ndarray
    texts: list[str]
    too_wide: np.ndarray
    turned: np.ndarray
    degrees: list[int]
    turned_texts: list[str]
    two_lines: np.ndarray
    two_lines_texts: list[str]


def find_suspects(model, source: Source, positions: np.ndarray, progress: Progress) -> Suspects:
    """Reads the images of records, int64 (N,), with a `TextRecognizer` and compares texts.

    Case, spaces, punctuation and symbols are not compared: many sets' labels leave them out, or write them otherwise.
    """
    task = progress.add_task("read images", total=len(positions))
    doubted, too_wide, confidences, texts = array("q"), array("q"), array("d"), Strings()
    misread = array("q")
    for position, text, outcome in read_records(source, positions, model.read_stream):
        progress.advance(task)
        if not isinstance(outcome, Reading):  # the images can be decoded: `Scan` did
            too_wide.append(position)
            continue
        if outcome.confidence >= SURE and not is_right(outcome.text, text, "letters"):
            doubted.append(position)
            confidences.append(outcome.confidence)
            texts.append(outcome.text)
        if len(text) >= _SEVERAL and _fit(outcome.text, text) < _MISREAD:
            misread.append(position)
    order = np.lexsort((doubted, -np.array(confidences)))
    turned = _read_turned(model, source, np.sort(misread))
    others = np.array(sorted(set(misread) - turned.keys()), np.int64)
    two_lines = {at: text for at, fit, text in _read_as(in_one_line, model, source, others) if fit > _READ}
    return Suspects(
        np.array(doubted, np.int64)[order],
        np.array(confidences)[order],
        [texts[i] for i in order],
        np.sort(np.array(too_wide, np.int64)),
        np.array(sorted(turned), np.int64),
        [turned[position][1] for position in sorted(turned)],
        [turned[position][2] for position in sorted(turned)],
        np.array(sorted(two_lines), np.int64),
        [two_lines[position] for position in sorted(two_lines)],
    )


def _read_turned(model, source: Source, positions: Sequence[int]) -> dict[int, tuple[float, int, str]]:
    """Those records that fit their label when turned to the left: how well, by how many degrees, what is read then."""
    best: dict[int, tuple[float, int, str]] = {}
    for quarters in (1, 2, 3):
        for position, fit, text in _read_as(functools.partial(np.rot90, k=quarters), model, source, positions):
            best[position] = max(best.get(position, (_READ, 0, "")), (fit, 90 * quarters, text))
    return {position: fit for position, fit in best.items() if fit[1]}


def _read_as(
    shown: Callable[[np.ndarray], np.ndarray], model, source: Source, positions: Sequence[int]
) -> Iterator[tuple[int, float, str]]:
    """What is read in the images of records when they are shown otherwise: position, how well it fits, the text."""

    def stream(images: Iterable[bytes]) -> Iterator[tuple[int, Outcome]]:
        return model.read_stream(shown(decode(image)) for image in images)

    for position, text, outcome in read_records(source, positions, stream):
        if isinstance(outcome, Reading):  # and no line that is too long
            yield position, _fit(outcome.text, text), outcome.text


def _fit(read: str, label: str) -> float:
    return edit_similarity(normalize_text(read, "letters"), normalize_text(label, "letters"))
