"""Runs LiteRT files (.tflite), by LiteRT's own interpreter or TensorFlow's."""

import functools
import json
import pathlib
import threading
import zipfile
from typing import Any

import numpy as np

from keras_textrec.images import ImageConverter

# The associated file that holds the metadata: `unzip -p FILE.tflite metadata.json` shows it.
METADATA = "metadata.json"


class LiteRTEngine:
    """An `Engine` (see `keras_textrec.reading.exported`) over a file. It takes images of any size, though the file does
    not: it does what the file leaves to its reader, which is to bring an image onto the canvas.

    Raises:
        ImportError: no interpreter is installed.
        ValueError: the file is damaged, or no export of this package.
    """

    def __init__(self, path: pathlib.Path):
        interpreter = _interpreter(path)
        self.metadata = _metadata(path)
        try:
            self._interpreter = interpreter(str(path))
            self._interpreter.allocate_tensors()  # now it would fail, if at all
            (self.takes,) = self._interpreter.get_signature_list()
            self._run = self._interpreter.get_signature_runner(self.takes)
        except (ValueError, RuntimeError) as error:
            reason = str(error).partition("\n")[0]
            raise ValueError(f"{path} cannot be loaded by LiteRT: {reason}. Export it again.") from error
        # The columns that an image fills, an input of the file, are found here.
        self.inputs = ("image",) if self.takes == "image" else tuple(self._run.get_input_details())
        self._running = threading.Lock()

    def run(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """As `Engine.run`; the images of a batch go one after the other."""
        run = self._run_pixels if self.takes == "image" else self._run_row
        rows = [dict(zip(inputs, values)) for values in zip(*inputs.values(), strict=True)]
        with self._running:
            outputs = [run(**row) for row in rows]
        return {name: np.concatenate([output[name] for output in outputs]) for name in outputs[0]}

    @functools.cached_property
    def _converter(self) -> ImageConverter:
        return ImageConverter(**json.loads(self.metadata["converter"]))

    def _run_row(self, **row: np.ndarray) -> dict[str, np.ndarray]:
        return self._run(**{name: value[None] for name, value in row.items()})

    def _run_pixels(self, image: np.ndarray) -> dict[str, np.ndarray]:
        converter = self._converter
        canvas = np.zeros((converter.height, converter.width, 3), "uint8")
        end = converter.fit(image, canvas)
        outputs = self._run(image=canvas[None], width=np.array([end], "int32"))
        _, columns = converter.upright(image.shape)
        for name in ("left", "right"):
            place = outputs[name]
            outputs[name] = np.where(place < 0, place, np.minimum(place * np.float32(columns / end), columns))
        return outputs


def _interpreter(path: pathlib.Path) -> Any:
    """The class of an interpreter."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        try:
            from tensorflow.lite import Interpreter
        except ImportError as error:
            raise ImportError(
                f"LiteRT, which runs {path}, cannot be loaded: {error}. pip install ai-edge-litert.", name=error.name
            ) from error
    return Interpreter


def _metadata(path: pathlib.Path) -> dict[str, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read(METADATA))
    except (zipfile.BadZipFile, KeyError):
        return {}
    except ValueError as error:
        raise ValueError(f"The metadata of {path} are damaged: {error}. Export it again.") from error
