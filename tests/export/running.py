"""Runs a graph of `keras_textrec.export.graph`."""

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime

from keras_textrec.export.graph import Graph


def runner(graph: Graph) -> Callable[..., dict[str, np.ndarray]]:
    """What a graph, a valid one of IR 8 and opset 17, makes of its inputs, given by name: its outputs by name."""
    model = graph.model("test")
    onnx.checker.check_model(model, full_check=True)
    assert (model.ir_version, model.opset_import[0].version) == (8, 17)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def run(**inputs):
        return dict(zip(names, session.run(None, inputs), strict=True))

    return run
