"""An operator that XLA computes slowly on CPUs. Nothing here is called on another backend."""

import functools
from collections.abc import Callable


def runs_on_cpu() -> bool:
    import jax

    return jax.default_backend() == "cpu"


def depthwise_convolution(x, kernel, strides: tuple[int, int]):
    """A kernel (kh, kw, C) over a map (B, H, W, C), without padding.

    A loop over the kernel's cells, each of which adds the map, moved there, times a factor for each channel. XLA's
    convolution takes 5 to 15 times as long, forwards and backwards. The loop and its own gradient are for the compiler,
    which takes twice as long for the cells written out.
    """
    return _convolution()(x, kernel, strides)


@functools.cache
def _convolution() -> Callable:
    import jax
    from jax import lax
    from jax import numpy as jnp

    def moved(x, cell, columns, shape, strides):
        """What the kernel's cell lies on at each of its places: `shape`, of a map."""
        batch, rows_out, columns_out, channels = shape
        size = (batch, (rows_out - 1) * strides[0] + 1, (columns_out - 1) * strides[1] + 1, channels)
        return lax.dynamic_slice(x, (0, cell // columns, cell % columns, 0), size)[:, :: strides[0], :: strides[1]]

    @functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
    def convolution(x, kernel, strides):
        rows, columns, channels = kernel.shape
        places = [(x.shape[1] - rows) // strides[0] + 1, (x.shape[2] - columns) // strides[1] + 1]
        shape, factors = (x.shape[0], *places, channels), kernel.reshape(-1, channels)

        def add(cell, y):
            return y + moved(x, cell, columns, shape, strides) * factors[cell]

        return lax.fori_loop(0, rows * columns, add, jnp.zeros(shape, x.dtype))

    def forward(x, kernel, strides):
        return convolution(x, kernel, strides), (x, kernel)

    def backward(strides, kept, gradient):
        x, kernel = kept
        # The gradient of the map: the kernel, turned around, over the gradient with zeros around and between.
        zeros = [
            (cells - 1, size - (places - 1) * step - 1, step - 1)
            for cells, size, places, step in zip(kernel.shape, x.shape[1:3], gradient.shape[1:3], strides)
        ]
        spread = lax.pad(gradient, jnp.zeros((), gradient.dtype), [(0, 0, 0), *zeros, (0, 0, 0)])
        of_map = convolution(spread, kernel[::-1, ::-1], (1, 1))

        def of_cell(cell):
            return jnp.sum(moved(x, cell, kernel.shape[1], gradient.shape, strides) * gradient, (0, 1, 2))

        return of_map, lax.map(of_cell, jnp.arange(kernel.shape[0] * kernel.shape[1])).reshape(kernel.shape)

    convolution.defvjp(forward, backward)
    return convolution
