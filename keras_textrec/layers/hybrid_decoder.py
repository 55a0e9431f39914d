"""RobustScanner's hybrid branch and its dynamic fusion with the position branch, step by step.

Yue et al., "RobustScanner: Dynamically Enhancing Positional Clues for Robust Text Recognition" (2020).
Published file: PaddleOCR `ppocr/modeling/heads/rec_robustscanner_head.py`.
"""

import keras
from keras import layers, ops

from keras_textrec.layers.direct import direct
from keras_textrec.layers.position_aware import as_maps, attend, cells
from keras_textrec.layers.standard import RNN


@keras.saving.register_keras_serializable("keras_textrec")
class HybridCell(layers.Layer):
    """One step: the symbol before asks, through LSTMs, what to look at; that is fused with the position's glimpse.

    The input of a step is (B, D + C + 1): the symbol before (embedded), the position's glimpse, and 1 where that symbol
    is not given and the cell's own best one of the step before takes its place, else 0. The states are those of the
    LSTMs, that best symbol (embedded too: 16-bit floats cannot hold ids), and, never changed, keys (B, N, D), values
    (B, N, C) and the bias (B, N, 1) of `ColumnMask`. The output is float32 (B, V + N): logits, then attention.

    Args:
        units: D, the size of the LSTMs, of the embedding and of the keys.
        depth: how many LSTMs.
        classes: V, the symbols that can be written. One more can be read, padding; it is all zeros.
        channels: C, of the values.
        remember: whether the LSTMs remember the steps before; if not, each step starts them anew.
    """

    def __init__(self, units: int, depth: int, classes: int, channels: int, remember: bool = True, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.remember = remember
        self.classes = classes
        self.channels = channels
        self.embedding = layers.Embedding(classes + 1, units, embeddings_initializer="glorot_uniform", name="embedding")
        self.lstms = [layers.LSTMCell(units, name=f"lstm_{level}") for level in range(depth)]
        self.fusion = layers.Dense(2 * channels, name="fusion")
        self.head = layers.Dense(classes, dtype="float32", name="head")
        # `keras.layers.RNN` counts the states; it does not look at the sizes of those that it is given.
        self.state_size = [units] * (2 * depth + 4)

    def build(self, input_shape):
        self.embedding.build((None,))
        for lstm in self.lstms:
            lstm.build((None, self.units))
        self.fusion.build((None, 2 * self.channels))
        self.head.build((None, self.channels))

    def embed(self, symbols):
        """int32 (...,) -> (..., D)."""
        x = direct(self.embedding, self)(symbols)
        return x * ops.cast(symbols < self.classes, x.dtype)[..., None]

    def call(self, inputs, states):
        *recurrent, previous, keys, values, bias = states
        given, glimpse, missing = ops.split(inputs, [self.units, self.units + self.channels], axis=-1)
        x = ops.where(missing > 0, previous, given)
        new_states = []
        for lstm, hidden, carry in zip(self.lstms, recurrent[::2], recurrent[1::2], strict=True):
            x, new = direct(lstm, self)(x, [hidden, carry])
            new_states += new if self.remember else [hidden, carry]  # the latter are zero, and remain so
        seen, attention = attend(x[:, None], keys, values, bias)
        fused, gate = ops.split(direct(self.fusion, self)(ops.concatenate([seen[:, 0], glimpse], -1)), 2, axis=-1)
        logits = direct(self.head, self)(fused * ops.sigmoid(gate))
        best = ops.top_k(logits, 1)[1][:, 0]  # argmax has no operator in ONNX and TFLite
        return ops.concatenate([logits, attention[:, 0]], -1), [*new_states, self.embed(best), keys, values, bias]


@keras.saving.register_keras_serializable("keras_textrec")
class HybridDecoder(layers.Layer):
    """Writes the text with both branches; tokens int32 (B, S) -> logits float32 (B, S, classes).

    Its inputs are features (B, H, W, C), keys (B, H, W, D), the bias of `ColumnMask`, the glimpses of the position
    branch (B, S, C) and the tokens; its second output is the attention, float32 (B, S, H, W).

    `tokens[:, t]` is the symbol before step t's own: the true one (teacher forcing), or -1 for the decoder's own best
    of step t - 1; before the first step that is `start`. Without tokens it reads by itself.

    Args:
        classes: V, the symbols that can be written; id V is padding.
        start: the id of the symbol before the first one.
        depth: how many LSTMs.
        remember: whether they know the whole text so far; if not, only its last symbol.
    """

    def __init__(self, classes: int, start: int, depth: int = 2, remember: bool = True, **kwargs):
        super().__init__(**kwargs)
        self.classes = classes
        self.start = start
        self.depth = depth
        self.remember = remember

    def build(self, features_shape, keys_shape, bias_shape, glimpses_shape, tokens_shape=None):
        cell = HybridCell(keys_shape[-1], self.depth, self.classes, features_shape[-1], self.remember, name="cell")
        cell.build(None)
        # It would round the cell's logits to the compute dtype.
        self.rnn = RNN(cell, return_sequences=True, dtype="float32", name="rnn")

    def call(self, features, keys, bias, glimpses, tokens=None):
        cell, batch = self.rnn.cell, ops.shape(glimpses)[0]
        if tokens is None:
            tokens = ops.full((batch, glimpses.shape[1]), -1, "int32")
        missing = ops.cast(tokens < 0, glimpses.dtype)[..., None]
        steps = ops.concatenate([cell.embed(ops.maximum(tokens, 0)), glimpses, missing], -1)
        nothing = ops.zeros((batch, cell.units), glimpses.dtype)
        start = cell.embed(ops.full((batch,), self.start, "int32"))
        states = [*[nothing] * (2 * self.depth), start, cells(keys), cells(features), cells(bias)]
        outputs = self.rnn(steps, initial_state=states)
        return outputs[..., : self.classes], as_maps(outputs[..., self.classes :], features)

    # === One step at a time: `keras_textrec.layers.stepping` ===

    own_inputs = 1

    @property
    def state_sizes(self) -> list[int]:
        return [self.rnn.cell.units] * (2 * self.depth)

    def prepare(self, features, keys, bias, glimpses):
        return [glimpses], [cells(keys), cells(features), cells(bias)]

    def step(self, symbols, own, states, common):
        cell = self.rnn.cell
        given = cell.embed(symbols)
        inputs = ops.concatenate([given, *own, ops.zeros_like(given[:, :1])], -1)
        outputs, states = direct(cell, self)(inputs, [*states, given, *common])
        return outputs[..., : self.classes], states[: 2 * self.depth]

    def get_config(self):
        own = {"classes": self.classes, "start": self.start, "depth": self.depth, "remember": self.remember}
        return {**super().get_config(), **own}
