"""A network whose layers are called directly gives what Keras gives."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_textrec.layers.direct import DirectModel
from keras_textrec.presets.description import dtype_policy
from tests.parity.gradients import loss_and_gradients


def graph():
    """A network in a network, an operation, a layer that trains otherwise than it reads, and two inputs."""
    inner = keras.Input((4,))
    inner = keras.Model(inner, layers.BatchNormalization()(layers.Dense(3)(inner)))
    image, tokens = keras.Input((4,), name="image"), keras.Input((2,), dtype="int32", name="tokens")
    embedded = layers.Flatten()(layers.Embedding(5, 3)(tokens))
    x = layers.Concatenate()([inner(image), embedded])
    return [image, tokens], ops.tanh(layers.Dense(2)(x)) * 2.0


X = [np.random.default_rng(0).normal(size=(6, 4)).astype("float32"), np.arange(12).reshape(6, 2) % 5]


@pytest.mark.parametrize("training", [True, False])
def test_outputs_gradients_and_statistics(training):
    inputs, outputs = graph()
    theirs, ours = keras.Model(inputs, outputs), DirectModel(inputs, outputs)
    before = theirs.get_weights()
    results = []
    for model in (theirs, ours):
        model.set_weights(before)
        results.append(loss_and_gradients(model, lambda _, y: ops.sum(y**2), X, None, training=training))
        results[-1] += (model.get_weights(),)
    for a, b in zip(*map(keras.tree.flatten, results), strict=True):
        np.testing.assert_array_equal(a, b)
    assert training != all(np.array_equal(a, b) for a, b in zip(before, ours.get_weights(), strict=True))


def test_mixed_precision_goes_keras_way():
    with dtype_policy("mixed_bfloat16"):
        inputs, outputs = graph()
        theirs, ours = keras.Model(inputs, outputs), DirectModel(inputs, outputs)
    a, b = (ops.convert_to_numpy(ops.cast(model(X), "float32")) for model in (theirs, ours))
    np.testing.assert_array_equal(a, b)
