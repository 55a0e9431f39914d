"""Reads whole photographs: a detector finds the words, a recogniser reads them.

Published pipeline: PaddleOCR `tools/infer/predict_system.py`.
"""

import dataclasses
import logging
from collections.abc import Sequence
from typing import Any, Protocol

import cv2
import numpy as np

from keras_textrec.images import load_image
from keras_textrec.images.boxes import Detection, clockwise
from keras_textrec.images.converter import LONGEST_LINE
from keras_textrec.system.numbers import whole_number
from keras_textrec.text import Reading

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, eq=False)
class Word:
    """A word of a photograph: `polygon` float32 (N, 2), its corners (x, y) in pixels; `text`; `confidence`, 0 to 1."""

    polygon: np.ndarray
    text: str
    confidence: float

    def to_dict(self) -> dict:
        """The word as plain lists, strings and numbers, for JSON."""
        return {"text": self.text, "confidence": self.confidence, "polygon": self.polygon.tolist()}


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
    """

    def __init__(
        self,
        detector: Detector,
        recognizer: Recognizer,
        rotate_tall: float | None = 1.5,
        min_confidence: float = 0.5,
    ):
        self.detector = detector
        self.recognizer = recognizer
        self.rotate_tall = rotate_tall
        self.min_confidence = min_confidence

    def read(self, photo: Any, batch_size: int = 32) -> list[Word]:
        """Reads one photograph.

        Args:
            photo: a path, bytes, array or PIL image; `keras_textrec.images.load_image` says what is accepted.
            batch_size: words a step of the recogniser.

        Returns:
            The words, line by line from the top, each line from the left; `reading_order` says what a line is. What the
            detector found that cannot hold text is left out; a warning in the log counts it.

        Raises:
            FileNotFoundError, ValueError: the photograph cannot be read, or the batch size is no number of words.
        """
        whole_number("batch_size", batch_size)  # before the detector's work
        photo = load_image(photo)
        polygons, crops, faults = [], [], []
        for detection in self.detector.detect(photo):
            try:
                polygon = _checked(detection.polygon)
                crop = crop_word(photo, polygon, self.rotate_tall)
                if crop.shape[1] > LONGEST_LINE * crop.shape[0]:  # a ruled line taken for text; recognisers refuse it
                    raise ValueError(f"A polygon of {crop.shape[1]} x {crop.shape[0]} pixels is too long for text.")
            except ValueError as error:
                faults.append(str(error))
                continue
            polygons.append(polygon)
            crops.append(crop)
        if faults:
            count = len(faults) + len(polygons)
            logger.warning("%d of %d detected polygons are left out. The first: %s", len(faults), count, faults[0])
        words = [
            Word(polygon, reading.text, reading.confidence)
            for polygon, reading in zip(polygons, self.recognizer.read(crops, batch_size), strict=True)
            if reading.confidence >= self.min_confidence
        ]
        return [words[i] for i in reading_order([word.polygon for word in words])]


def crop_word(photo: np.ndarray, polygon: np.ndarray, rotate_tall: float | None = 1.5) -> np.ndarray:
    """A word cut out of a photograph, uint8 (H, W, 3), and straightened: uint8 (h, w, 3), h and w its sides' lengths.

    Args:
        polygon: float (N, 2), corners in pixels. Four of a convex polygon go clockwise from the text's top left; of
            others, the smallest rectangle around them is taken.
        rotate_tall: as `TextSpotter` has it.

    Raises:
        ValueError: the polygon is none, lies outside the photograph, or is less than two pixels wide or high.
    """
    polygon = _checked(polygon)
    corners = _corners(polygon)
    size = np.array(photo.shape[1::-1])
    if (corners.max(0) <= 0).any() or (corners.min(0) >= size).any() or np.abs(corners).max() > 3 * size.max():
        raise ValueError(f"The polygon {polygon.tolist()} lies outside the photograph of {size[0]} x {size[1]} pixels.")
    top, right, bottom, left = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    width, height = int(max(top, bottom)), int(max(left, right))
    if min(width, height) < 2:
        raise ValueError(f"The polygon {polygon.tolist()} is too thin to hold text.")
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], "float32")
    crop = cv2.warpPerspective(
        photo,
        cv2.getPerspectiveTransform(corners, target),
        (width, height),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if rotate_tall is not None and height >= rotate_tall * width:
        crop = cv2.rotate(crop, cv2.ROTATE_90_COUNTERCLOCKWISE)
    return crop


def reading_order(polygons: Sequence[np.ndarray]) -> list[int]:
    """The polygons' positions in reading order: top to bottom, and in a line left to right; one column of text.

    A word continues a line when the middle of its left side is less than half a letter's height above or below the
    middle of the right side of the line's last word, so that a line may climb or fall.

    Args:
        polygons: float32 (N, 2) each, corners in pixels.
    """
    corners = [_corners(polygon) for polygon in polygons]
    lines: list[list[int]] = []
    for i in sorted(range(len(corners)), key=lambda i: float(corners[i][[0, 3], 0].mean())):
        distance, line = min(((_step(corners[line[-1]], corners[i]), line) for line in lines), default=(1.0, []))
        if distance < 0.5:
            line.append(i)
        else:
            lines.append([i])
    lines.sort(key=lambda line: float(np.mean([corners[i][:, 1].mean() for i in line])))
    return [i for line in lines for i in line]


def _step(word: np.ndarray, following: np.ndarray) -> float:
    """How far up or down the line between two words' corners (4, 2) jumps, in heights of the smaller one."""
    height = min(np.linalg.norm(corners[3] - corners[0]) for corners in (word, following))
    return float(abs(word[1:3, 1].mean() - following[[0, 3], 1].mean()) / height)


def _checked(polygon: np.ndarray) -> np.ndarray:
    """The polygon as float32 (N, 2). ValueError: it is none."""
    polygon = np.asarray(polygon, "float32")
    if polygon.ndim != 2 or polygon.shape[1] != 2 or len(polygon) < 3 or not np.isfinite(polygon).all():
        raise ValueError(f"The polygon {polygon.tolist()} does not have three corners (x, y) or more.")
    return polygon


def _corners(polygon: np.ndarray) -> np.ndarray:
    """The four corners of a polygon (N, 2), clockwise from the top left."""
    is_clockwise = cv2.isContourConvex(polygon) and cv2.contourArea(polygon, oriented=True) > 0
    return polygon if len(polygon) == 4 and is_clockwise else clockwise(cv2.boxPoints(cv2.minAreaRect(polygon)))
