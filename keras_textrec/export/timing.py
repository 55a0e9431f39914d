"""How fast a recogniser and its exported files are, here, in one run."""

import dataclasses
import functools
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import keras
import numpy as np

from keras_textrec.export.samples import drawn_words
from keras_textrec.reading.exported import ExportedRecognizer

BATCH = 32
_ROUNDS = 7
# Calls that are timed together take at least so many seconds.
_SECONDS = 0.1


@dataclasses.dataclass(frozen=True)
class Timing:
    """One row of `benchmark`.

    Attributes:
        what: the backend, or the file.
        input: "core", the network alone on its float input; "image", with preprocessing and decoding inside.
        milliseconds: of one image alone, the median of several rounds.
        images_per_second: in batches of `BATCH`.
        words, same_texts: how many words were read, and how many as by the model.
    """

    what: str
    input: str
    milliseconds: float
    images_per_second: float
    words: int
    same_texts: int


def compare_speed(model: Any, files: Sequence[tuple[str, ExportedRecognizer]]) -> list[Timing]:
    """Times a recogniser on this backend and files of it, in turns, so that what else the machine does meets all alike.

    All get the same words, drawn on a canvas of the converter's size; each runs in its own runtime's threads.

    Args:
        model: a `TextRecognizer`.
        files: the name of each, and what `load_exported` gave.
    """
    words = [image for image, _ in drawn_words(model.tokenizer.charset)]
    readings = model.read(words)
    size = (model.converter.width, model.converter.height)
    images = np.stack([cv2.resize(words[i % len(words)], size) for i in range(BATCH)])
    x = model.converter.convert(list(images), model.converter.width)
    ratios = np.ones(BATCH, "float32")

    def run_model(count: int) -> None:
        model.run("reader", model.reader_inputs(x[:count], ratios[:count]))

    def run_file(exported: ExportedRecognizer, count: int) -> None:
        given = {"image": images if exported.engine.takes == "image" else x, "valid_ratio": ratios}
        exported.engine.run({name: given[name][:count] for name in exported.engine.inputs})

    rows = [(f"Keras, {keras.backend.backend()}", "core", model, run_model)]
    rows += [(name, file.engine.takes, file, functools.partial(run_file, file)) for name, file in files]
    alone, together = ([[] for _ in rows] for _ in range(2))
    for _ in range(_ROUNDS):
        for row, (*_, run) in enumerate(rows):
            alone[row].append(_seconds(functools.partial(run, 1)))
            together[row].append(_seconds(functools.partial(run, BATCH)))
    return [
        Timing(
            what,
            takes,
            1000 * statistics.median(alone[row]),
            BATCH / statistics.median(together[row]),
            len(words),
            sum(a.text == b.text for a, b in zip(reader.read(words), readings, strict=True)),
        )
        for row, (what, takes, reader, _) in enumerate(rows)
    ]


def _seconds(run: Callable[[], None]) -> float:
    """Of one call, after one that is not timed."""
    run()
    calls, start = 0, time.perf_counter()
    while time.perf_counter() < start + _SECONDS:
        run()
        calls += 1
    return (time.perf_counter() - start) / max(1, calls)
