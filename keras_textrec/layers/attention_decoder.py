"""RARE's decoder: additive attention over the columns of the image, a GRU that knows what it wrote before.

Shi et al., "Robust Scene Text Recognition with Automatic Rectification" (2016), after Bahdanau et al. (2015).
Published file: PaddleOCR `ppocr/modeling/heads/rec_att_head.py`.
"""

import keras
from keras import layers, ops

from keras_textrec.layers.direct import direct
from keras_textrec.layers.standard import RNN


@keras.saving.register_keras_serializable("keras_textrec")
class AttentionCell(layers.Layer):
    """One step of the decoder: looks at the memory, takes the symbol before, and writes logits.

    The input of a step is (B, 1): the id of the symbol before, or -1 for the cell's own best symbol of the step before.
    The states are the GRU's (B, units), that best symbol (B, 1), and, never changed, the memory (B, T, channels) and
    the keys (B, T, units). The output is (B, classes + T): the logits, then the attention over the T places.

    Symbols are ids in float32, which 16-bit floats cannot hold: the cell's dtype must be float32.

    Args:
        units: the size of the GRU and of the keys.
        classes: V, the symbols.
        channels: of the memory.
    """

    def __init__(self, units: int, classes: int, channels: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.classes = classes
        self.channels = channels
        self.query = layers.Dense(units, name="query", dtype=self.dtype_policy)
        self.gru = layers.GRUCell(units, reset_after=True, name="gru", dtype=self.dtype_policy)
        self.head = layers.Dense(classes, name="head", dtype=self.dtype_policy)
        # `keras.layers.RNN` counts the states; it does not look at the sizes of those that it is given.
        self.state_size = [units, 1, units, units]

    def build(self, input_shape):
        self.query.build((None, self.units))
        self.gru.build((None, self.channels + self.classes))
        self.head.build((None, self.units))
        self.score = self.add_weight(shape=(self.units,), initializer="glorot_uniform", name="score")

    def call(self, inputs, states):
        hidden, previous, memory, keys = states
        symbol = ops.cast(ops.where(inputs < 0, previous, inputs)[:, 0], "int32")
        # A sum instead of a dense layer with one unit: inside the loop XLA on TensorFlow cannot train the latter.
        scores = ops.sum(ops.tanh(keys + direct(self.query, self)(hidden)[:, None]) * self.score, -1)
        attention = ops.softmax(scores, -1)
        glimpse = ops.sum(attention[..., None] * memory, 1)
        x = ops.concatenate([glimpse, ops.one_hot(symbol, self.classes, dtype=glimpse.dtype)], -1)
        hidden, _ = direct(self.gru, self)(x, [hidden])
        logits = direct(self.head, self)(hidden)
        best = ops.cast(ops.top_k(logits, 1)[1], inputs.dtype)  # argmax has no operator in ONNX and TFLite
        return ops.concatenate([logits, attention], -1), [hidden, best, memory, keys]


@keras.saving.register_keras_serializable("keras_textrec")
class AttentionDecoder(layers.Layer):
    """Memory (B, T, C) and tokens int32 (B, S) -> logits (B, S, classes) and attention (B, S, T), both float32.

    `tokens[:, t]` is the symbol before step t's own: the true one (teacher forcing), or -1 for the decoder's own best
    of step t - 1; before the first step that is `start`. Without tokens it reads by itself, `steps` steps.

    Args:
        units: the size of the GRU and of the attention.
        classes: V, the symbols that can be written.
        steps: how many are written at most, the end included.
        start: the id of the symbol before the first one.
    """

    def __init__(self, units: int, classes: int, steps: int, start: int = 0, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.units = units
        self.classes = classes
        self.steps = steps
        self.start = start
        self.keys = layers.Dense(units, use_bias=False, name="keys", dtype="float32")

    def build(self, memory_shape, tokens_shape=None):
        self.keys.build(memory_shape)
        cell = AttentionCell(self.units, self.classes, memory_shape[-1], name="cell", dtype="float32")
        cell.build((None, 1))
        self.rnn = RNN(cell, return_sequences=True, name="rnn", dtype="float32")

    def call(self, memory, tokens=None):
        rows = ops.shape(memory)[0]
        if tokens is None:
            tokens = ops.full((rows, self.steps), -1, "int32")
        hidden = ops.zeros((rows, self.units))
        start = ops.full((rows, 1), float(self.start))
        states = [hidden, start, memory, self.keys(memory)]
        outputs = self.rnn(ops.cast(tokens, "float32")[..., None], initial_state=states)
        # Where T is free, TensorFlow has lost the number of classes.
        logits = ops.reshape(outputs[..., : self.classes], (rows, ops.shape(tokens)[1], self.classes))
        return logits, outputs[..., self.classes :]

    # === One step at a time: `keras_textrec.layers.stepping` ===

    own_inputs = 0

    @property
    def state_sizes(self) -> list[int]:
        return [self.units]

    def prepare(self, memory):
        return [], [memory, self.keys(memory)]

    def step(self, symbols, own, states, common):
        before = ops.cast(symbols, "float32")[:, None]
        outputs, states = direct(self.rnn.cell, self)(before, [*states, before, *common])
        return outputs[..., : self.classes], states[:1]

    def get_config(self):
        own = {"units": self.units, "classes": self.classes, "steps": self.steps, "start": self.start}
        return {**super().get_config(), **own}
