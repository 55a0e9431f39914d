"""The attention of RobustScanner: its position-aware module, its mask, and its position branch.

Yue et al., "RobustScanner: Dynamically Enhancing Positional Clues for Robust Text Recognition" (2020).
Published file: PaddleOCR `ppocr/modeling/heads/rec_robustscanner_head.py`.
"""

import keras
from keras import layers, ops

from keras_textrec.layers.convolution import conv
from keras_textrec.layers.standard import LSTM


@keras.saving.register_keras_serializable("keras_textrec")
class EachRow(layers.Wrapper):
    """A layer over sequences, applied to every row of a map: (B, H, W, C) -> (B, H, W, D)."""

    def build(self, input_shape):
        self.layer.build((None, *input_shape[2:]))

    def call(self, x):
        _, height, width, channels = ops.shape(x)
        rows = self.layer(ops.reshape(x, (-1, width, channels)))
        return ops.reshape(rows, (-1, height, width, rows.shape[-1]))


def position_aware(x, depth: int = 2, *, along_text: bool = True, use_bias: bool = True, name: str = "position"):
    """The position-aware module: a map (B, H, W, C) whose cells know their place in the line; shape unchanged.

    LSTMs read every row from left to right, and two convolutions mix the rows. The layers are called
    `{name}_lstm_0`, ..., `{name}_conv0`, `{name}_act` and `{name}_conv1`.

    Args:
        along_text: False lets the LSTMs read every column from top to bottom instead.
        use_bias: of the convolutions.
    """
    channels = x.shape[-1]
    if not along_text:
        x = layers.Permute((2, 1, 3), name=f"{name}_turn")(x)
    for level in range(depth):
        x = EachRow(LSTM(channels, return_sequences=True), name=f"{name}_lstm_{level}")(x)
    if not along_text:
        x = layers.Permute((2, 1, 3), name=f"{name}_turn_back")(x)
    x = conv(x, channels, 3, use_bias=use_bias, name=f"{name}_conv0")
    x = layers.Activation("relu", name=f"{name}_act")(x)
    return conv(x, channels, 3, use_bias=use_bias, name=f"{name}_conv1")


@keras.saving.register_keras_serializable("keras_textrec")
class ColumnMask(layers.Layer):
    """Hides the padding: a map (B, H, W, C) and valid ratios (B,) -> float32 (B, H, W, 1), to be added to scores.

    0 in the first int(W * ratio + 0.5) columns, -inf in the others. The first column is never hidden.
    """

    def __init__(self, **kwargs):
        # A ratio of 16 bits would be off by a column.
        super().__init__(**{**kwargs, "dtype": "float32"})

    def call(self, features, valid_ratio):
        _, height, width, _ = ops.shape(features)
        seen = ops.floor(valid_ratio * ops.cast(width, "float32") + 0.5)
        hidden = ops.arange(width, dtype="float32")[None] >= ops.maximum(seen, 1.0)[:, None]
        return ops.tile(ops.where(hidden, float("-inf"), 0.0)[:, None, :, None], (1, height, 1, 1))


def attend(queries, keys, values, bias):
    """Dot-product attention. The scores are not scaled: the published weights are made for that.

    Args:
        queries: (B, S, D), or (S, D) for all images alike.
        keys: (B, N, D).
        values: (B, N, C).
        bias: (B, N, 1), what `ColumnMask` gives.

    Returns:
        glimpses: (B, S, C).
        attention: float32 (B, S, N), each row sums to 1.
    """
    scores = ops.matmul(queries, ops.transpose(keys, (0, 2, 1)))
    attention = ops.softmax(ops.cast(scores, "float32") + ops.transpose(ops.cast(bias, "float32"), (0, 2, 1)))
    return ops.matmul(ops.cast(attention, values.dtype), values), attention


def cells(x):
    """A map as the sequence of its cells, row by row: (B, H, W, C) -> (B, H * W, C)."""
    _, height, width, channels = ops.shape(x)
    return ops.reshape(x, (-1, height * width, channels))


def as_maps(attention, features):
    """Attention (B, S, H * W) to the cells of a map (B, H, W, C) -> (B, S, H, W)."""
    _, height, width, _ = ops.shape(features)
    return ops.reshape(attention, (-1, attention.shape[1], height, width))


@keras.saving.register_keras_serializable("keras_textrec")
class PositionAttention(layers.Layer):
    """What stands at the first, second, ... place of the text: learned queries to position-aware keys.

    Features (B, H, W, C), keys (B, H, W, D) and the bias of `ColumnMask` -> glimpses (B, S, C) and attention float32
    (B, S, H, W).

    Args:
        steps: S. (The published weights have one query more, which is never used.)
    """

    def __init__(self, steps: int, **kwargs):
        super().__init__(**kwargs)
        self.steps = steps

    def build(self, features_shape, keys_shape, bias_shape):
        self.queries = self.add_weight(
            shape=(self.steps + 1, keys_shape[-1]), initializer="glorot_uniform", name="queries"
        )

    def call(self, features, keys, bias):
        queries = ops.cast(self.queries, keys.dtype)[: self.steps]
        glimpses, attention = attend(queries, cells(keys), cells(features), cells(bias))
        return glimpses, as_maps(attention, features)

    def get_config(self):
        return {**super().get_config(), "steps": self.steps}
