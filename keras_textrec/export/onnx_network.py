"""A Keras network as ONNX operators: its own graph is walked, and every layer written by the function for its class."""

import functools
import re
from typing import Any

import keras

from keras_textrec.export import onnx_decoders, onnx_layers, onnx_sequences
from keras_textrec.export.formats import OPSET
from keras_textrec.export.graph import Graph
from keras_textrec.export.onnx_values import Value
from keras_textrec.export.onnx_writing import Unwritable, Writer, Writing

# Class of a layer -> what writes it; one for a class of your own may be added.
WRITERS: dict[type | str, Writer] = {**onnx_layers.WRITERS, **onnx_sequences.WRITERS, **onnx_decoders.WRITERS}


def core(model: Any, opset: int = OPSET) -> Any:
    """The network alone, as an `onnx.ModelProto`: what `model.reader` takes -> `probabilities` float32 (N, T, V).

    An attention decoder stops when every text of the batch has ended, so T is then less than its steps. A detector
    gives `map` float32 (N, h, w).

    Args:
        model: a recogniser or detector; it is not changed.
        opset: of the standard operators.

    Raises:
        ValueError: the network has a layer that cannot be written; or the opset is not supported.
    """
    graph = Graph(opset)
    image, *ratio = model.reader.inputs
    _, height, width, channels = image.shape
    graph.input("image", "float32", ["batch", height or "height", width or "width", channels])
    for _ in ratio:
        graph.input("valid_ratio", "float32", ["batch"])
    y = network(model, graph, "image", "valid_ratio" if ratio else None)
    if hasattr(model, "tokenizer"):
        graph.output(y, "float32", ["batch", "steps", model.tokenizer.vocabulary_size], name="probabilities")
    else:
        graph.output(y, "float32", ["batch", "rows", "columns"], name="map")
    return graph.model(model.name)


def network(model: Any, graph: Graph, image: str, valid_ratio: str | None = None, axes: str = "NHWC") -> str:
    """Writes the reading network into a graph, and gives its result's name: what `core` says.

    A backbone that can be fused is fused first.

    Args:
        model: a recogniser or detector; it is not changed.
        image: float32, the network's input, in the order of `axes`: "NHWC", as Keras has it, or "NCHW".
        valid_ratio: float32 (N,), for a network that takes it.

    Raises:
        ValueError: the network has a layer that cannot be written.
    """
    end = getattr(getattr(model, "tokenizer", None), "end_id", None)
    inputs = [Value(graph, {axes: image})]
    if valid_ratio is not None:
        inputs.append(Value(graph, {"N": valid_ratio}))
    y = _run(Writing(graph, end), model.reader, inputs, model.name)
    return graph("Squeeze", y.to("NCHW"), [1]) if y.is_map else y.to("NTC")


def _run(writing: Writing, function: Any, inputs: Any, owner: str) -> Any:
    return function._run_through_graph(inputs, operation_fn=lambda op: functools.partial(_write, writing, op, owner))


def _write(writing: Writing, operation: Any, owner: str, *arguments: Any, training=None, mask=None, **keywords: Any):
    with writing.graph.scope(_label(operation)):
        if hasattr(operation, "_run_through_graph"):  # a network within the network
            inner = operation if getattr(operation, "fused", True) else operation.fuse()
            return _run(writing, inner, arguments, f"{owner}/{operation.name}")
        kind = type(operation)
        writer = WRITERS.get(kind if isinstance(operation, keras.Layer) else kind.__name__)
        try:
            if writer is None:
                raise Unwritable("its class is not known")
            return writer(writing, operation, *arguments, **keywords)
        except Unwritable as fault:
            raise ValueError(
                f"{owner}: the layer {operation.name!r} ({kind.__module__}.{kind.__qualname__}) cannot be written to "
                f"ONNX ({fault}). Make the network of the layers that the package's own networks have, add a function "
                f"for this class to {__name__}.WRITERS, or export a SavedModel."
            ) from None


def _label(operation: Any) -> str:
    """The layer's name. Names that Keras made up count what was made before, and count anew here."""
    stem = re.sub(r"_\d+$", "", operation.name)
    is_made_up = stem.replace("_", "") == type(operation).__name__.lower()
    return stem if is_made_up else operation.name
