"""The neck of SVTRv2: two small global blocks over a row of features, for CTC.

Published file: PaddleOCR `ppocr/modeling/necks/rnn.py` (EncoderWithSVTR).
"""

import functools

from keras import layers

from keras_textrec.layers.convolution import conv_bn
from keras_textrec.layers.transformer import attention, small_normal, transformer_block


def svtr_neck(x, hidden_size: int = 256, *, depth: int = 2, dropout: float = 0.1, name: str = "neck"):
    """(B, 1, W, C) -> (B, 1, W, hidden_size).

    Args:
        hidden_size: channels of the blocks and of the output, a multiple of 32.
        depth: blocks.
        dropout: of the attention weights, of the attention's output and within the MLP.
        name: the layers are called `{name}_conv1` to `{name}_conv5`, `{name}_block0`, ... and `{name}_norm`.
    """
    width = x.shape[-1]
    mixer = functools.partial(attention, dropout=dropout, weight_dropout=dropout, initializer=small_normal())
    y = conv_bn(x, width // 8, (1, 3), activation="silu", name=f"{name}_conv1")
    y = conv_bn(y, hidden_size, 1, activation="silu", name=f"{name}_conv2")
    for block in range(depth):
        options = {"norm_first": True, "epsilon": 1e-5, "dropout": dropout, "name": f"{name}_block{block}"}
        y = transformer_block(y, mixer, 2, "silu", **options)
    y = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm")(y)
    y = conv_bn(y, width, 1, activation="silu", name=f"{name}_conv3")
    y = layers.Concatenate(name=f"{name}_concat")([x, y])
    y = conv_bn(y, width // 8, (1, 3), activation="silu", name=f"{name}_conv4")
    return conv_bn(y, hidden_size, 1, activation="silu", name=f"{name}_conv5")
