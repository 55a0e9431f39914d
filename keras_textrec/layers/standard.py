"""Keras' layers, right and quick on every backend: the same names, arguments, variables and numbers.

What Keras 3.15 does otherwise: TensorFlow has no depthwise convolution with strides (2, 1) but with oneDNN or XLA; on
PyTorch every map is copied twice for a convolution, a normalisation is ten operators, and off CUDA an LSTM is a loop in
Python. The classes are called as Keras' are, because the names are part of the keys under which weights are kept.

Maps are channels-last, (B, H, W, C). A PyTorch view of one in PyTorch's own order of axes is in its memory format
`channels_last`, which its operators know: nothing has to be copied.
"""

import contextlib
import contextvars
import functools
import math
from collections.abc import Callable, Iterator

import keras
from keras import layers, ops

from keras_textrec.layers.direct import direct
from keras_textrec.layers.replicas import mean_over_replicas

FORMAT = "channels_last"


@keras.saving.register_keras_serializable("keras_textrec")
class Conv2D(layers.Conv2D):
    """Channels-last `keras.layers.Conv2D`."""

    def __init__(self, filters, kernel_size, **options):
        super().__init__(filters, kernel_size, **{"data_format": FORMAT, **options})

    def call(self, x):
        padding = _torch_padding(self)
        if padding is None:
            return super().call(x)
        return _torch_convolution(self, x, _value(self.kernel), padding, self.groups)


@keras.saving.register_keras_serializable("keras_textrec")
class DepthwiseConv2D(layers.DepthwiseConv2D):
    """Channels-last `keras.layers.DepthwiseConv2D`. Strides that differ, such as (2, 1), want padding "valid"."""

    def __init__(self, kernel_size, **options):
        super().__init__(kernel_size, **{"data_format": FORMAT, **options})

    def call(self, x):
        padding = _torch_padding(self)
        if padding is not None:
            kernel = _value(self.kernel)
            rows, columns, channels, multiplier = kernel.shape
            kernel = kernel.reshape(rows, columns, 1, channels * multiplier)
            return _torch_convolution(self, x, kernel, padding, channels)
        if self.strides[0] == self.strides[1] or takes_unequal_strides(x.dtype):
            return super().call(x)
        # Smaller steps, and what was not asked for is left out.
        step = math.gcd(*self.strides)
        x = ops.depthwise_conv(x, self.kernel, step, self.padding, FORMAT, self.dilation_rate)
        x = x[:, :: self.strides[0] // step, :: self.strides[1] // step]
        x = x + self.bias if self.use_bias else x
        return self.activation(x)


@keras.saving.register_keras_serializable("keras_textrec")
class BatchNormalization(layers.BatchNormalization):
    """`keras.layers.BatchNormalization` of the last axis.

    PyTorch's own operator is for reading only: in training it sums up a batch's statistics one by one in float32, 1e-5
    off, which shows in the gradients. There, the sums are Keras', and the gradient is written out.

    `synchronized`, one mean and variance of all replicas of a step, is for PyTorch's processes too, and goes without
    effect on JAX, where they are of the whole batch in any case. Keras has it for TensorFlow, by three messages each.
    """

    def call(self, x, training=None, mask=None):
        is_plain = mask is None and not self.renorm and self.scale and self.center
        of_batch = training and self.trainable
        if keras.backend.backend() != "torch" or not is_plain or (of_batch and self.synchronized):
            return super().call(x, training=training, mask=mask)
        if of_batch:
            return self._torch_normalized(x.float())
        from torch.nn.functional import batch_norm

        statistics = [_value(v).float() for v in (self.moving_mean, self.moving_variance, self.gamma, self.beta)]
        y = batch_norm(x.float().movedim(-1, 1), *statistics, eps=self.epsilon)
        return ops.cast(y.movedim(1, -1), self.compute_dtype)

    def _torch_normalized(self, x):
        """By the statistics of the batch, a float32 map; the moving ones follow."""
        axes = list(range(x.ndim - 1))
        mean = x.detach().mean(axes)
        variance = x.detach().square().mean(axes) - mean.square()
        for moving, new in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(_value(moving) * self.momentum + new * (1.0 - self.momentum))
        y = _torch_normalization().apply(x, mean, variance, _value(self.gamma), _value(self.beta), self.epsilon)
        return ops.cast(y, self.compute_dtype)

    def _moments(self, inputs, mask):
        if not self.synchronized or mask is not None:
            return super()._moments(inputs, mask)
        mean, variance = ops.moments(inputs, axes=self._reduction_axes)
        # Squares around the running mean, which all replicas share: around zero they would lose digits.
        centre = ops.stop_gradient(ops.cast(self.moving_mean, mean.dtype))
        offset = mean - centre
        offset, square = ops.unstack(mean_over_replicas(ops.stack([offset, variance + ops.square(offset)])))
        return centre + offset, ops.maximum(square - ops.square(offset), 0.0)


@keras.saving.register_keras_serializable("keras_textrec")
class LSTM(layers.LSTM):
    """`keras.layers.LSTM`."""

    def inner_loop(self, sequences, initial_state, mask, training=False):
        is_plain = mask is None and self.use_bias and not self.dropout and not self.recurrent_dropout
        is_plain = is_plain and self.activation is keras.activations.tanh
        is_plain = is_plain and self.recurrent_activation is keras.activations.sigmoid
        if is_plain and (lstm := _traced_lstm.get()):
            return lstm(self.cell, sequences, self.go_backwards)
        if keras.backend.backend() != "torch" or sequences.device.type != "cpu" or not is_plain:
            return super().inner_loop(sequences, initial_state, mask, training)  # of CUDA Keras takes the best itself
        import torch

        kernel, recurrent_kernel, bias = (
            _value(v) for v in (self.cell.kernel, self.cell.recurrent_kernel, self.cell.bias)
        )
        weights = [kernel.T.contiguous(), recurrent_kernel.T.contiguous(), bias, torch.zeros_like(bias)]
        sequences = sequences.flip(1) if self.go_backwards else sequences
        states = [state[None] for state in initial_state]
        outputs, hidden, carry = torch.lstm(sequences, states, weights, True, 1, 0.0, False, False, True)
        return outputs[:, -1], outputs, [hidden[0], carry[0]]


@keras.saving.register_keras_serializable("keras_textrec")
class RNN(layers.RNN):
    """`keras.layers.RNN`."""

    def inner_loop(self, sequences, initial_state, mask, training=False):
        is_plain = mask is None and not self.go_backwards and not self.stateful
        if keras.backend.backend() != "torch" or not is_plain:
            return super().inner_loop(sequences, initial_state, mask, training)
        import torch

        step, states, outputs = direct(self.cell, self), initial_state, []
        for x in sequences.unbind(1):
            output, states = step(x, states)
            outputs.append(output)
        return outputs[-1], torch.stack(outputs, 1), states


# === TensorFlow ===


_only_traced = contextvars.ContextVar("only_traced", default=False)
_traced_lstm = contextvars.ContextVar("traced_lstm", default=None)


@contextlib.contextmanager
def only_traced(lstm: Callable | None = None) -> Iterator[None]:
    """What is traced within, for export, need not run here: a strided depthwise convolution is one operator.

    Args:
        lstm: takes the place of an LSTM's `inner_loop`: (cell, sequences, go_backwards) -> what that gives.
    """
    tokens = _only_traced.set(True), _traced_lstm.set(lstm)
    try:
        yield
    finally:
        _only_traced.reset(tokens[0])
        _traced_lstm.reset(tokens[1])


def takes_unequal_strides(dtype: str) -> bool:
    """Whether the backend has, where it is about to run, a depthwise convolution with strides that differ."""
    if keras.backend.backend() != "tensorflow" or _only_traced.get():
        return True
    import tensorflow as tf

    return tf.__internal__.get_enclosing_xla_context() is not None or _kernel_takes_unequal_strides(dtype)


@functools.cache
def _kernel_takes_unequal_strides(dtype: str) -> bool:
    import tensorflow as tf

    with tf.init_scope():  # now, not in the graph that is being made
        try:
            tf.nn.depthwise_conv2d(tf.zeros((1, 2, 1, 1), dtype), tf.zeros((1, 1, 1, 1), dtype), (1, 2, 1, 1), "VALID")
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
            return False
    return True


# === PyTorch ===


def _value(variable):
    return variable.value if isinstance(variable, keras.Variable) else variable


@functools.cache
def _torch_normalization() -> type:
    """The operator of a batch's normalisation: (maps, their mean and variance, gamma, beta, epsilon) -> maps.

    Left to PyTorch, each of its ten operators keeps maps of its own and runs over them again on the way back.
    """
    import torch

    class Normalization(torch.autograd.Function):
        @staticmethod
        def forward(context, x, mean, variance, gamma, beta, epsilon):
            inverse = (variance + epsilon).rsqrt()
            context.save_for_backward(x, mean, inverse, gamma)
            centred = x - mean
            return torch.addcmul(beta, centred, gamma * inverse, out=centred)

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(context, gradient):
            x, mean, inverse, gamma = context.saved_tensors
            axes = list(range(x.ndim - 1))
            centred = x - mean
            of_beta = gradient.sum(axes)
            of_gamma = (gradient * centred).sum(axes) * inverse
            scale, size = gamma * inverse, x.numel() / x.shape[-1]
            # scale * (gradient - mean of it - normalised x * mean of the two's product)
            torch.addcmul(scale * of_beta / -size, centred, scale * inverse * of_gamma / -size, out=centred)
            return centred.addcmul_(gradient, scale), None, None, of_gamma, of_beta, None

    return Normalization


def _torch_padding(layer) -> tuple[int, ...] | None:
    """The cells on each side that PyTorch's convolution is to pad; None if it cannot do as the layer says."""
    if keras.backend.backend() != "torch" or layer.data_format != FORMAT:
        return None
    if layer.padding == "valid":
        return (0, 0)
    widths = [rate * (size - 1) for rate, size in zip(layer.dilation_rate, layer.kernel_size, strict=True)]
    if layer.strides != (1, 1) or any(width % 2 for width in widths):
        return None  # "same" pads one side more than the other
    return tuple(width // 2 for width in widths)


def _torch_convolution(layer, x, kernel, padding, groups):
    """A kernel (kh, kw, in / groups, out) over a map."""
    import torch

    # What pooling gives is laid out otherwise: in one layout the sums of training are as exact as Keras'.
    options = {"memory_format": torch.channels_last}
    x, kernel = x.permute(0, 3, 1, 2).contiguous(**options), kernel.permute(3, 2, 0, 1).contiguous(**options)
    y = torch.nn.functional.conv2d(x, kernel, None, layer.strides, padding, layer.dilation_rate, groups)
    y = y.permute(0, 2, 3, 1)
    return layer.activation(y + _value(layer.bias) if layer.use_bias else y)
