"""Convolution blocks as functions over Keras tensors: the parts every backbone is made of.

All of them work on channels-last maps (B, H, W, C) whatever `keras.config.image_data_format()` says, and pad
(k - 1) / 2 cells on both sides as the published networks do: Keras' "same" pads one side only when it strides.
"""

import keras
from keras import layers, ops

from keras_textrec.layers.standard import FORMAT, AveragePooling2D, BatchNormalization, Conv2D, DepthwiseConv2D

# Paddle's legacy BatchNorm: running = 0.9 * running + 0.1 * batch.
BATCH_NORM = {"momentum": 0.9, "epsilon": 1e-5}

Size = int | tuple[int, int]


@keras.saving.register_keras_serializable("keras_textrec")
def hard_sigmoid_fifth(x):
    """clip(0.2 x + 0.5, 0, 1): Paddle's gate in MobileNetV3's SE blocks (Keras' `hard_sigmoid` has slope 1/6)."""
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def pair(size: Size) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else tuple(size)


def conv(x, filters: int | None, kernel_size: Size, strides: Size = 1, *, groups: int = 1, use_bias=True, name: str):
    """Convolution padded (k - 1) / 2 on each side: (B, H, W, C) -> (B, ceil(H / s), ceil(W / s), filters).

    Args:
        filters: output channels; `None` makes the convolution depthwise.
        groups: channel groups that do not see each other.
        name: of the convolution.
    """
    strides = pair(strides)
    options = {"strides": strides, "use_bias": use_bias, "name": name}
    if strides == (1, 1):
        options["padding"] = "same"
    else:
        options["pad"] = [(k - 1) // 2 for k in pair(kernel_size)]
    if filters is None:
        return DepthwiseConv2D(kernel_size, **options)(x)
    return Conv2D(filters, kernel_size, groups=groups, kernel_initializer="he_normal", **options)(x)


def conv_bn(
    x,
    filters: int | None,
    kernel_size: Size,
    strides: Size = 1,
    activation=None,
    *,
    use_bias: bool = False,
    scale="ones",
    name: str,
):
    """Convolution, batch normalisation, activation: (B, H, W, C) -> (B, ceil(H / s), ceil(W / s), filters).

    Args:
        filters: output channels; `None` makes the convolution depthwise.
        activation: a Keras activation (name or function), or `None`.
        use_bias: a bias that the normalisation takes away again; some published networks have it.
        scale: initializer of the normalisation's scale.
        name: the layers are called `{name}_conv`, `{name}_bn` and `{name}_act`.
    """
    x = conv(x, filters, kernel_size, strides, use_bias=use_bias, name=f"{name}_conv")
    x = BatchNormalization(**BATCH_NORM, gamma_initializer=scale, name=f"{name}_bn")(x)
    return layers.Activation(activation, name=f"{name}_act")(x) if activation else x


def pool_to_row(x):
    """(B, H, W, C) -> (B, 1, W // 2, C): the mean of all rows and of every two columns."""
    x = AveragePooling2D((1, 2), (1, 2), data_format=FORMAT, name="out_pool")(x)
    return ops.mean(x, axis=1, keepdims=True)


def squeeze_excite(x, reduced: int, gate, *, name: str):
    """Squeeze-and-excitation (Hu et al., 2018): channels scaled by a gate of their global means; shape unchanged.

    Args:
        reduced: channels between the two 1x1 convolutions (`{name}_reduce`, ReLU; `{name}_expand`).
        gate: activation of the second convolution.
    """
    s = layers.GlobalAveragePooling2D(keepdims=True, data_format=FORMAT, name=f"{name}_mean")(x)
    s = Conv2D(reduced, 1, activation="relu", name=f"{name}_reduce")(s)
    s = Conv2D(x.shape[-1], 1, activation=gate, name=f"{name}_expand")(s)
    return layers.Multiply(name=f"{name}_scale")([x, s])
