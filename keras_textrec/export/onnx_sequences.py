"""Layers over sequences as ONNX operators: LSTMs, attention, rectification."""

import keras
import numpy as np
from keras import layers
from onnx import TensorProto

from keras_textrec.export.onnx_values import Value
from keras_textrec.export.onnx_writing import Writer, float32, require
from keras_textrec.layers import standard
from keras_textrec.layers.position_aware import ColumnMask, EachRow, PositionAttention
from keras_textrec.layers.tps import BilinearSampler, SplineGrid
from keras_textrec.layers.transformer import DotProductAttention

# === LSTMs ===


def _bidirectional(writing, layer, x):
    require(layer.merge_mode == "concat", f"its merge mode {layer.merge_mode}")
    weights = [_lstm_weights(layer.forward_layer), _lstm_weights(layer.backward_layer, go_backwards=True)]
    kernel, recurrent, bias = (np.stack(parts) for parts in zip(*weights))
    graph = writing.graph
    y = _lstm(graph, x.to("TNC"), kernel, recurrent, bias, direction="bidirectional")  # (T, 2, N, C)

    def joined(*order):
        return lambda: graph("Reshape", graph("Transpose", y, perm=order), [0, 0, -1])

    return Value(graph, {"TNC": joined(0, 2, 1, 3), "NTC": joined(2, 0, 1, 3)})


def _each_row(writing, layer, x):
    """The rows of all images are read at once."""
    kernel, recurrent, bias = (part[None] for part in _lstm_weights(layer.layer))
    graph = writing.graph
    columns = graph("Transpose", x.to("NHWC"), perm=[2, 0, 1, 3])
    y = _lstm(graph, graph("Reshape", columns, [0, -1, kernel.shape[2]]), kernel, recurrent, bias)  # (W, 1, N * H, C)
    shape = graph("Concat", graph("Shape", columns, end=3), [recurrent.shape[2]], axis=0)
    rows = graph("Reshape", y, shape)  # (W, N, H, C)

    def turned(*order):
        return lambda: graph("Transpose", rows, perm=order)

    return Value(graph, {"NCHW": turned(1, 3, 2, 0), "NHWC": turned(1, 2, 0, 3)})


def _lstm(graph, x, kernel, recurrent, bias, **attributes):
    weights = [graph.constant(w, name) for w, name in ((kernel, "kernel"), (recurrent, "recurrent"), (bias, "bias"))]
    return graph("LSTM", x, *weights, hidden_size=recurrent.shape[2], **attributes)


def _lstm_weights(layer, go_backwards=False):
    """Kernel (4C, inputs), recurrent kernel (4C, C) and the two biases (8C,) of one direction, as ONNX wants them."""
    require(type(layer) in (layers.LSTM, standard.LSTM), f"a {type(layer).__name__} within")
    functions = (layer.activation, layer.recurrent_activation)
    require(functions == (keras.activations.tanh, keras.activations.sigmoid), "its activations")
    is_plain = layer.return_sequences and not layer.return_state and not layer.stateful and layer.use_bias
    require(is_plain and layer.go_backwards == go_backwards, "its direction, state or bias, or only its last output")
    cell = layer.cell
    kernel, recurrent, bias = (_reordered(float32(v)) for v in (cell.kernel, cell.recurrent_kernel, cell.bias))
    return kernel.T, recurrent.T, np.concatenate([bias, np.zeros_like(bias)])


def _reordered(gates: np.ndarray) -> np.ndarray:
    """Keras' gates (input, forget, candidate, output), along the last axis, in ONNX' order."""
    i, f, c, o = np.split(gates, 4, axis=-1)
    return np.concatenate([i, o, f, c], axis=-1)


# === Attention ===


def _dot_product_attention(writing, layer, queries, keys, values):
    require(not layer.causal, "a causal mask")
    graph, axes = writing.graph, queries.channels_last
    size = layer.input[0].shape[-1] // layer.heads

    def heads(x, *order):
        return graph("Transpose", graph("Reshape", x.to(axes), [0, -1, layer.heads, size]), perm=order)

    q, k, v = heads(queries, 0, 2, 1, 3), heads(keys, 0, 2, 3, 1), heads(values, 0, 2, 1, 3)
    scores = graph("MatMul", graph("Mul", q, np.float32(size**-0.5)), k)
    mean = graph("MatMul", graph("Softmax", scores, axis=-1), v)
    shape = graph("Shape", queries.to(axes))
    return Value(graph, {axes: graph("Reshape", graph("Transpose", mean, perm=[0, 2, 1, 3]), shape)})


def _column_mask(writing, layer, features, ratio):
    """(N, 1, H * W), to be added to scores."""
    graph, x = writing.graph, features.to("NCHW")
    height, width = (graph("Shape", x, start=axis, end=axis + 1) for axis in (2, 3))
    width = graph("Cast", width, to=TensorProto.FLOAT)
    columns = graph("Range", np.float32(0), graph("Squeeze", width), np.float32(1))
    seen = graph("Floor", graph("Add", graph("Mul", ratio.to("N"), width), np.float32(0.5)))
    seen = graph("Unsqueeze", graph("Max", seen, np.float32(1)), [1])
    hidden = graph("GreaterOrEqual", graph("Unsqueeze", columns, [0]), seen)  # (N, W)
    bias = graph("Where", graph("Unsqueeze", hidden, [1]), np.float32(-np.inf), np.float32(0))
    repeats = graph("Concat", [1, 1], height, axis=0)
    return Value(graph, {"mask": graph("Tile", bias, repeats)})


def _position_attention(writing, layer, features, keys, bias):
    graph = writing.graph
    queries = graph.constant(float32(layer.queries)[: layer.steps], "queries")
    scores = graph("Add", graph("MatMul", queries, keys.cells().to("NCT")), bias.to("mask"))
    glimpses = graph("MatMul", graph("Softmax", scores, axis=-1), features.cells().to("NTC"))
    return Value(graph, {"NTC": glimpses}), None


# === Rectification ===


def _spline_grid(writing, layer, points):
    graph = writing.graph
    grid = graph("MatMul", graph.constant(np.asarray(layer.matrix, "float32"), "spline"), points.to("NTC"))
    return Value(graph, {"grid": graph("Reshape", grid, [0, layer.height, layer.width, 2])})


def _bilinear_sampler(writing, layer, image, grid):
    graph = writing.graph
    options = {"mode": "linear" if graph.opset >= 20 else "bilinear", "padding_mode": "zeros", "align_corners": 1}
    return Value(graph, {"NCHW": graph("GridSample", image.to("NCHW"), grid.to("grid"), **options)})


WRITERS: dict[type | str, Writer] = {
    layers.Bidirectional: _bidirectional,
    EachRow: _each_row,
    DotProductAttention: _dot_product_attention,
    ColumnMask: _column_mask,
    PositionAttention: _position_attention,
    SplineGrid: _spline_grid,
    BilinearSampler: _bilinear_sampler,
}
