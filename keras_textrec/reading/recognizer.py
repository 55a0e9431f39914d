"""How a recogniser reads, be it a model or an exported file: constrained, in several orientations, calibrated."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import numpy as np

from keras_textrec.decoding import Constraint, Constraints
from keras_textrec.images import ImageConverter
from keras_textrec.reading.confidence import Calibration, calibrated
from keras_textrec.reading.orientation import Orientations, read_oriented
from keras_textrec.reading.stream import Outcome
from keras_textrec.text import Reading, Tokenizer

# Converted images and their valid ratios (and the lexicon of each, where each has its own) -> their readings.
BatchReader = Callable[..., list[Reading]]


class Recognizer(Protocol):
    """What `recognize` needs.

    Attributes:
        calibration: of free readings, if there is one.
        orientations: in which images are read where none are asked for; None: as they are.
    """

    tokenizer: Tokenizer
    converter: ImageConverter

    @property
    def calibration(self) -> Calibration | None: ...

    @property
    def orientations(self) -> Orientations | None: ...

    def read_batch(self, x: np.ndarray, valid_ratio: np.ndarray) -> list[Reading]: ...

    def constrained_reader(self, constraint: Constraint) -> BatchReader: ...


def recognize(
    recognizer: Recognizer,
    images: Iterable[Any],
    orientations: Orientations | None,
    constraints: Constraints,
    stream: Callable[[Iterable[Any], BatchReader, Iterable[Any] | None], Iterator[tuple[int, Outcome]]],
) -> Iterator[tuple[int, Outcome]]:
    """Reads any number of images, as `TextRecognizer.read_stream` has it.

    Args:
        stream: (images, what reads a batch of them, the lexicon of each or None) -> outcomes, not calibrated, as
            `keras_textrec.reading.read_stream` yields them.
    """
    calibration, read_batch, lexica = recognizer.calibration, recognizer.read_batch, None
    if any(value is not None for value in constraints.values()):
        constraint = Constraint(recognizer.tokenizer, **constraints)
        if constraint.lexica is not None:  # whose words' confidence is another, never calibrated
            calibration = None
        read_batch, lexica = recognizer.constrained_reader(constraint), constraint.each

    def read(images: Iterable[Any], lexica: Iterable[Any] | None) -> Iterator[tuple[int, Outcome]]:
        return stream(images, read_batch, lexica)

    usual = recognizer.orientations
    return calibrated(read_oriented(images, orientations, recognizer.converter, read, lexica, usual), calibration)
