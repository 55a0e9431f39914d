"""Whether a written file reads what its model reads."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from keras_textrec.data.mixing import Subset
from keras_textrec.export.formats import Tolerance
from keras_textrec.export.samples import choose_sample, drawn_photo, drawn_words, png
from keras_textrec.reading.evaluate import evaluate_source
from keras_textrec.reading.exported import ExportedDetector, ExportedRecognizer
from keras_textrec.reading.stream import read_all, read_stream
from keras_textrec.system.errors import Failure
from keras_textrec.text import Reading

# What stands between a file's stages, by name, for an image uint8 (H, W, 3): `pixels`, the network's input, float32
# (h, w, 3), and `network`, its output.
Stages = Callable[[np.ndarray], dict[str, np.ndarray]]

# Images a step; pixels by which a character may be elsewhere in a file of the model's own numbers.
_BATCH, _PLACE = 8, 0.5
# A file's graph reads an image as it is given; turning tall ones is its reader's work.
_AS_GIVEN = (0,)
# Records of the calibration source that are read, and the share of words that int8 may lose of them.
_RECORDS, _LOST = 1000, 0.005


class WordCheck:
    """A recogniser's readings of drawn words, to be held against those of its files.

    Args:
        converter: what the file has inside: the model's, or that with another canvas.
    """

    def __init__(self, model: Any, converter: Any):
        self.model = model
        self.converter = converter
        words = drawn_words(model.tokenizer.charset)
        self.images = [image for image, _ in words]
        # Each on a canvas of its own width, as in the file; `model.read` has fewer widths on some backends.
        self.readings = read_all(self.images, lambda images: read_stream(images, converter, model.read_batch, _BATCH))
        image, reading = choose_sample(words, self.readings)
        self.sample_image, self.sample_text = png(image), reading.text

    def compare(self, exported: ExportedRecognizer, tolerance: Tolerance, stages: Stages | None) -> dict[str, Any]:
        """Reads the words with a file.

        Args:
            stages: of the file, where they can be looked at.

        Returns:
            What a report tells of it.

        Raises:
            Failure: it reads them otherwise, by more than the tolerance; the sentence names the first stage that does.
        """
        found = exported.read(self.images, _BATCH, _AS_GIVEN)
        pairs = list(zip(self.readings, found, strict=True))
        others = [number for number, (wanted, read) in enumerate(pairs) if read.text != wanted.text]
        if len(others) > tolerance.changed * len(pairs):
            fault = self._fault(others[0], found, stages)
            raise Failure(f"{len(others)} of {len(pairs)} words are read otherwise: {fault}")
        confidences = [_difference(*pair, "confidence") for pair in pairs]
        places = [max(_difference(*pair, "left"), _difference(*pair, "right")) for pair in pairs]
        confidence, place = max(confidences), max(places)
        if confidence > tolerance.confidence or (place > _PLACE and not tolerance.changed):
            worst = np.argmax(confidences if confidence > tolerance.confidence else places)
            raise Failure(
                f"Confidences are off by up to {confidence:.2g} (allowed: {tolerance.confidence:g}), places by "
                f"{place:.2g} pixels (allowed: {_PLACE:g}): {self._fault(int(worst), found, stages)}"
            )
        sample = exported.read(self.sample_image, orientations=_AS_GIVEN)
        if sample.text != self.sample_text:
            raise Failure(f"The sample that the file carries is read as {sample.text!r}, not {self.sample_text!r}.")
        return {
            "words": len(pairs),
            "same_texts": len(pairs) - len(others),
            "confidence_difference": confidence,
            "place_difference": place,
            "sample_text": self.sample_text,
        }

    def accuracies(self, exported: ExportedRecognizer, source: Any) -> dict[str, Any]:
        """How many words of a labelled source the model reads right, and how many the file.

        Raises:
            Failure: the file loses more than half a point.
        """
        positions = np.unique(np.linspace(0, len(source) - 1, min(len(source), _RECORDS)).astype(int))
        part = Subset(source, positions)
        accuracies = [evaluate_source(reader, part, _BATCH)["accuracy"] for reader in (self.model, exported)]
        model, file = accuracies
        if model - file > _LOST:
            raise Failure(
                f"Of {len(part)} words of the calibration source, the model reads {model:.2%} right and the file "
                f"{file:.2%}; more than {_LOST:.1%} must not be lost."
            )
        return {"records": len(part), "model": model, "file": file}

    def _fault(self, number: int, found: Sequence[Reading], stages: Stages | None) -> str:
        """What one word is, and where the file parts from the model."""
        image, wanted = self.images[number], self.readings[number]
        shape = " x ".join(map(str, image.shape[:2]))
        told = f"{wanted.text!r} ({shape} pixels) is {found[number].text!r} in the file"
        if not stages:
            return f"{told}."
        x = self.converter([image])
        output = self.model.probabilities(x, np.array([self.converter.valid_ratio(image.shape)], "float32"))
        return f"{told}; the first stage that differs: {first_difference(stages(image), x[0], output[0])}."


class PhotoCheck:
    """A detector's map of a drawn photograph, to be held against those of its files. As `WordCheck`."""

    def __init__(self, model: Any, converter: Any):
        self.model = model
        self.photo = drawn_photo()
        self.map = model.probability_map(self.photo)
        self.detections = model.detect(self.photo)
        corners = [np.round(detection.polygon, 1).tolist() for detection in self.detections]
        self.sample_image, self.sample_text = png(self.photo), json.dumps(corners)

    def compare(self, exported: ExportedDetector, tolerance: Tolerance, stages: Stages | None) -> dict[str, Any]:
        found = exported.probability_map(self.photo)
        difference = float(np.abs(found - self.map).max()) if found.shape == self.map.shape else np.inf
        if not difference <= tolerance.confidence:  # also where it is NaN
            x = self.model.converter(self.photo)
            stage = first_difference(stages(self.photo), x, self.map) if stages else "not known"
            raise Failure(
                f"The map is off by up to {difference:.2g} (allowed: {tolerance.confidence:g}); the first stage that "
                f"differs: {stage}."
            )
        words = len(exported.detect(self.photo))
        if words != len(self.detections):
            raise Failure(f"{words} words are found in the sample, and {len(self.detections)} by the model.")
        return {"words": words, "map_difference": difference}


def first_difference(stages: dict[str, np.ndarray], pixels: np.ndarray, output: np.ndarray) -> str:
    """The first stage of a file that does not give what the model does.

    Args:
        stages: `pixels` and `network`, of the file.
        pixels: the network's input, float32 (h, w, 3); output: the network's.
    """
    for name, wanted in (("pixels", pixels), ("network", output)):
        found = stages[name]
        # An attention decoder of a file stops when the text has ended.
        wanted = wanted[: len(found)] if name == "network" else wanted
        if found.shape != wanted.shape:
            return f"{name} (shape {found.shape}, not {wanted.shape})"
        difference = float(np.abs(found - wanted).max(initial=0))
        if not difference <= 1e-3:  # also where a network gives NaN
            return f"{name} (by up to {difference:.2g})"
    return "decoding"


def _difference(one: Reading, other: Reading, name: str) -> float:
    """By how much a number of characters differs in readings of one text; infinity where one is no number."""
    if one.text != other.text:
        return 0.0
    numbers = [(getattr(a, name), getattr(b, name)) for a, b in zip(one.characters, other.characters)]
    differences = [abs(a - b) for a, b in numbers if a is not None and b is not None]
    return max((np.inf if np.isnan(value) else value for value in differences), default=0.0)
