"""Layers called without Keras' checks, on PyTorch.

TensorFlow and JAX call every layer once, when they trace a network. On PyTorch each call of each layer converts its
arguments and looks for masks, shapes and scopes: a quarter of a millisecond, several times what a
small convolution takes.
"""

import functools
from typing import Any

import keras


class DirectModel(keras.Model):
    """A model made of inputs and outputs whose layers are called directly; it computes what `keras.Model` does."""

    def call(self, inputs, training=None, mask=None):
        if keras.backend.backend() == "torch" and mask is None and _is_float32(self):
            return _run(self, inputs, training)
        return super().call(inputs, training=training, mask=mask)


def direct(layer: keras.Layer, owner: keras.Layer):
    """What a built layer of another one computes, of tensors: without Keras' checks on PyTorch, its own call elsewhere.

    Where the owner's dtype is another than float32, Keras has to convert, and its call is taken.
    """
    names = {layer.dtype_policy.name, owner.dtype_policy.name}
    return layer.call if keras.backend.backend() == "torch" and names == {"float32"} else layer


def _is_float32(network: keras.Model) -> bool:
    """Whether no layer has to convert what another gives it."""
    return all(
        layer.dtype_policy.name == "float32" and (not _is_network(layer) or _is_float32(layer))
        for layer in network.layers
    )


def _is_network(operation: Any) -> bool:
    """Whether it is made of inputs and outputs; Keras' class of such models has no public name."""
    return hasattr(operation, "_run_through_graph")


def _run(network: keras.Model, inputs: Any, training: bool | None, mask: None = None):
    def call(operation):
        if _is_network(operation):
            return functools.partial(_run, operation, training=training)
        if getattr(operation, "_call_has_training_arg", False):
            return functools.partial(operation.call, training=training)
        return operation.call

    outputs = network._run_through_graph(network._standardize_inputs(inputs), operation_fn=call)
    return outputs[0] if isinstance(outputs, list | tuple) and len(outputs) == 1 else outputs
