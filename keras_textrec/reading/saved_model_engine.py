"""Runs SavedModel folders, by TensorFlow."""

import json
import pathlib

import numpy as np

# Where a SavedModel holds what is not part of its graph.
METADATA = pathlib.PurePath("assets.extra", "metadata.json")


class SavedModelEngine:
    """An `Engine` (see `keras_textrec.reading.exported`) over a folder.

    Raises:
        ImportError: TensorFlow is not installed.
        ValueError: the folder is damaged, or no export of this package.
    """

    takes = "image"
    inputs = ("image",)

    def __init__(self, path: pathlib.Path):
        try:
            import tensorflow as tf
        except ImportError as error:
            raise ImportError(
                f"TensorFlow, which runs {path}, cannot be loaded: {error}. pip install tensorflow.", name=error.name
            ) from error
        try:
            self.metadata: dict[str, str] = json.loads((path / METADATA).read_text("utf-8"))
        except FileNotFoundError:
            self.metadata = {}
            return
        except ValueError as error:
            raise ValueError(f"The metadata of {path} are damaged: {error}. Export it again.") from error
        try:
            self._loaded = tf.saved_model.load(str(path))  # the functions live as long as it does
            self._run = self._loaded.signatures["image"]
        except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
            reason = str(error).partition("\n")[0]
            raise ValueError(f"{path} cannot be loaded by TensorFlow {tf.__version__}: {reason}.") from error

    def run(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: value.numpy() for name, value in self._run(**inputs).items()}
