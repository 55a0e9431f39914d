"""RepSVTR's backbone: RepViT with strides for text lines. Its branches of training fold into single convolutions.

Wang et al., "RepViT: Revisiting Mobile CNN From ViT Perspective" (2023).
Published file: PaddleOCR `ppocr/modeling/backbones/rec_repvit.py`.
"""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers

from keras_textrec.layers.convolution import BATCH_NORM, conv, conv_bn, pool_to_row, squeeze_excite
from keras_textrec.layers.standard import BatchNormalization

# Channels, squeeze-and-excitation, vertical and horizontal stride of each block.
RECOGNITION = (
    (96, True, 1, 1),
    (96, False, 1, 1),
    (96, False, 1, 1),
    (192, False, 2, 1),
    *((192, excited, 1, 1) for excited in (True, False) * 3),
    (384, False, 2, 1),
    (384, True, 1, 1),
    (384, False, 1, 1),
)
DETECTION = (
    (48, True, 1, 1),
    (48, False, 1, 1),
    (96, False, 2, 2),
    (96, True, 1, 1),
    (96, False, 1, 1),
    (192, False, 2, 2),
    *((192, excited, 1, 1) for excited in (True, False) * 2),
    (384, False, 2, 2),
    (384, True, 1, 1),
    (384, False, 1, 1),
)


@keras.saving.register_keras_serializable("keras_textrec")
class RepSVTRBackbone(keras.Model):
    """Image (B, H, W, 3) -> feature map (B, 1, W / 8, C), C of the last block; every height and width.

    With the default arguments this has 3,264,120 parameters. `fuse` gives the form for reading.

    Args:
        blocks: channels, squeeze-and-excitation, vertical and horizontal stride of each block. Only a block that
            strides may change the channels.
        pyramid: numbers of blocks, from 1, whose maps are the outputs, instead of the one row of the last; a text
            detector's backbone is `RepSVTRBackbone(DETECTION, pyramid=(2, 5, 10, 13))`.
        fused: one convolution with a bias in place of every branch and normalisation.

    Raises:
        ValueError: a block that does not stride has other channels than the one before it.
    """

    def __init__(
        self,
        blocks: Sequence[tuple[int, bool, int, int]] = RECOGNITION,
        pyramid: Sequence[int] | None = None,
        fused: bool = False,
        name: str = "repsvtr_backbone",
    ):
        # === Functional Model ===
        image = keras.Input((None, None, 3), name="image")
        width = blocks[0][0]
        x = _conv_bn(image, width // 2, 3, 2, "gelu", fused=fused, name="stem0")
        x = _conv_bn(x, width, 3, 2, fused=fused, name="stem1")
        maps = []
        for i, (width, excited, *strides) in enumerate(blocks, start=1):
            if strides == [1, 1] and width != x.shape[-1]:
                raise ValueError(f"RepSVTRBackbone: block {i} must stride to make {width} channels of {x.shape[-1]}.")
            x = _block(x, width, excited, tuple(strides), fused, f"block{i}")
            maps.append(x)
        outputs = [maps[i - 1] for i in pyramid] if pyramid else pool_to_row(x)
        super().__init__(inputs=image, outputs=outputs, name=name)

        # === Config ===
        self.blocks = tuple(map(tuple, blocks))
        self.pyramid = None if pyramid is None else tuple(pyramid)
        self.fused = fused

    def fuse(self) -> "RepSVTRBackbone":
        """A new backbone of single convolutions that computes the same as this one does when it reads.

        Raises:
            ValueError: this one is fused already.
        """
        if self.fused:
            raise ValueError(f"{self.name} is fused already.")
        other = RepSVTRBackbone(**{**self.get_config(), "fused": True})
        ours = {layer.name: layer for layer in self.layers}
        for layer in other.layers:
            stem = layer.name.removesuffix("_conv")
            if f"{stem}_bn" in ours:
                layer.set_weights(_fused_weights(ours, stem))
            else:
                layer.set_weights(ours[layer.name].get_weights())
        return other

    def get_config(self):
        return {"name": self.name, "blocks": self.blocks, "pyramid": self.pyramid, "fused": self.fused}


def _block(x, width, excited, strides, fused, name):
    """Mixes positions, then channels: 2 * width of them, within a residual."""
    if strides != (1, 1):
        x = _conv_bn(x, None, 3, strides, fused=fused, name=f"{name}_down")
    elif fused:
        x = conv(x, None, 3, name=f"{name}_token_conv")
    else:
        wide = conv_bn(x, None, 3, name=f"{name}_token_wide")
        point = conv(x, None, 1, name=f"{name}_token_point")
        x = layers.Add(name=f"{name}_token_add")([wide, point, x])
        x = BatchNormalization(**BATCH_NORM, name=f"{name}_token_bn")(x)
    if excited:
        # A quarter of the channels, to the nearest multiple of 8.
        x = squeeze_excite(x, max(8, (x.shape[-1] // 4 + 4) // 8 * 8), "sigmoid", name=f"{name}_se")
    if strides != (1, 1):
        x = _conv_bn(x, width, 1, fused=fused, name=f"{name}_widen")
    y = _conv_bn(x, 2 * width, 1, 1, "gelu", fused=fused, name=f"{name}_channel0")
    # A scale of 0 makes the residual nothing at the start.
    y = _conv_bn(y, width, 1, scale="zeros", fused=fused, name=f"{name}_channel1")
    return layers.Add(name=f"{name}_add")([x, y])


def _conv_bn(x, filters, kernel_size, strides=1, activation=None, *, scale="ones", fused, name):
    if not fused:
        return conv_bn(x, filters, kernel_size, strides, activation, scale=scale, name=name)
    x = conv(x, filters, kernel_size, strides, name=f"{name}_conv")
    return layers.Activation(activation, name=f"{name}_act")(x) if activation else x


def _fused_weights(ours, stem):
    """Kernel and bias of the one convolution that does what the layers `{stem}_...` do together."""
    norm = ours[f"{stem}_bn"]
    scale, shift, mean, variance = norm.get_weights()
    scale = scale / np.sqrt(variance + norm.epsilon)
    convolution = ours.get(f"{stem}_conv")
    if convolution is not None:
        kernel, bias = convolution.get_weights()[0], 0.0
    else:
        # Three parallel branches: 3x3, itself normalised; 1x1; the input as it is.
        kernel, bias = _fused_weights(ours, f"{stem}_wide")
        point, point_bias = ours[f"{stem}_point"].get_weights()
        kernel[1, 1] += point[0, 0] + 1.0
        bias = bias + point_bias
    # A depthwise kernel is (kh, kw, C, 1).
    outputs = scale if isinstance(convolution, layers.Conv2D) else scale[:, None]
    return kernel * outputs, shift + (bias - mean) * scale
