import functools

import keras
import numpy as np
import pytest
from keras import ops

from keras_textrec.layers.attention_decoder import AttentionDecoder
from keras_textrec.presets.description import dtype_policy

UNITS, CLASSES, CHANNELS, COLUMNS, STEPS = 5, 7, 6, 4, 8


@functools.cache
def decoder():
    """A decoder with strong weights, so that it writes different symbols."""
    layer = AttentionDecoder(UNITS, CLASSES, STEPS, start=2)
    layer.build((None, COLUMNS, CHANNELS))
    rng = np.random.default_rng(18)
    layer.set_weights([3 * rng.normal(size=w.shape) for w in layer.get_weights()])
    return layer


def memory(rows=3):
    return np.random.default_rng(1).normal(size=(rows, COLUMNS, CHANNELS)).astype("float32")


def run(*inputs):
    return [ops.convert_to_numpy(y) for y in decoder()(*inputs)]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def reference(memory, tokens):
    """The decoder by its equations, in float64: logits and attention."""
    layer, cell = decoder(), decoder().rnn.cell
    keys, query, gru, head = (part.get_weights() for part in (layer.keys, cell.query, cell.gru, cell.head))
    score = ops.convert_to_numpy(cell.score)
    kernel, recurrent, (bias, recurrent_bias) = gru
    logits, attention = [], []
    h, previous = np.zeros((len(memory), UNITS)), np.full(len(memory), layer.start)
    for t in range(tokens.shape[1]):
        symbol = np.where(tokens[:, t] < 0, previous, tokens[:, t])
        e = np.tanh(memory @ keys[0] + (h @ query[0] + query[1])[:, None]) @ score
        alpha = np.exp(e) / np.exp(e).sum(-1, keepdims=True)
        x = np.concatenate([(alpha[..., None] * memory).sum(1), np.eye(CLASSES)[symbol]], -1)
        (xz, xr, xc), (hz, hr, hc) = (np.split(y, 3, -1) for y in (x @ kernel + bias, h @ recurrent + recurrent_bias))
        z, r = sigmoid(xz + hz), sigmoid(xr + hr)
        new = np.tanh(xc + r * hc)
        h = z * (h - new) + new
        logits.append(h @ head[0] + head[1])
        attention.append(alpha)
        previous = logits[-1].argmax(-1)
    return np.stack(logits, 1), np.stack(attention, 1)


TOKENS = np.array([[2, 3, 4, 5, 6, 0, 1, 2], [-1] * STEPS, [2, 3, -1, -1, 4, -1, 0, 0]], "int32")


def test_against_the_equations():
    """Told every symbol, told none, and told some."""
    for ours, theirs in zip(run(memory(), TOKENS), reference(memory(), TOKENS), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_it_reads_by_itself_without_tokens():
    logits, attention = run(memory())
    assert logits.shape == (3, STEPS, CLASSES) and attention.shape == (3, STEPS, COLUMNS)
    np.testing.assert_allclose(logits, reference(memory(), np.full((3, STEPS), -1))[0], atol=1e-3)
    np.testing.assert_allclose(attention.sum(-1), 1, rtol=1e-5)
    assert len(np.unique(logits.argmax(-1))) > 2, "the test needs a decoder that writes different symbols"


def test_told_what_it_writes_it_writes_the_same():
    logits, _ = run(memory())
    written = logits.argmax(-1)
    told = np.concatenate([np.full((3, 1), 2), written[:, :-1]], 1)
    np.testing.assert_allclose(run(memory(), told)[0], logits, atol=1e-5)


def test_any_number_of_steps_and_columns():
    longer = np.random.default_rng(2).normal(size=(2, 9, CHANNELS)).astype("float32")
    tokens = np.full((2, 3), -1, "int32")
    logits, attention = run(longer, tokens)
    assert logits.shape == (2, 3, CLASSES) and attention.shape == (2, 3, 9)
    np.testing.assert_allclose(logits, reference(longer, tokens)[0], atol=1e-3)


def test_shapes_of_free_sizes_are_known_to_the_graph():
    logits, attention = decoder()(keras.Input((None, CHANNELS)), keras.Input((STEPS,), dtype="int32"))
    assert logits.shape == (None, STEPS, CLASSES)
    assert attention.shape[1] == STEPS


def test_symbols_beyond_what_16_bit_floats_hold():
    """The state holds the symbol's id: 1,001 in bfloat16 would be 1,000."""
    with dtype_policy("mixed_bfloat16"):
        layer = AttentionDecoder(4, 1003, 3)
        layer.build((None, COLUMNS, CHANNELS))
    weights = layer.get_weights()
    cell = layer.rnn.cell
    cell.head.set_weights([np.zeros((4, 1003)), np.eye(1003)[1001]])
    free = ops.convert_to_numpy(layer(memory(1))[0])
    told = ops.convert_to_numpy(layer(memory(1), np.array([[0, 1001, 1001]]))[0])
    assert free.dtype == "float32" and len(weights) == len(layer.get_weights())
    kernel = cell.gru.get_weights()[0]
    assert not np.allclose(kernel[CHANNELS + 1000], kernel[CHANNELS + 1001])
    np.testing.assert_allclose(free, told, atol=1e-6)


# JAX without compilation takes a minute.
@pytest.mark.parametrize("jit", [True] if keras.backend.backend() == "jax" else [True, False])
def test_it_learns_to_copy(jit):
    """Training compiles with and without XLA: which of four columns is marked is what it must write."""
    keras.utils.set_random_seed(0)
    image, tokens = keras.Input((None, 4)), keras.Input((2,), dtype="int32")
    logits, _ = AttentionDecoder(8, 6, 2)(image, tokens)
    model = keras.Model([image, tokens], logits)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.05), loss, jit_compile=jit and keras.backend.backend() != "torch")
    x = [np.eye(4, dtype="float32")[[[i, i, i] for i in range(4)]], np.array([[0, -1]] * 4)]
    y = np.array([[1 + i, 5] for i in range(4)])
    first = float(model.train_on_batch(x, y))
    for _ in range(60):
        last = float(model.train_on_batch(x, y))
    assert last < 0.2 * first
    np.testing.assert_array_equal(ops.convert_to_numpy(model.predict_on_batch(x)).argmax(-1), y)


def test_configuration_round_trip():
    layer = AttentionDecoder(UNITS, CLASSES, STEPS, start=2, name="reader")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
