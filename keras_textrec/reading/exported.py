"""Reads with an exported file: no Keras and no backend, only what runs the file."""

import functools
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, Unpack

import numpy as np

from keras_textrec.decoding import Constraint, Constraints, CTCDecoder, Lexicon
from keras_textrec.images import load_image
from keras_textrec.images.boxes import Detection, find_boxes
from keras_textrec.reading.confidence import Calibration
from keras_textrec.reading.contract import Contract
from keras_textrec.reading.orientation import Orientations
from keras_textrec.reading.recognizer import BatchReader, recognize
from keras_textrec.reading.stream import Outcome, read_all, read_pixels, read_stream
from keras_textrec.text import Character, CTCTokenizer, Reading


class Engine(Protocol):
    """What runs a file of one format.

    Attributes:
        metadata: as `Contract.from_metadata` takes them.
        takes: "image" or "core".
        inputs: their names. "image" takes `image` uint8 (N, H, W, 3); "core" what the network takes, `image` float32
            (N, H, W, 3) as the converter makes it, and for RobustScanner `valid_ratio` float32 (N,).
    """

    metadata: dict[str, str]
    takes: str
    inputs: tuple[str, ...]

    def run(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name: those of the contract."""
        ...


def load_exported(path: str | pathlib.Path) -> Any:
    """The recogniser (`read`) or detector (`detect`) of an exported file.

    Args:
        path: what `model.export` or `keras-textrec export` wrote: FILE.onnx, FILE.tflite or a SavedModel's folder.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no export of this package, or a newer one.
        ImportError: what runs the format is not installed.
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no exported file {path}.")
    engine = _open(path)
    contract = Contract.from_metadata(engine.metadata, str(path))
    return (ExportedDetector if contract.decoder["kind"] == "boxes" else ExportedRecognizer)(engine, contract)


class ExportedRecognizer:
    """An exported recogniser. It reads as `keras_textrec.TextRecognizer` does.

    Attributes:
        contract: what the file says about itself.
    """

    def __init__(self, engine: Engine, contract: Contract):
        self.engine = engine
        self.contract = contract
        self.converter = contract.make_converter()
        self.tokenizer = contract.make_tokenizer()

    def __repr__(self) -> str:
        facts = f"{self.contract.preset or self.contract.model}, {len(self.contract.charset)} characters"
        return f"<{type(self).__name__} of {facts}, input {self.engine.takes}>"

    def read(
        self,
        images: Any,
        batch_size: int = 32,
        orientations: Orientations | None = None,
        **constraints: Unpack[Constraints],
    ) -> Reading | list[Reading]:
        """Reads one image or many; arguments and results are those of `TextRecognizer.read`.

        Raises:
            ValueError: as there; or constraints were given, and the file is not a CTC network's, `input="core"`.
        """
        options = {"batch_size": batch_size, "orientations": orientations, **constraints}
        return read_all(images, functools.partial(self.read_stream, **options))

    def read_stream(
        self,
        images: Iterable[Any],
        batch_size: int = 32,
        orientations: Orientations | None = None,
        **constraints: Unpack[Constraints],
    ) -> Iterator[tuple[int, Outcome]]:
        """Reads any number of images; arguments and results are those of `TextRecognizer.read_stream`."""

        def stream(images: Iterable[Any], read_batch: BatchReader, lexica: Any) -> Iterator[tuple[int, Outcome]]:
            if self.engine.takes == "image":
                return read_pixels(images, self.converter, self._read_pixels, batch_size)
            return read_stream(images, self.converter, read_batch, batch_size, knowledge=lexica)

        return recognize(self, images, orientations, constraints, stream)

    @property
    def calibration(self) -> Calibration | None:
        return self.contract.calibration

    @property
    def orientations(self) -> Orientations | None:
        return self.contract.orientations

    def constrained_reader(self, constraint: Constraint) -> BatchReader:
        """As `TextRecognizer.constrained_reader`. ValueError: the file cannot read within constraints."""
        if not isinstance(self.tokenizer, CTCTokenizer):
            raise ValueError(
                "The decoder of this exported file writes by itself, and cannot be told what is known of the text; "
                "read with the model that it was exported from."
            )
        if self.engine.takes != "core":
            raise ValueError(
                "This exported file gives characters, and what is known of the text needs the network's probabilities; "
                "export the model with input='core' (--input core), or read with the model."
            )
        decoder = CTCDecoder(self.tokenizer, constraint)

        def read_batch(x: np.ndarray, valid_ratio: np.ndarray, lexica: Sequence[Lexicon] | None = None):
            return decoder.decode(self._probabilities(x, valid_ratio), valid_ratio, lexica)

        return read_batch

    def read_batch(self, x: np.ndarray, valid_ratio: np.ndarray) -> list[Reading]:
        """As `TextRecognizer.read_batch`, of a file that takes converted images."""
        return self.tokenizer.decode(self._probabilities(x, valid_ratio), valid_ratio=valid_ratio)

    def _probabilities(self, x: np.ndarray, valid_ratio: np.ndarray) -> np.ndarray:
        inputs = {"image": x, "valid_ratio": valid_ratio}
        return self.engine.run({name: inputs[name] for name in self.engine.inputs})["probabilities"]

    def _read_pixels(self, image: np.ndarray) -> list[Reading]:
        outputs = self.engine.run({"image": image})
        columns = (outputs[name].tolist() for name in ("characters", "confidences", "left", "right"))
        return [self._reading(*row) for row in zip(*columns, strict=True)]

    def _reading(self, positions: list, confidences: list, lefts: list, rights: list) -> Reading:
        characters = [
            Character(self.contract.charset[position], confidence, *((None, None) if left < 0 else (left, right)))
            for position, confidence, left, right in zip(positions, confidences, lefts, rights, strict=True)
            if position >= 0
        ]
        return self.tokenizer.reading(characters)


class ExportedDetector:
    """An exported detector. It detects as `keras_textrec.RepSVTRDetector` does."""

    def __init__(self, engine: Engine, contract: Contract):
        self.engine = engine
        self.contract = contract
        self.converter = contract.make_converter()

    def detect(self, image: Any) -> list[Detection]:
        """The words of one photograph; argument and results are those of `RepSVTRDetector.detect`."""
        photo = load_image(image)
        thresholds = {name: value for name, value in self.contract.decoder.items() if name != "kind"}
        return find_boxes(self.probability_map(photo), photo.shape, **thresholds)

    def probability_map(self, photo: np.ndarray) -> np.ndarray:
        """The network's probabilities, float32 (h, w), for a photograph, uint8 (H, W, 3) RGB."""
        pixels = photo if self.engine.takes == "image" else self.converter(photo)
        return self.engine.run({"image": pixels[None]})["map"][0]


def _open(path: pathlib.Path) -> Engine:
    if path.suffix.lower() == ".onnx":
        from keras_textrec.reading.onnx_engine import OnnxEngine

        return OnnxEngine(path)
    if path.suffix.lower() == ".tflite":
        from keras_textrec.reading.litert_engine import LiteRTEngine

        return LiteRTEngine(path)
    if (path / "saved_model.pb").is_file():
        from keras_textrec.reading.saved_model_engine import SavedModelEngine

        return SavedModelEngine(path)
    raise ValueError(f"{path} is no exported file; give FILE.onnx, FILE.tflite or the folder of a SavedModel.")
