import keras
import numpy as np
import pytest
from keras import ops

from keras_textrec.text import AttentionTokenizer, CTCTokenizer, NRTRTokenizer, SARTokenizer
from keras_textrec.text.comparing import edit_similarity, is_right
from keras_textrec.training.metrics import GreedySequenceIds, reading_metrics

CHARACTERS = "aAb-é"
TEXTS = ["aAb", "a-b", "", "ééé", "bbbb"]
READ = ["aAb", "ab", "b", "éé", "BA"]


@pytest.mark.parametrize("cls", [AttentionTokenizer, SARTokenizer, NRTRTokenizer])
def test_ids_and_texts_agree(cls):
    """What the metrics read in the graph is what the tokenizer decodes."""
    tokenizer = cls(CHARACTERS)
    probabilities = np.random.default_rng(0).uniform(size=(50, 9, tokenizer.vocabulary_size)).astype("float32")
    probabilities[0, :, tokenizer.end_id] = 0
    decode = GreedySequenceIds(tokenizer.first_id, len(tokenizer.charset), tokenizer.end_id)
    ids = ops.convert_to_numpy(decode(probabilities))
    texts = ["".join(CHARACTERS[id - tokenizer.first_id] for id in row if id >= 0) for row in ids]
    assert texts == [reading.text for reading in tokenizer.decode(probabilities)]
    assert len(set(texts)) > 20 and "" in texts


@pytest.mark.parametrize("cls", [AttentionTokenizer, SARTokenizer, NRTRTokenizer, CTCTokenizer])
def test_metrics_of_every_tokenizer(cls):
    """The three numbers against the same of strings."""
    tokenizer = cls(CHARACTERS)
    labels, _ = tokenizer.encode_batch([text or "a" for text in TEXTS], length=5)
    labels[2] = -1  # as a dropped label
    ids = np.full((len(READ), 10), 0 if cls is CTCTokenizer else tokenizer.end_id)
    for row, text in zip(ids, READ):
        known = [tokenizer.first_id + CHARACTERS.index(c) for c in text if c in CHARACTERS]
        row[: 2 * len(known) : 2 if cls is CTCTokenizer else 1][: len(known)] = known
    predictions = np.eye(tokenizer.vocabulary_size, dtype="float32")[ids]
    read = [reading.text for reading in tokenizer.decode(predictions)]

    metrics = reading_metrics(tokenizer)
    for metric in metrics:
        metric.update_state(labels, predictions)
    pairs = [(a, b) for i, (a, b) in enumerate(zip(TEXTS, read, strict=True)) if i != 2]
    same = [[is_right(b, a, p) for a, b in pairs] for p in ("letters", "exact")]
    wanted = [*(np.mean(s) for s in same), np.mean([edit_similarity(a, b) for a, b in pairs])]
    assert [metric.name for metric in metrics] == ["accuracy", "exact", "similarity"]
    assert [float(metric.result()) for metric in metrics] == pytest.approx(wanted)
    assert 0 < wanted[1] < wanted[0] < 1


def test_serialisation_round_trip():
    metric = reading_metrics(SARTokenizer("ab"))[0]
    copy = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert copy.decode.get_config() == metric.decode.get_config() == {"first_id": 0, "characters": 2, "end_id": 3}
