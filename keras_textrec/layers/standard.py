"""Keras' layers, right and quick on every backend: the same names, arguments, variables and numbers.

What Keras 3.15 does otherwise: TensorFlow has no depthwise convolution with strides (2, 1) but with oneDNN or XLA; on
JAX, depthwise and 1x1 convolutions are slow on CPUs; on PyTorch every map is copied twice for a convolution and its
kernel once, a normalisation is ten operators, and off CUDA an LSTM is a loop in Python. The classes are called as
Keras' are: the names are part of the keys that weights are kept under.

Maps are channels-last, (B, H, W, C). `jax_operators` and `torch_operators` have what is called on those backends.
"""

import contextlib
import contextvars
import functools
import math
from collections.abc import Callable, Iterator

import keras
from keras import layers, ops

from keras_textrec.layers import jax_operators, torch_operators
from keras_textrec.layers.direct import direct
from keras_textrec.layers.replicas import mean_over_replicas

FORMAT = "channels_last"


class _Padded:
    """What a layer with `pad`, of a padding "valid", has beside Keras': that many zeros on each side of its map.

    A `ZeroPadding2D` before it costs a copy, and on the way back the gradient of the zeros.
    """

    def __init__(self, *arguments, pad: tuple[int, int] = (0, 0), **options):
        super().__init__(*arguments, **{"data_format": FORMAT, **options})
        self.pad = tuple(pad)

    def padded(self, x):
        rows, columns = self.pad
        return ops.pad(x, [(0, 0), (rows, rows), (columns, columns), (0, 0)]) if any(self.pad) else x

    def compute_output_shape(self, input_shape):
        batch, *sizes, channels = input_shape
        sizes = [size and size + 2 * pad for size, pad in zip(sizes, self.pad, strict=True)]
        return super().compute_output_shape((batch, *sizes, channels))

    def get_config(self):
        return {**super().get_config(), "pad": self.pad}


class _Convolution(_Padded):
    """What both convolutions have."""

    def finished(self, x):
        """What comes after the products: the bias and the activation."""
        return self.activation(x + self.bias if self.use_bias else x)


@keras.saving.register_keras_serializable("keras_textrec")
class Conv2D(_Convolution, layers.Conv2D):
    """Channels-last `keras.layers.Conv2D`.

    Args:
        pad: rows and columns of zeros on each side, before padding "valid".
    """

    def build(self, input_shape):
        super().build(input_shape)
        if keras.backend.backend() == "torch":
            torch_operators.lay_out(self.kernel, (3, 0, 1, 2))

    def call(self, x):
        padding = _torch_padding(self)
        if padding is not None:
            return _torch_convolution(self, x, _value(self.kernel), padding, self.groups)
        x = self.padded(x)
        return self.finished(ops.matmul(x, self.kernel[0, 0])) if self._is_slow_by_xla() else super().call(x)

    def _is_slow_by_xla(self) -> bool:
        """Whether it is a product of matrices: as that, XLA on CPUs computes its gradients in a tenth of the time."""
        steps = (self.kernel_size, self.strides, self.dilation_rate, self.groups, self.data_format)
        is_product = steps == ((1, 1), (1, 1), (1, 1), 1, FORMAT)
        return is_product and _has_xla_on_cpu()


@keras.saving.register_keras_serializable("keras_textrec")
class DepthwiseConv2D(_Convolution, layers.DepthwiseConv2D):
    """Channels-last `keras.layers.DepthwiseConv2D`. Strides that differ, such as (2, 1), want padding "valid".

    Args:
        pad: as of `Conv2D`.
    """

    def call(self, x):
        if self._scales():
            return self.finished(x * self.kernel[0, 0, :, 0])
        padding = _torch_padding(self)
        if padding is not None:
            kernel = _value(self.kernel)
            rows, columns, channels, multiplier = kernel.shape
            kernel = kernel.reshape(rows, columns, 1, channels * multiplier)
            return _torch_convolution(self, x, kernel, padding, channels)
        x = self.padded(x)
        if self._is_slow_by_xla(x):
            if self.padding == "same":
                zeros = [((size - 1) // 2, size // 2) for size in self.kernel_size]
                x = ops.pad(x, [(0, 0), *zeros, (0, 0)])
            x = jax_operators.depthwise_convolution(x, _value(self.kernel)[..., 0], self.strides)
        elif self.strides[0] == self.strides[1] or takes_unequal_strides(x.dtype):
            return super().call(x)
        else:
            # Smaller steps, and what was not asked for is left out.
            step = math.gcd(*self.strides)
            x = ops.depthwise_conv(x, self.kernel, step, self.padding, FORMAT, self.dilation_rate)
            x = x[:, :: self.strides[0] // step, :: self.strides[1] // step]
        return self.finished(x)

    def _scales(self) -> bool:
        """Whether it is a factor for each channel: backends compute that as any other convolution."""
        steps = (self.kernel_size, self.strides, self.pad, self.depth_multiplier, self.data_format)
        return steps == ((1, 1), (1, 1), (0, 0), 1, FORMAT)

    def _is_slow_by_xla(self, x) -> bool:
        if not _has_xla_on_cpu() or x.dtype != "float32":
            return False
        one_step = self.strides == (1, 1)  # "same" pads otherwise where it strides
        is_plain = self.depth_multiplier == 1 and self.dilation_rate == (1, 1) and self.data_format == FORMAT
        return is_plain and (self.padding == "valid" or one_step)


@keras.saving.register_keras_serializable("keras_textrec")
class BatchNormalization(layers.BatchNormalization):
    """`keras.layers.BatchNormalization` of the last axis.

    `synchronized`, one mean and variance of all replicas of a step, is for PyTorch's processes too, and goes without
    effect on JAX, where they are of the whole batch in any case. Keras has it for TensorFlow, by three messages each.
    """

    def call(self, x, training=None, mask=None):
        is_plain = mask is None and not self.renorm and self.scale and self.center
        of_batch = training and self.trainable
        if keras.backend.backend() != "torch" or not is_plain or (of_batch and self.synchronized):
            return super().call(x, training=training, mask=mask)
        weights = _value(self.gamma).float(), _value(self.beta).float()
        if of_batch:
            y, mean, variance = torch_operators.normalized_by_batch(x.float(), *weights, self.epsilon)
            for moving, new in ((self.moving_mean, mean), (self.moving_variance, variance)):
                moving.assign(_value(moving) * self.momentum + new * (1.0 - self.momentum))
        else:
            statistics = _value(self.moving_mean), _value(self.moving_variance)
            y = torch_operators.normalized(x.float(), *statistics, *weights, self.epsilon)
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
class MaxPooling2D(_Padded, layers.MaxPooling2D):
    """Channels-last `keras.layers.MaxPooling2D`.

    Args:
        pad: rows and columns of zeros on each side, before padding "valid", of a map without negative numbers: there
            they are as good as PyTorch's own -inf, which costs no copy.
    """

    def call(self, x):
        if not _torch_pooling(self, x):
            return super().call(self.padded(x))
        from torch.nn.functional import max_pool2d

        return torch_operators.pooled(max_pool2d, x, self.pool_size, self.strides, self.pad)


@keras.saving.register_keras_serializable("keras_textrec")
class AveragePooling2D(layers.AveragePooling2D):
    """`keras.layers.AveragePooling2D`."""

    def call(self, x):
        if not _torch_pooling(self, x):
            return super().call(x)
        from torch.nn.functional import avg_pool2d

        return torch_operators.pooled(avg_pool2d, x, self.pool_size, self.strides)


@keras.saving.register_keras_serializable("keras_textrec")
class LSTM(layers.LSTM):
    """`keras.layers.LSTM`."""

    def build(self, sequences_shape, initial_state_shape=None):
        super().build(sequences_shape, initial_state_shape)
        if keras.backend.backend() == "torch" and self._is_plain():
            for matrix in (self.cell.kernel, self.cell.recurrent_kernel):
                torch_operators.lay_out(matrix, (1, 0))

    def inner_loop(self, sequences, initial_state, mask, training=False):
        is_plain = mask is None and self._is_plain()
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

    def _is_plain(self) -> bool:
        """Whether PyTorch's operator computes it."""
        activations = (self.activation, self.recurrent_activation)
        is_usual = activations == (keras.activations.tanh, keras.activations.sigmoid)
        return is_usual and self.use_bias and not self.dropout and not self.recurrent_dropout


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


def _torch_padding(layer) -> tuple[int, ...] | None:
    """The cells on each side that PyTorch's convolution is to pad; None if it cannot do as the layer says."""
    if keras.backend.backend() != "torch" or layer.data_format != FORMAT:
        return None
    if layer.padding == "valid":
        return layer.pad
    widths = [rate * (size - 1) for rate, size in zip(layer.dilation_rate, layer.kernel_size, strict=True)]
    if layer.strides != (1, 1) or any(width % 2 for width in widths):
        return None  # "same" pads one side more than the other
    return tuple(width // 2 for width in widths)


def _has_xla_on_cpu() -> bool:
    return keras.backend.backend() == "jax" and jax_operators.runs_on_cpu()


def _torch_convolution(layer, x, kernel, padding, groups):
    """A kernel (kh, kw, in / groups, out) over a map."""
    bias = _value(layer.bias) if layer.use_bias else None
    y = torch_operators.convolution(x, kernel, bias, layer.strides, padding, layer.dilation_rate, groups)
    return layer.activation(y)


def _torch_pooling(layer, x) -> bool:
    """Whether PyTorch's pooling, without padding, does as the layer says."""
    if keras.backend.backend() != "torch" or layer.data_format != FORMAT:
        return False
    if layer.padding == "valid":
        return True
    return layer.pool_size == layer.strides and all(n % k == 0 for n, k in zip(x.shape[1:3], layer.pool_size))
