"""One forward and backward pass on whichever backend is in force."""

import keras
import numpy as np


def loss_and_gradients(model, loss, x, y, *, training: bool):
    """The loss, the logits and the gradient of every trainable variable, in order, as NumPy arrays.

    Non-trainable variables (running statistics) are updated as `fit` would.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            logits = model(x, training=training)
            value = loss(y, logits)
        gradients = tape.gradient(value, [v.value for v in model.trainable_variables])
    elif backend == "torch":
        model.zero_grad()
        logits = model(x, training=training)
        value = loss(y, logits)
        value.backward()
        gradients = [v.value.grad for v in model.trainable_variables]
    else:
        import jax

        @jax.jit
        def compute(trainable, fixed):
            logits, fixed = model.stateless_call(trainable, fixed, x, training=training)
            return loss(y, logits), (logits, fixed)

        trainable = [v.value for v in model.trainable_variables]
        fixed = [v.value for v in model.non_trainable_variables]
        (value, (logits, fixed)), gradients = jax.value_and_grad(compute, has_aux=True)(trainable, fixed)
        for variable, new in zip(model.non_trainable_variables, fixed, strict=True):
            variable.assign(new)
    to_numpy = keras.ops.convert_to_numpy
    return (
        float(to_numpy(value)),
        keras.tree.map_structure(to_numpy, logits),
        [np.asarray(to_numpy(g)) for g in gradients],
    )
