"""The decoders that write one symbol a step, as an ONNX loop that stops when every image's text has ended."""

from collections.abc import Callable

import numpy as np
from onnx import TensorProto

from keras_textrec.export.graph import Graph
from keras_textrec.export.onnx_values import Value
from keras_textrec.export.onnx_writing import Writer, Writing, array, float32, require
from keras_textrec.layers.attention_decoder import AttentionDecoder
from keras_textrec.layers.hybrid_decoder import HybridDecoder

# (the step's graph, its number, the states, the symbol before) -> the new states, and the logits.
Step = Callable[[Graph, str, list[str], str], tuple[list[str], str]]


def _attention_decoder(writing, layer, memory, tokens=None):
    require(tokens is None, "symbols that are given from outside")
    graph, cell = writing.graph, layer.rnn.cell
    gru, units, channels = cell.gru, layer.units, cell.channels
    require(gru.reset_after and gru.use_bias, "a GRU without bias, or that resets before")
    seen = memory.to("NTC")
    keys = graph("MatMul", seen, graph.constant(float32(layer.keys.kernel), "keys"))
    kernel, gru_bias = array(gru.kernel), array(gru.bias)
    # What is multiplied by the state, at once: the query, and the GRU's gates and candidate.
    of_state = np.concatenate([array(cell.query.kernel), array(gru.recurrent_kernel)], axis=1)
    of_state_bias = np.concatenate([array(cell.query.bias), gru_bias[1]])
    of_symbol = kernel[channels:] + gru_bias[0]

    def step(body, number, states, symbol):
        (hidden,) = states
        mixed = _dense(body, hidden, of_state, of_state_bias, "of_state")
        query, gates, candidate = body("Split", mixed, [units, 2 * units, units], outputs=3, axis=1)
        tanh = body("Tanh", body("Add", keys, body("Unsqueeze", query, [1])))
        scores = body("MatMul", tanh, body.constant(float32(cell.score)[:, None], "score"))
        attention = body("Softmax", body("Transpose", scores, perm=[0, 2, 1]), axis=-1)
        glimpse = body("Squeeze", body("MatMul", attention, seen), [1])
        x = body("MatMul", glimpse, _constant(body, kernel[:channels], "of_glimpse"))
        x = body("Add", x, body("Gather", _constant(body, of_symbol, "of_symbol"), symbol))
        x_gates, x_candidate = body("Split", x, [2 * units, units], outputs=2, axis=1)
        update, reset = body.split(body("Sigmoid", body("Add", x_gates, gates)), 2, axis=1)
        new = body("Tanh", body("Add", x_candidate, body("Mul", reset, candidate)))
        hidden = body("Add", new, body("Mul", update, body("Sub", hidden, new)))
        return [hidden], _dense(body, hidden, array(cell.head.kernel), array(cell.head.bias), "head")

    return _loop(writing, seen, np.int64(layer.steps), layer.start, units, 1, step), None


def _hybrid_decoder(writing, layer, features, keys, bias, glimpses, tokens=None):
    require(tokens is None, "symbols that are given from outside")
    graph, cell = writing.graph, layer.rnn.cell
    units, channels = cell.units, cell.channels
    seen, seen_keys, mask = features.cells().to("NTC"), keys.cells().to("NCT"), bias.to("mask")
    symbols = array(cell.embedding.embeddings)
    symbols[cell.classes :] = 0
    of_symbol = symbols @ array(cell.lstms[0].kernel) + array(cell.lstms[0].bias)
    fusion = array(cell.fusion.kernel)
    # The glimpses of all steps at once; step by step along the first axis.
    of_position = graph("MatMul", glimpses.to("TNC"), _constant(graph, fusion[channels:], "of_position"))
    of_position = graph("Add", of_position, _constant(graph, array(cell.fusion.bias), "of_position_bias"))

    def step(body, number, states, symbol):
        x, new_states = body("Gather", _constant(body, of_symbol, "of_symbol"), symbol), []
        for level, lstm in enumerate(cell.lstms):
            if level > 0:
                x = _dense(body, x, array(lstm.kernel), array(lstm.bias), f"lstm_{level}")
            hidden, carry = states[2 * level : 2 * level + 2] if cell.remember else (None, None)
            if hidden:
                recurrent = body.constant(float32(lstm.recurrent_kernel), f"lstm_{level}_recurrent")
                x = body("Add", x, body("MatMul", hidden, recurrent))
            x, carry = _lstm_step(body, x, carry)
            new_states += [x, carry] if cell.remember else []
        scores = body("Add", body("MatMul", body("Unsqueeze", x, [1]), seen_keys), mask)
        glimpse = body("Squeeze", body("MatMul", body("Softmax", scores, axis=-1), seen), [1])
        fused = body("MatMul", glimpse, _constant(body, fusion[:channels], "of_glimpse"))
        fused, gate = body.split(body("Add", fused, body("Gather", of_position, number, axis=0)), 2, axis=1)
        fused = body("Mul", fused, body("Sigmoid", gate))
        return new_states, _dense(body, fused, array(cell.head.kernel), array(cell.head.bias), "head")

    steps = graph("Squeeze", graph("Shape", of_position, end=1))
    return _loop(writing, seen, steps, layer.start, units, 2 * layer.depth if cell.remember else 0, step), None


def _lstm_step(body: Graph, x: str, carry: str | None) -> tuple[str, str]:
    """New state and carry of gates (N, 4C) in Keras' order; without a carry, of an LSTM that starts anew."""
    i, f, candidate, o = body.split(x, 4, axis=1)
    kept = body("Mul", body("Sigmoid", i), body("Tanh", candidate))
    if carry is not None:
        kept = body("Add", body("Mul", body("Sigmoid", f), carry), kept)
    return body("Mul", body("Sigmoid", o), body("Tanh", kept)), kept


def _dense(graph: Graph, x: str, kernel: np.ndarray, bias: np.ndarray, name: str) -> str:
    """(N, inputs) -> (N, outputs)."""
    return graph("Gemm", x, _constant(graph, kernel, name), _constant(graph, bias, f"{name}_bias"))


def _constant(graph: Graph, numbers: np.ndarray, name: str) -> str:
    return graph.constant(numbers.astype("float32"), name)


def _filled(graph: Graph, like: str, number: np.generic, *sizes: int) -> str:
    """(N, *sizes), N as in `like`."""
    shape = graph("Shape", like, end=1)
    if sizes:
        shape = graph("Concat", shape, sizes, axis=0)
    return graph("ConstantOfShape", shape, value=np.array([number]))


def _loop(writing: Writing, like: str, steps: str | np.int64, start: int, units: int, states: int, step: Step) -> Value:
    """Logits (S, N, V) of at most `steps` steps: the loop ends when every row has written the end of its text.

    Args:
        like: a value whose first axis is N.
        start: the symbol before the first one.
        units, states: there are `states` states (N, units), which start as zeros.
    """
    graph = writing.graph
    body = graph.body("step")
    number, _ = body.input("number", "int64", []), body.input("going", "bool", [])
    before = [body.input(f"state{i}", "float32", [None, units]) for i in range(states)]
    symbol, unfinished = body.input("symbol", "int64", [None]), body.input("unfinished", "bool", [None])
    after, logits = step(body, number, before, symbol)
    best = body("ArgMax", logits, axis=1, keepdims=0)
    unfinished = body("And", unfinished, body("Not", body("Equal", best, np.int64(writing.end))))
    # No reduction takes booleans.
    some = body.reduce("ReduceMax", body("Cast", unfinished, to=TensorProto.INT32), [0])
    body.output(body("Cast", some, to=TensorProto.BOOL), "bool", [])
    for state in after:
        body.output(state, "float32", [None, units])
    body.output(best, "int64", [None])
    body.output(unfinished, "bool", [None])
    body.output(logits, "float32", [None, None])

    zeros = [_filled(graph, like, np.float32(0), units)] * states if states else []
    first = [_filled(graph, like, np.int64(start)), _filled(graph, like, np.bool_(True))]
    *_, logits = graph("Loop", steps, np.bool_(True), *zeros, *first, outputs=states + 3, body=body)
    return Value(graph, {"TNC": logits})


WRITERS: dict[type | str, Writer] = {AttentionDecoder: _attention_decoder, HybridDecoder: _hybrid_decoder}
