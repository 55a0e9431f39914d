"""Reads whole photographs: a detector finds the words, a recogniser reads them.

Published pipeline: PaddleOCR `tools/infer/predict_system.py`.
"""

import dataclasses
import functools
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, Self, Unpack

import numpy as np
from PIL import Image

from keras_textrec.decoding import Constraints
from keras_textrec.decoding.lexicons import Lexicon, lexica_of
from keras_textrec.images import load_image
from keras_textrec.images.boxes import Detection
from keras_textrec.images.crops import box_around, checked_polygon, crop_word
from keras_textrec.images.reading_order import text_lines
from keras_textrec.models.text_detector import RepSVTRDetector
from keras_textrec.models.text_recognizer import TextRecognizer
from keras_textrec.reading.exported import load_exported
from keras_textrec.reading.orientation import Orientations, check_orientations
from keras_textrec.reading.stream import check_several, read_all
from keras_textrec.reports.drawing import draw_page
from keras_textrec.system.numbers import whole_number
from keras_textrec.text import Reading
from keras_textrec.text.direction import has_right_to_left, word_order

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, eq=False)
class Word:
    """A word of a photograph: `polygon` float32 (N, 2), its corners (x, y) in pixels; and what its crop reads as."""

    polygon: np.ndarray
    reading: Reading

    @property
    def text(self) -> str:
        return self.reading.text

    @property
    def confidence(self) -> float:
        """From 0 to 1, as `Reading.confidence`."""
        return self.reading.confidence

    def to_dict(self) -> dict:
        """The word as plain lists, strings and numbers, for JSON; without its characters."""
        reading = {name: value for name, value in self.reading.to_dict().items() if name != "characters"}
        return {**reading, "polygon": self.polygon.tolist()}


@dataclasses.dataclass(frozen=True, eq=False)
class Line:
    """A line of a photograph: its words in reading order."""

    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        """The words' texts with spaces between them."""
        return " ".join(word.text for word in self.words)

    @property
    def confidence(self) -> float:
        """The least of its words'."""
        return min(word.confidence for word in self.words)

    @property
    def polygon(self) -> np.ndarray:
        """The corners of the smallest rectangle around its words, float32 (4, 2), clockwise from the top left."""
        return box_around(np.concatenate([word.polygon for word in self.words]))

    def to_dict(self) -> dict:
        """The line as plain dictionaries, lists, strings and numbers, for JSON."""
        return {
            "text": self.text,
            "confidence": self.confidence,
            "polygon": self.polygon.tolist(),
            "words": [word.to_dict() for word in self.words],
        }


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Page(Sequence[Word]):
    """What was read in a photograph: a sequence of its words in reading order, and its `lines`.

    `photo` is the photograph as it was given to `read`.
    """

    photo: Any
    lines: tuple[Line, ...]

    @functools.cached_property
    def words(self) -> tuple[Word, ...]:
        return tuple(word for line in self.lines for word in line.words)

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, index):
        return self.words[index]

    def __repr__(self) -> str:
        return f"<Page of {len(self.lines)} lines, {len(self)} words>"

    @property
    def text(self) -> str:
        """Its lines."""
        return "\n".join(line.text for line in self.lines)

    def to_dict(self) -> dict:
        """The page as plain dictionaries, lists, strings and numbers, for JSON."""
        return {"text": self.text, "lines": [line.to_dict() for line in self.lines]}

    def draw(self, path: str | os.PathLike | None = None) -> Image.Image:
        """The photograph with polygons and texts, as `keras_textrec.reports.drawing.draw_page` draws it.

        Args:
            path: where to write it, too; its ending says as what.

        Raises:
            OSError, ValueError: it cannot be written there, or the photograph cannot be read any more.
        """
        picture = draw_page(load_image(self.photo), [line.words for line in self.lines])
        if path is not None:
            picture.save(path)
        return picture


class Detector(Protocol):
    """What finds words: `RepSVTRDetector`, or another's detector behind one method."""

    def detect(self, image: np.ndarray) -> Sequence[Detection]:
        """The words of an image, uint8 (H, W, 3) RGB, as `crop_word` takes them."""


class Recognizer(Protocol):
    """What reads words: any `TextRecognizer`."""

    def read(self, images: list[np.ndarray], batch_size: int) -> list[Reading]:
        """Reads images, each uint8 (H, W, 3) RGB."""


class TextSpotter:
    """`TextSpotter(detector, recognizer).read("photo.jpg")` gives the photograph's words in reading order.

    Args:
        detector: finds the words.
        recognizer: reads them, each cut out and straightened.
        rotate_tall: a word this many times as high as wide is turned a quarter to the left before it is read, as for
            signs that run downwards; None never turns. A word of one narrow character, or letters stacked upright,
            must not be turned.
        min_confidence: words read with less are left out: what is no text reads as something unlikely. 0.0 keeps all.

    Raises:
        TypeError: the detector finds nothing, or the recogniser reads nothing: one was given for the other.
    """

    def __init__(
        self,
        detector: Detector,
        recognizer: Recognizer,
        rotate_tall: float | None = 1.5,
        min_confidence: float = 0.5,
    ):
        for role, part, method in (("detector", detector, "detect"), ("recognizer", recognizer, "read")):
            if not hasattr(part, method):
                raise TypeError(f"{type(part).__name__} has no `{method}`, so it is no {role}; give TextSpotter both.")
        self.detector = detector
        self.recognizer = recognizer
        self.rotate_tall = rotate_tall
        self.min_confidence = min_confidence

    @classmethod
    def from_presets(
        cls, detector: str | os.PathLike, recognizer: str | os.PathLike = "crnn_small_en", **options: Any
    ) -> Self:
        """A spotter of two presets, each a name, a folder, hf://user/repo (see `TextRecognizer.from_preset`), or an
        exported file (see `load_exported`).

        Args:
            options: the other arguments of `TextSpotter`.

        Raises:
            ValueError: no such preset, or one is a recogniser where a detector is wanted, or the other way round.
            OSError: weights that are not here cannot be downloaded.
        """
        return cls(_part(RepSVTRDetector, "detect", detector), _part(TextRecognizer, "read", recognizer), **options)

    def read(
        self,
        photos: Any,
        batch_size: int = 32,
        orientations: Orientations | None = None,
        **constraints: Unpack[Constraints],
    ) -> Page | list[Page]:
        """Reads one photograph or many.

        Args:
            photos: a path, bytes, array or PIL image (`keras_textrec.images.load_image` says what is accepted), or
                many of them: a list or another iterable.
            batch_size: words a step of the recogniser.
            orientations: in which every word is read, as for the recogniser's `read`, whose own are the default. Others
                than 0 and 180 are those of tall words as they stand, whatever `rotate_tall` is.
            constraints: what is known of every word's text, as for the recogniser's `read`: `allow`, `pattern`,
                `lexicon`, `alternatives`. `min_confidence` takes the place of the spotter's own.

        Returns:
            A `Page`, or a list of them: the words, line by line, as `keras_textrec.images.reading_order` tells; a line
            of Arabic, Hebrew and the like from its right. What the detector found that cannot hold text is left out;
            a warning in the log counts it.

        Raises:
            FileNotFoundError, ValueError: a photograph cannot be read, the batch size is no number of words, or what is
                known makes no sense for the recogniser.
        """
        options = {"batch_size": batch_size, "orientations": orientations, **constraints}
        return read_all(photos, functools.partial(self.read_stream, **options))

    def read_stream(
        self,
        photos: Iterable[Any],
        batch_size: int = 32,
        orientations: Orientations | None = None,
        **constraints: Unpack[Constraints],
    ) -> Iterator[tuple[int, Page | OSError | ValueError]]:
        """Reads any number of photographs, one after the other; arguments as for `read`.

        Yields:
            Each photograph's position, and its `Page` or the OSError or ValueError that tells why there is none.
        """
        check_several(photos)
        whole_number("batch_size", batch_size)  # before the detector's work
        least = constraints.pop("min_confidence", None)
        if least is None:
            least = self.min_confidence
        elif not 0 <= least <= 1:
            raise ValueError(f"min_confidence is a number from 0 to 1; got {least!r}.")
        if constraints.get("lexicon") is not None:
            lexicon = lexica_of(constraints["lexicon"])  # once: it keeps what it is compiled to
            if not isinstance(lexicon, Lexicon):
                raise ValueError("A spotter takes one lexicon, for all words; not a list for each.")
            constraints["lexicon"] = lexicon
        options = {"batch_size": batch_size, **constraints}
        rotate_tall = self.rotate_tall
        if orientations is not None:
            options["orientations"] = orientations
        usual = getattr(self.recognizer, "orientations", None)  # a recogniser is any object with `read`
        wanted = usual if orientations is None else orientations
        if wanted is not None and not set(check_orientations(wanted)) <= {0, 180}:
            rotate_tall = None
        return enumerate(self._read(photo, least, rotate_tall, options) for photo in photos)

    def _read(
        self, photo: Any, min_confidence: float, rotate_tall: float | None, options: dict[str, Any]
    ) -> Page | OSError | ValueError:
        if isinstance(photo, OSError | ValueError):
            return photo
        try:
            image = load_image(photo)
            detections = self.detector.detect(image)
        except (OSError, ValueError) as error:
            return error
        polygons, crops, faults = [], [], []
        for detection in detections:
            try:
                polygon = checked_polygon(detection.polygon)
                crops.append(crop_word(image, polygon, rotate_tall))
            except ValueError as error:
                faults.append(str(error))
            else:
                polygons.append(polygon)
        if faults:
            count = len(faults) + len(polygons)
            logger.warning("%d of %d detected polygons are left out. The first: %s", len(faults), count, faults[0])
        readings = self.recognizer.read(crops, **options)
        words = [
            Word(polygon, reading)
            for polygon, reading in zip(polygons, readings, strict=True)
            if reading.confidence >= min_confidence
        ]
        return Page(photo, _lines(words))


def _part(model_class: type[RepSVTRDetector | TextRecognizer], method: str, preset: str | os.PathLike) -> Any:
    """A detector or recogniser by its preset or exported file. ValueError: it is the other one."""
    if not os.path.isfile(preset):
        return model_class.from_preset(preset)
    exported = load_exported(preset)
    if not hasattr(exported, method):
        what = "detector" if method == "read" else "recogniser"
        raise ValueError(
            f"The file {preset} is a {what}'s; a photograph takes both, a detector (--detector) and a recogniser "
            "(--preset)."
        )
    return exported


def _lines(words: Sequence[Word]) -> tuple[Line, ...]:
    """The lines of a photograph's words, in reading order."""
    turned = sum(has_right_to_left(word.text) for word in words)
    lines = []
    for positions in text_lines([word.polygon for word in words], right_to_left=2 * turned > len(words)):
        line = [words[i] for i in positions]
        lines.append(Line(tuple(line[i] for i in word_order([word.text for word in line]))))
    return tuple(lines)
