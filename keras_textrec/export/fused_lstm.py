"""LSTMs as the one operator that LiteRT has for them, and that int8 arithmetic throughout needs.

Its converter crashes when it calibrates a loop. It knows the operator by a function's name and attributes, as Keras 2
had them. The operator keeps its state from one image to the next, and every reader would have to know to reset it; so
each sequence gets a step in front whose features close all gates, which leaves a state of zeros.
"""

import math
import uuid
from typing import Any

import keras
import numpy as np
import tensorflow as tf

# What closes a gate: sigmoid(-16) is 1e-7.
_CLOSED = 16.0


def fused_lstm(cell: keras.layers.LSTMCell, sequences: tf.Tensor, go_backwards: bool) -> tuple[Any, Any, list[Any]]:
    """An LSTM from a state of zeros over sequences float32 (N, T, C), as `keras.layers.LSTM.inner_loop` has it.

    Returns:
        The last output, all of them in the order of the steps, and the last states.
    """
    with tf.init_scope():  # weights as numbers, though a graph is being made
        kernel, recurrent_kernel, bias = map(
            keras.ops.convert_to_numpy, (cell.kernel, cell.recurrent_kernel, cell.bias)
        )
    # The closing features are 1 and their weights not above the others': the range of int8 is not widened by them.
    largest = np.abs(kernel).max()
    features = math.ceil((_CLOSED + np.abs(recurrent_kernel).sum(0).max()) / largest)
    closing = np.full((features, kernel.shape[1]), -largest, "float32")
    closing[:, 2 * cell.units : 3 * cell.units] = 0  # the candidate is no gate
    x = sequences[:, ::-1] if go_backwards else sequences
    x = tf.pad(x, [[0, 0], [1, 0], [0, features]])
    first = np.zeros((1, x.shape[1], x.shape[2]), "float32")
    first[:, 0, sequences.shape[2] :] = 1
    state = tf.zeros((x.shape[0], cell.units))
    kernel = tf.constant(np.concatenate([kernel, closing]))
    _, outputs, hidden, carry, _ = _operator()(
        x + first, state, state, kernel, tf.constant(recurrent_kernel), tf.constant(bias)
    )
    outputs.set_shape((x.shape[0], x.shape[1], cell.units))
    return outputs[:, -1], outputs[:, 1:], [hidden, carry]


def _operator() -> Any:
    """What the converter takes for the operator; a new one each time, for it goes by the attributes."""

    def standard_lstm(inputs, init_h, init_c, kernel, recurrent_kernel, bias):
        def step(state, x):
            hidden, carry = state
            gates = tf.matmul(x, kernel) + tf.matmul(hidden, recurrent_kernel) + bias
            entry, forget, candidate, exit = tf.split(gates, 4, 1)
            carry = tf.sigmoid(forget) * carry + tf.sigmoid(entry) * tf.tanh(candidate)
            return tf.sigmoid(exit) * tf.tanh(carry), carry

        hidden, carry = tf.scan(step, tf.transpose(inputs, [1, 0, 2]), (init_h, init_c))
        outputs = tf.transpose(hidden, [1, 0, 2])
        return outputs[:, -1], outputs, hidden[-1], carry[-1], tf.constant(1.0)

    attributes = {
        "api_implements": f"lstm_{uuid.uuid4()}",
        "api_preferred_device": "CPU",
        "go_backwards": False,
        "time_major": False,
    }
    return tf.function(standard_lstm, autograph=False, experimental_attributes=attributes)
