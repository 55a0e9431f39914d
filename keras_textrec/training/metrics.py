"""How well texts are read, inside the training graph; `keras_textrec.text.comparing` has the same of strings."""

import keras
import numpy as np
from keras import ops

from keras_textrec.text import SequenceTokenizer, Tokenizer
from keras_textrec.text.comparing import class_map, protocol_of_charset


@keras.saving.register_keras_serializable("keras_textrec")
def greedy_ctc_ids(y_pred):
    """Greedy CTC reading in the graph: best class per frame, repeats made one, blanks (0) left out.

    Args:
        y_pred: logits or probabilities (B, T, V).

    Returns:
        int32 (B, T): the ids at the left, -1 after them.
    """
    best = ops.cast(ops.argmax(y_pred, -1), "int32")
    before = ops.pad(best[:, :-1], [[0, 0], [1, 0]])
    return left_justify(best, (best > 0) & (best != before))


@keras.saving.register_keras_serializable("keras_textrec")
class GreedySequenceIds:
    """Greedy reading of an attention decoder in the graph: the characters before the end; a `decode` for metrics.

    Called with logits or probabilities (B, S, V); gives int32 (B, S): the ids at the left, -1 after them.

    Args:
        first_id, characters: of the classes that are characters, the first one and the number.
        end_id: the class that ends a text; all others are left out.
    """

    def __init__(self, first_id: int, characters: int, end_id: int):
        self.first_id = first_id
        self.characters = characters
        self.end_id = end_id

    def __call__(self, y_pred):
        best = ops.cast(ops.argmax(y_pred, -1), "int32")
        ended = ops.cumsum(ops.cast(best == self.end_id, "int32"), -1) > 0
        return left_justify(best, ~ended & (best >= self.first_id) & (best < self.first_id + self.characters))

    def get_config(self) -> dict:
        return {"first_id": self.first_id, "characters": self.characters, "end_id": self.end_id}

    @classmethod
    def from_config(cls, config: dict):
        return cls(**config)


def left_justify(ids, keep):
    """Moves the kept ids (B, N) of every row to its left, in order; -1 after them."""
    # Every kept id finds its slot by comparing, which all backends compile well; sorting and scattering they do not.
    slot = ops.cumsum(ops.cast(keep, "int32"), -1) - 1
    places = ops.arange(ops.shape(ids)[1], dtype="int32")
    chosen = (slot[:, None, :] == places[None, :, None]) & keep[:, None, :]
    return ops.sum(ops.where(chosen, ids[:, None, :] + 1, 0), -1) - 1


def edit_distances(a, b):
    """Levenshtein distances in the graph.

    Args:
        a, b: int32 (B, M) and (B, N), ids at the left, -1 after them.

    Returns:
        int32 (B,).
    """
    if keras.backend.backend() == "torch":
        return _torch_edit_distances(a, b)
    # Cell (i, j) needs its left, upper and upper left neighbours, so all cells of one anti-diagonal i + j = d follow
    # from the two diagonals before: M + N steps over (B, M + 1) arrays. A diagonal is indexed by i; cells off the table
    # hold a number that no minimum picks.
    width, length = a.shape[1], ops.shape(b)[1]
    off_table = 1_000_000
    target = ops.sum(ops.cast(a >= 0, "int32"), -1, keepdims=True)
    last = target[:, 0] + ops.sum(ops.cast(b >= 0, "int32"), -1)
    rows = ops.arange(width + 1, dtype="int32")[None]
    backwards = ops.pad(ops.flip(b, 1), [[0, 0], [width, width]], constant_values=-1)

    def step(d, state):
        older, old, distance = state
        facing = ops.take(backwards, ops.arange(width, dtype="int32") + (width + length + 1 - d), axis=1)
        replaced = older[:, :-1] + ops.cast(a != facing, "int32")
        new = ops.minimum(old[:, 1:], old[:, :-1]) + 1
        new = ops.concatenate([old[:, :1] + 1, ops.minimum(new, replaced)], 1)
        reached = ops.sum(ops.where(rows == target, new, 0), -1)
        return old, new, ops.where(last == d, reached, distance)

    start = ops.where(rows == 0, ops.zeros_like(target), off_table)
    state = (ops.full_like(start, off_table), start, ops.zeros_like(last))
    return ops.fori_loop(1, width + length + 1, step, state)[2]


def _torch_edit_distances(a, b):
    """As `edit_distances`. Nothing is compiled on PyTorch, and its steps took a tenth of a small network's training."""
    import torch

    # Row by row. A cell's left neighbour plus 1 is in the running minimum, once every cell is given less its column.
    columns = torch.arange(b.shape[1] + 1, dtype=b.dtype, device=b.device)[None]
    target = (a >= 0).sum(1, keepdim=True)
    row = columns.expand(len(b), -1)
    for i in range(a.shape[1]):
        new = torch.minimum(row[:, 1:] + 1, row[:, :-1] + (a[:, i : i + 1] != b))
        new = torch.cat([row[:, :1] + 1, new], 1)
        row = torch.where(i < target, (new - columns).cummin(1).values + columns, row)
    return row.gather(1, (b >= 0).sum(1, keepdim=True))[:, 0]


class ReadingMetric(keras.metrics.Metric):
    """The mean of a score between labels and readings; subclasses give `score`.

    Labels are integers (B, M) padded with -1; predictions are what `decode` takes, (B, T, V) logits or probabilities
    for CTC. Rows without any label id (padding, skipped records) are not counted.

    Args:
        class_map: for every id that occurs, the positive numbers that stand for it when texts are compared, none for
            one that is left out (`keras_textrec.text.comparing.class_map`): accuracy without case or punctuation. A
            label of which nothing is left is compared as it stands, so that a network which reads nothing never scores.
            None compares ids as they are.
        decode: a function, registered with Keras, from predictions to ids (B, N) padded with -1.
        name, dtype: as in `keras.metrics.Metric`.
    """

    def __init__(self, class_map=None, decode=greedy_ctc_ids, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.class_map = None if class_map is None else [[int(number) for number in numbers] for numbers in class_map]
        self.decode = decode
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        labels = ops.cast(y_true, "int32")
        weight = ops.cast(ops.any(labels >= 0, -1), self.dtype)
        if sample_weight is not None:
            weight = weight * ops.reshape(ops.cast(sample_weight, self.dtype), (-1,))
        score = ops.cast(self.score(*self._compared(labels, self.decode(y_pred))), self.dtype)
        self.total.assign_add(ops.sum(score * weight))
        self.count.assign_add(ops.sum(weight))

    def _compared(self, labels, readings):
        """Labels and readings, padded with -1, as they are compared."""
        if self.class_map is None:
            return labels, readings
        most = max(1, *map(len, self.class_map))
        table = np.zeros((len(self.class_map), most), "int32")
        for id, numbers in enumerate(self.class_map):
            table[id, : len(numbers)] = numbers
        table = ops.convert_to_tensor(table)

        def mapped(ids):
            return ops.where(ids[:, :, None] >= 0, ops.take(table, ops.maximum(ids, 0), axis=0), 0)

        kept = ops.any(mapped(labels) > 0, (1, 2))[:, None, None]

        def compared(ids):
            as_it_stands = ops.pad(ids[:, :, None] + 1, [[0, 0], [0, 0], [0, most - 1]])
            numbers = ops.where(kept, mapped(ids), as_it_stands)
            numbers = ops.reshape(numbers, (-1, ops.shape(ids)[1] * most))
            return left_justify(numbers, numbers > 0)

        return compared(labels), compared(readings)

    def score(self, labels, readings):
        """The score of every sample, (B,), for ids (B, M) and (B, N), both padded with -1 on the right."""
        raise NotImplementedError

    def result(self):
        return ops.divide_no_nan(self.total, self.count)

    def reset_state(self):
        self.total.assign(0.0)
        self.count.assign(0.0)

    def get_config(self) -> dict:
        decode = keras.saving.serialize_keras_object(self.decode)
        return {**super().get_config(), "class_map": self.class_map, "decode": decode}

    @classmethod
    def from_config(cls, config: dict):
        return cls(**{**config, "decode": keras.saving.deserialize_keras_object(config["decode"])})


@keras.saving.register_keras_serializable("keras_textrec")
class WordAccuracy(ReadingMetric):
    """The share of texts that are read wholly right."""

    def __init__(self, class_map=None, decode=greedy_ctc_ids, name="accuracy", dtype=None):
        super().__init__(class_map, decode, name, dtype)

    def score(self, labels, readings):
        width = labels.shape[1]
        # The time steps may be unknown while the graph is built: make the readings at least as wide as the labels.
        readings = ops.pad(readings, [[0, 0], [0, width]], constant_values=-1)
        return ops.all(readings[:, :width] == labels, -1) & ops.all(readings[:, width:] < 0, -1)


@keras.saving.register_keras_serializable("keras_textrec")
class NormalizedEditSimilarity(ReadingMetric):
    """1-NED: one minus the edit distance divided by the length of the longer text; it rises as reading gets better."""

    def __init__(self, class_map=None, decode=greedy_ctc_ids, name="similarity", dtype=None):
        super().__init__(class_map, decode, name, dtype)

    def score(self, labels, readings):
        longer = ops.maximum(ops.sum(ops.cast(labels >= 0, "int32"), -1), ops.sum(ops.cast(readings >= 0, "int32"), -1))
        distance = ops.cast(edit_distances(labels, readings), self.dtype)
        return 1.0 - distance / ops.cast(ops.maximum(longer, 1), self.dtype)


def reading_metrics(tokenizer: Tokenizer) -> list[ReadingMetric]:
    """What training shows of a recogniser with this tokenizer.

    `accuracy` is words right by what its charset makes meaningful: among a-z and 0-9, case ignored, where the charset
    is within ASCII, and among the letters, digits and marks of all scripts beyond (`protocol_of_charset`); `exact`
    words right as they stand; `similarity` 1 - normalised edit distance (1-NED).
    """
    decode = greedy_ctc_ids
    if isinstance(tokenizer, SequenceTokenizer):
        decode = GreedySequenceIds(tokenizer.first_id, len(tokenizer.charset), tokenizer.end_id)
    compared = class_map(tokenizer.charset, protocol_of_charset(tokenizer.charset), tokenizer.first_id)
    return [
        WordAccuracy(compared, decode, name="accuracy"),
        WordAccuracy(decode=decode, name="exact"),
        NormalizedEditSimilarity(decode=decode, name="similarity"),
    ]
