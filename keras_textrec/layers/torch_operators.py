"""PyTorch's operators on channels-last maps, (B, H, W, C), without copies.

A PyTorch view of such a map in PyTorch's own order of axes is in its memory format `channels_last`, which its operators
know. Nothing here is called on another backend.
"""

import functools
from collections.abc import Callable
from typing import Any


def lay_out(variable, order: tuple[int, ...]) -> None:
    """Puts a variable's numbers into memory in this order of its axes, which stay: the order in which an operator takes
    them without a copy. What is assigned later comes in the same order."""
    tensor = variable.value
    inverse = [order.index(axis) for axis in range(len(order))]
    tensor.data = tensor.data.permute(order).contiguous().permute(inverse)


def convolution(x, kernel, bias, strides, padding, dilation_rate, groups: int):
    """A kernel (kh, kw, in / groups, out) over a map; `padding` are the cells on each side."""
    import torch

    x, kernel = channels_first(x), kernel.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)
    return torch.nn.functional.conv2d(x, kernel, bias, strides, padding, dilation_rate, groups).permute(0, 2, 3, 1)


def pooled(operator: Callable, x, pool_size, strides, padding=(0, 0)):
    """`max_pool2d` or `avg_pool2d` of a map; `padding` are the cells on each side."""
    return operator(channels_first(x), pool_size, strides, padding).permute(0, 2, 3, 1)


def channels_first(x):
    """A view (B, C, H, W) of a map; a copy only where it is laid out otherwise, as what `flip` gives."""
    import torch

    return x.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def normalized_by_batch(x, gamma, beta, epsilon: float) -> tuple[Any, Any, Any]:
    """Batch normalisation of float32 (..., C) by its own mean and variance: maps, mean (C,) and variance (C,)."""
    return _normalization().apply(x.contiguous(), gamma, beta, epsilon)


def normalized(x, mean, variance, gamma, beta, epsilon: float):
    """Batch normalisation of float32 (..., C) by a known mean and variance."""
    import torch

    rows = x.reshape(-1, x.shape[-1])
    return torch.native_batch_norm(rows, gamma, beta, mean, variance, False, 0.0, epsilon)[0].view(x.shape)


# Columns of a map in memory that are summed side by side: more are sums of fewer numbers, fewer stay in the cache.
_COLUMNS = 1024


def _in_columns(x):
    """A view (rows, G * C) of maps (..., C), so that each channel has G columns.

    PyTorch adds up a column's rows one by one in float32: of a whole map, the statistics are 1e-5 off and the gradients
    3e-5. Of short columns, whose sums are then added, they are as exact as pairwise sums, in the same time.
    """
    channels = x.shape[-1]
    rows = x.numel() // channels
    groups = next((g for g in range(min(rows, _COLUMNS // channels), 1, -1) if rows % g == 0), 1)
    return x.view(rows // groups, groups * channels)


@functools.cache
def _normalization() -> type:
    """The operator behind `normalized_by_batch`: PyTorch's own passes over the maps, with sums that are exact."""
    import torch

    class Normalization(torch.autograd.Function):
        @staticmethod
        def forward(context, x, gamma, beta, epsilon):
            means, variances = torch.batch_norm_update_stats(_in_columns(x), None, None, 0.0)
            means, variances = means.view(-1, x.shape[-1]), variances.view(-1, x.shape[-1])
            mean = means.mean(0)
            variance = variances.mean(0) + (means - mean).square().mean(0)
            context.save_for_backward(x, mean, (variance + epsilon).rsqrt(), gamma)
            context.mark_non_differentiable(mean, variance)
            return normalized(x, mean, variance, gamma, beta, epsilon), mean, variance

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(context, gradient, *_):
            x, mean, inverse, gamma = context.saved_tensors
            channels, columns, gradients = x.shape[-1], _in_columns(x), _in_columns(gradient.contiguous())
            groups = columns.shape[1] // channels

            def repeated(values):
                return values.repeat(groups)

            sums = torch.ops.aten.native_batch_norm_backward(
                gradients, columns, None, None, None, repeated(mean), repeated(inverse), True, 0.0, (False, True, True)
            )
            of_gamma, of_beta = (values.view(groups, channels).sum(0) for values in sums[1:])
            # scale * (gradient - mean of it - normalised x * mean of the two's product)
            scale, size = gamma * inverse, x.numel() // channels
            slope = scale * inverse * of_gamma / -size
            of_x = torch.addcmul(repeated(scale * of_beta / -size - slope * mean), columns, repeated(slope))
            return of_x.addcmul_(gradients, repeated(scale)).view(x.shape), of_gamma, of_beta, None

    return Normalization
