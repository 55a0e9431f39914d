"""SVTRv2's backbone: grouped convolutions mix close cells first, attention mixes all of them later.

Du et al., "SVTRv2: CTC Beats Encoder-Decoder Models in Scene Text Recognition" (2024).
Published file: PaddleOCR `ppocr/modeling/backbones/rec_svtrv2.py`.
"""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers

from keras_textrec.layers.convolution import conv, conv_bn, pool_to_row
from keras_textrec.layers.transformer import HEAD_SIZE, attention, small_normal, transformer_block


@keras.saving.register_keras_serializable("keras_textrec")
class SVTRv2Backbone(keras.Model):
    """Image (B, H, W, 3) -> feature map (B, 1, W / 8, widths[-1]); every height and width.

    With the default arguments this is the network that PaddleOCR serves with: 17,935,616 parameters.

    There is no position embedding: only the convolutions tell where a cell is.

    Args:
        widths: channels of each stage, multiples of 32, the size of an attention head. Every stage but the first
            halves the rows.
        depths: blocks in each stage.
        conv_depths: how many of them, from the first, mix by a 5x5 convolution, its groups the size of a head; the
            others mix by attention.
        stochastic_depth: the share of training samples that skip the last block; it grows evenly from 0 in the first.

    Raises:
        ValueError: the arguments have not one entry a stage, or a width is no multiple of 32.
    """

    def __init__(
        self,
        widths: Sequence[int] = (128, 256, 384),
        depths: Sequence[int] = (6, 6, 6),
        conv_depths: Sequence[int] = (6, 2, 0),
        stochastic_depth: float = 0.1,
        name: str = "svtrv2_backbone",
    ):
        if not len(widths) == len(depths) == len(conv_depths):
            raise ValueError(
                f"SVTRv2Backbone: widths {list(widths)}, depths {list(depths)} and conv_depths {list(conv_depths)} "
                "must have one entry a stage."
            )
        if any(width % HEAD_SIZE for width in widths):
            raise ValueError(f"SVTRv2Backbone: widths {list(widths)} must be multiples of {HEAD_SIZE}.")
        # === Functional Model ===
        image = keras.Input((None, None, 3), name="image")
        x = conv_bn(image, widths[0] // 2, 3, 2, "gelu", use_bias=True, name="patch0")
        x = conv_bn(x, widths[0], 3, 2, "gelu", use_bias=True, name="patch1")
        shares = iter(np.linspace(0, stochastic_depth, sum(depths)).tolist())
        for stage, (width, depth, convs) in enumerate(zip(widths, depths, conv_depths, strict=True)):
            if stage > 0:
                x = conv(x, width, 3, (2, 1), name=f"stage{stage}_down")
                x = layers.LayerNormalization(epsilon=1e-5, name=f"stage{stage}_down_norm")(x)
            for block in range(depth):
                mixer = _local_mixer if block < convs else _global_mixer
                label = f"stage{stage}_block{block}"
                x = transformer_block(x, mixer, 4, "gelu", stochastic_depth=next(shares), name=label)
        super().__init__(inputs=image, outputs=pool_to_row(x), name=name)

        # === Config ===
        self.widths = tuple(widths)
        self.depths = tuple(depths)
        self.conv_depths = tuple(conv_depths)
        self.stochastic_depth = stochastic_depth

    def get_config(self):
        return {
            "name": self.name,
            "widths": self.widths,
            "depths": self.depths,
            "conv_depths": self.conv_depths,
            "stochastic_depth": self.stochastic_depth,
        }


def _local_mixer(x, name):
    return conv(x, x.shape[-1], 5, groups=x.shape[-1] // HEAD_SIZE, name=name)


def _global_mixer(x, name):
    return attention(x, initializer=small_normal(), name=name)
