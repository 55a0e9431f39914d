"""The attention decoder that guides the training of SVTRv2 and is left out when it reads.

Sheng et al., "NRTR: A No-Recurrence Sequence-to-Sequence Model For Scene Text Recognition" (2019), without its encoder.
Published file: PaddleOCR `ppocr/modeling/heads/rec_nrtr_head.py`.
"""

import math

import keras
from keras import layers, ops

from keras_textrec.layers.transformer import attention, mlp, residual


@keras.saving.register_keras_serializable("keras_textrec")
class AddPositions(layers.Layer):
    """Adds the sinusoids of "Attention Is All You Need" to a sequence (B, S, C), sine and cosine in turns."""

    def call(self, x):
        width = x.shape[-1]
        rate = ops.exp(ops.arange(0, width, 2, dtype="float32") * (-math.log(10000.0) / width))
        angle = ops.arange(ops.shape(x)[1], dtype="float32")[:, None] * rate
        table = ops.reshape(ops.stack([ops.sin(angle), ops.cos(angle)], -1), (-1, width))
        return x + ops.cast(table, x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable("keras_textrec")
class NRTRDecoder(keras.Model):
    """{"memory": (B, N, C), "tokens": int32 (B, S)} -> logits float32 (B, S, vocabulary_size).

    Step t sees tokens 0 to t and the whole memory. Token 0 and those below it (padding) count as no symbol at all; they
    have a position still.

    Args:
        width: C, a multiple of 32.
        vocabulary_size: how many symbols there are.
        depth: decoder layers.
        dropout: of the embedded tokens, within the MLPs and of every residual branch.
    """

    def __init__(self, width: int, vocabulary_size: int, depth: int = 2, dropout: float = 0.1, name: str = "guide"):
        # === Layers ===
        normal = keras.initializers.RandomNormal(stddev=width**-0.5)
        embedding = layers.Embedding(vocabulary_size, width, embeddings_initializer=normal, name="embedding")
        head = layers.Dense(
            vocabulary_size, use_bias=False, kernel_initializer=normal, dtype="float32", name="projection"
        )

        # === Functional Model ===
        memory = keras.Input((None, width), name="memory")
        tokens = keras.Input((None,), dtype="int32", name="tokens")
        seen = layers.Dense(width, use_bias=False, name="memory_projection")(memory)
        x = embedding(ops.maximum(tokens, 0))
        x = x * ops.cast(tokens > 0, x.dtype)[..., None] * math.sqrt(width)
        x = AddPositions(name="positions")(x)
        x = layers.Dropout(dropout, name="dropout")(x)
        for i in range(depth):
            x = _decoder_layer(x, seen, dropout, f"layer{i}")
        super().__init__(inputs={"memory": memory, "tokens": tokens}, outputs=head(x), name=name)

        # === Config ===
        self.width = width
        self.vocabulary_size = vocabulary_size
        self.depth = depth
        self.dropout = dropout

    def get_config(self):
        return {
            "name": self.name,
            "width": self.width,
            "vocabulary_size": self.vocabulary_size,
            "depth": self.depth,
            "dropout": self.dropout,
        }


def _decoder_layer(x, memory, dropout, name):
    def feed_forward(x):
        # Twice, with the one that ends the MLP: so is the published decoder trained.
        return layers.Dropout(dropout, name=f"{name}_dropout")(mlp(x, 4, "relu", dropout=dropout, name=f"{name}_mlp"))

    branches = (
        lambda x: attention(x, causal=True, dropout=dropout, name=f"{name}_self"),
        lambda x: attention(x, memory, dropout=dropout, name=f"{name}_cross"),
        feed_forward,
    )
    for i, branch in enumerate(branches, start=1):
        x = residual(x, branch, epsilon=1e-5, name=f"{name}_norm{i}")
    return x
