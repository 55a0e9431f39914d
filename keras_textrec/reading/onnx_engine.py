"""Runs ONNX files, by ONNX Runtime."""

import os
import pathlib

import numpy as np


class OnnxEngine:
    """An `Engine` (see `keras_textrec.reading.exported`) over a file.

    OMP_NUM_THREADS, where it is set, says how many threads it has; ONNX Runtime itself takes all cores.

    Raises:
        ImportError: ONNX Runtime is not installed.
        ValueError: ONNX Runtime does not take the file.
    """

    def __init__(self, path: pathlib.Path):
        try:
            import onnxruntime
        except ImportError as error:
            raise ImportError(
                f"ONNX Runtime, which runs {path}, cannot be loaded: {error}. pip install onnxruntime.", name=error.name
            ) from error
        options = onnxruntime.SessionOptions()
        # Processes that share a machine, such as Ray's actors, are told so; beside each other on all cores they crawl.
        threads = os.environ.get("OMP_NUM_THREADS", "")
        options.intra_op_num_threads = int(threads) if threads.isdecimal() else 0
        try:
            # Every provider that this ONNX Runtime has, the fastest first.
            self._session = onnxruntime.InferenceSession(
                path.read_bytes(), options, providers=onnxruntime.get_available_providers()
            )
        except Exception as error:  # ONNX Runtime's own kinds, which share no base but this
            reason = str(error).partition("\n")[0]
            raise ValueError(f"{path} cannot be loaded by ONNX Runtime {onnxruntime.__version__}: {reason}.") from error
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        self.inputs = tuple(value.name for value in self._session.get_inputs())
        self._outputs = [output.name for output in self._session.get_outputs()]
        self.takes = "image" if self._session.get_inputs()[0].type == "tensor(uint8)" else "core"

    def run(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return dict(zip(self._outputs, self._session.run(None, inputs), strict=True))
