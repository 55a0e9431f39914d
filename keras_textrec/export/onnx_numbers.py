"""Smaller numbers in ONNX files: weights stored in float16 or int8, arithmetic in int8."""

import pathlib
import tempfile
from collections.abc import Iterator, Mapping

import numpy as np
import onnx
from onnx import helper, numpy_helper

# Of smaller constants nothing is gained.
_LEAST = 1024
# Operator -> its inputs that are weights -> the axes that share a scale in int8: every output has one of its own.
_WEIGHTS = {
    "Conv": {1: (1, 2, 3)},
    "ConvTranspose": {1: (0, 2, 3)},
    "Gather": {0: (1,)},
    "Gemm": {1: (0,)},
    "LSTM": {1: (2,), 2: (2,)},
    "MatMul": {1: (-2,)},
}
# What gains by int8 arithmetic, and what stands between such operators; the others would be turned to and fro for it.
_CALIBRATED = ["Add", "AveragePool", "Conv", "GlobalAveragePool", "HardSwish", "MatMul", "MaxPool", "Mul", "Relu"]


def store_weights(proto: onnx.ModelProto, dtype: str) -> None:
    """Stores the weights of the operators as "float16" or "int8"; what computes with them does so in float32 as before.

    The operators that turn them back are standard ones, of constants alone. ONNX Runtime computes them once, when it
    loads the file, which is then smaller and not slower.
    """
    graph = proto.graph
    constants = {constant.name: constant for constant in graph.initializer}
    added = []
    for name, axes in _weights_of(graph).items():
        constant = constants.get(name)
        if constant is None or constant.data_type != onnx.TensorProto.FLOAT or np.prod(constant.dims) < _LEAST:
            continue
        numbers, scale = numpy_helper.to_array(constant), None
        if dtype == "int8":
            largest = np.abs(numbers).max(axis=axes, keepdims=True)
            scale = np.where(largest > 0, largest / 127, 1).astype("float32")
            numbers = np.rint(numbers / scale)
        stored, turned = f"{name}/{dtype}", name if scale is None else f"{name}/Cast"
        constant.CopyFrom(numpy_helper.from_array(numbers.astype(dtype), stored))
        added.append(helper.make_node("Cast", [stored], [turned], turned, to=onnx.TensorProto.FLOAT))
        if scale is not None:
            graph.initializer.append(numpy_helper.from_array(scale, f"{name}/scale"))
            added.append(helper.make_node("Mul", [turned, f"{name}/scale"], [name], name))
    nodes = [*added, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def compute_in_int8(
    proto: onnx.ModelProto, nodes: list[str], samples: Iterator[Mapping[str, np.ndarray]]
) -> onnx.ModelProto:
    """A model with int8 arithmetic in these nodes, where it gains: the ranges are those that the samples need.

    Activations are unsigned and have one scale a tensor, weights are signed and have one a channel.

    Args:
        nodes: by name.
        samples: the model's inputs by name.
    """
    from onnxruntime import quantization

    class Samples(quantization.CalibrationDataReader):
        def get_next(self):
            return next(samples, None)

    _part_constants(proto.graph, set(nodes))
    # The graph is as its optimiser would leave it; without this mark a warning would ask for that.
    helper.set_model_props(proto, {"onnx.quant.pre_process": "onnxruntime.quant"})
    with tempfile.TemporaryDirectory(prefix="keras-textrec-") as folder:
        # By a file: given the model itself, it would move the constants out of it.
        path, written = pathlib.Path(folder, "float32.onnx"), pathlib.Path(folder, "int8.onnx")
        path.write_bytes(proto.SerializeToString())
        quantization.quantize_static(
            path,
            written,
            Samples(),
            op_types_to_quantize=_CALIBRATED,
            nodes_to_quantize=nodes,
            per_channel=True,
            reduce_range=True,  # or sums of products of bytes overflow on processors without VNNI
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )
        return onnx.load(written)


def _part_constants(graph: onnx.GraphProto, inside: set[str]) -> None:
    """Gives the nodes inside constants of their own, for turned into int8 they would be so for all that share them."""
    inner = [node for node in graph.node if node.name in inside]
    used = {name for node in inner for name in node.input}
    shared = used & {name for node in graph.node if node.name not in inside for name in node.input}
    for constant in [constant for constant in graph.initializer if constant.name in shared]:
        name = f"{constant.name}/int8"
        for node in inner:
            node.input[:] = [name if value == constant.name else value for value in node.input]
        graph.initializer.add().CopyFrom(constant)
        graph.initializer[-1].name = name


def _weights_of(graph: onnx.GraphProto) -> dict[str, tuple[int, ...]]:
    """What operators have as weights, by name, also in the bodies of loops, and the axes of `_WEIGHTS`."""
    found = {}
    for node in _nodes(graph):
        for i, axes in _WEIGHTS.get(node.op_type, {}).items():
            found.setdefault(node.input[i], axes)
    return found


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from _nodes(attribute.g)
