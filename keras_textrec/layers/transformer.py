"""Transformer parts as functions over Keras tensors: SVTRv2's backbone, neck and guide are made of them.

Everything but attention works on the last axis alone, so positions may be a sequence (B, N, C) or the cells of a map
(B, H, W, C): a map never has to be flattened, and its height and width stay free.
"""

import functools

import keras
from keras import layers, ops

HEAD_SIZE = 32  # channels of an attention head, in every published network


@keras.saving.register_keras_serializable("keras_textrec")
class DotProductAttention(layers.Layer):
    """Each query's mean of the values, weighted by softmax(query . key / sqrt(C / heads)), head by head.

    Called with queries (B, ..., C), keys and values (B, ..., C); gives what the queries' shape is. The axes between the
    first and the last are all positions. It has no weights.

    Args:
        heads: how many; C is shared out among them.
        causal: a query sees the keys up to its own position only.
        dropout: of the attention weights.
    """

    def __init__(self, heads: int, causal: bool = False, dropout: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.heads = heads
        self.causal = causal
        self.dropout = layers.Dropout(dropout)

    def call(self, queries, keys, values, training=False):
        shape = ops.shape(queries)
        heads = [self._split(x) for x in (queries, keys, values)]
        if keras.backend.backend() == "torch" and not (training and self.dropout.rate):
            # Torch's fused kernel takes a third of the time; those of the other backends take longer than this here.
            mean = ops.dot_product_attention(*heads, is_causal=self.causal)
        else:
            mean = self._mean(*(ops.swapaxes(x, 1, 2) for x in heads), training)
        return ops.reshape(mean, shape)

    def _split(self, x):
        """(B, ..., C) -> (B, N, heads, C / heads)."""
        return ops.reshape(x, (ops.shape(x)[0], -1, self.heads, x.shape[-1] // self.heads))

    def _mean(self, queries, keys, values, training):
        """(B, heads, N, C / heads) each -> (B, N, heads, C / heads)."""
        scores = ops.matmul(queries * queries.shape[-1] ** -0.5, ops.swapaxes(keys, 2, 3))
        scores = ops.cast(scores, "float32")
        if self.causal:
            row, column = (ops.arange(ops.shape(scores)[axis]) for axis in (2, 3))
            scores = ops.where(column <= row[:, None], scores, -1e9)
        weights = self.dropout(ops.cast(ops.softmax(scores, -1), values.dtype), training=training)
        return ops.swapaxes(ops.matmul(weights, values), 1, 2)

    def compute_output_shape(self, queries_shape, keys_shape, values_shape):
        return queries_shape

    def get_config(self) -> dict:
        return {**super().get_config(), "heads": self.heads, "causal": self.causal, "dropout": self.dropout.rate}


def attention(
    x, memory=None, *, causal=False, dropout=0.0, weight_dropout=0.0, initializer="glorot_uniform", name: str
):
    """Multi-head attention of x to itself, or to `memory`: (B, ..., C) -> the same shape.

    Args:
        memory: (B, ..., C'); None is x itself, projected to queries, keys and values at once.
        causal: a position sees itself and those before it only.
        dropout: of the output.
        weight_dropout: of the attention weights.
        initializer: of the kernels.
        name: the layers are called `{name}_qkv`, or `{name}_q` and `{name}_kv`, and `{name}_proj`.

    Raises:
        ValueError: C is no multiple of 32, the size of a head.
    """
    width = x.shape[-1]
    if width % HEAD_SIZE:
        raise ValueError(f"{name}: attention needs channels in multiples of {HEAD_SIZE}, and there are {width}.")
    options = {"kernel_initializer": initializer}
    if memory is None:
        parts = ops.split(layers.Dense(3 * width, **options, name=f"{name}_qkv")(x), 3, axis=-1)
    else:
        keys_values = layers.Dense(2 * width, **options, name=f"{name}_kv")(memory)
        parts = [layers.Dense(width, **options, name=f"{name}_q")(x), *ops.split(keys_values, 2, axis=-1)]
    x = DotProductAttention(width // HEAD_SIZE, causal, weight_dropout, name=f"{name}_heads")(*parts)
    x = layers.Dense(width, **options, name=f"{name}_proj")(x)
    return layers.Dropout(dropout, name=f"{name}_dropout")(x)


def mlp(x, ratio: int, activation, *, dropout=0.0, initializer="glorot_uniform", name: str):
    """Dense layers `{name}_fc1` (ratio * C units, activation) and `{name}_fc2` (C units), dropout after each."""
    width = x.shape[-1]
    options = {"kernel_initializer": initializer}
    x = layers.Dense(ratio * width, activation, **options, name=f"{name}_fc1")(x)
    x = layers.Dropout(dropout, name=f"{name}_dropout1")(x)
    x = layers.Dense(width, **options, name=f"{name}_fc2")(x)
    return layers.Dropout(dropout, name=f"{name}_dropout2")(x)


def residual(x, branch, *, norm_first=False, epsilon: float, stochastic_depth=0.0, name: str):
    """norm(x + branch(x)), or x + branch(norm(x)) when `norm_first`: the shape of x.

    Args:
        branch: a function of a Keras tensor.
        epsilon: of the layer normalisation, which is called `name`.
        stochastic_depth: the share of training samples whose branch is left out.
    """
    norm = layers.LayerNormalization(epsilon=epsilon, name=name)
    y = branch(norm(x) if norm_first else x)
    one_for_all = (None,) + (1,) * (len(x.shape) - 1)
    y = layers.Dropout(stochastic_depth, one_for_all, name=f"{name}_drop")(y)
    x = layers.Add(name=f"{name}_add")([x, y])
    return x if norm_first else norm(x)


def transformer_block(
    x, mixer, ratio: int, activation, *, norm_first=False, epsilon=1e-6, dropout=0.0, stochastic_depth=0.0, name: str
):
    """A mixer of positions and an MLP, each in a `residual` (`{name}_norm1`, `{name}_norm2`): the shape of x.

    Args:
        mixer: a function of a Keras tensor and a name: attention for a global block, a convolution for a local one.
        ratio: of the MLP's hidden units to its channels.
        dropout: within the MLP.
    """
    options = {"norm_first": norm_first, "epsilon": epsilon, "stochastic_depth": stochastic_depth}
    x = residual(x, functools.partial(mixer, name=f"{name}_mixer"), **options, name=f"{name}_norm1")
    feed = {"dropout": dropout, "initializer": small_normal(), "name": f"{name}_mlp"}
    return residual(x, lambda x: mlp(x, ratio, activation, **feed), **options, name=f"{name}_norm2")


def small_normal():
    """The published initializer of SVTR's dense layers."""
    return keras.initializers.TruncatedNormal(stddev=0.02)
