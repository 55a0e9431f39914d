import json
import pickle

import keras
import numpy as np
import pytest

from keras_textrec.text import AttentionTokenizer, Charset, NRTRTokenizer, SARTokenizer
from keras_textrec.text.attention_tokenizers import remove_symbols

pytestmark = pytest.mark.once

ALPHANUMERIC = Charset.named("alphanumeric")
TOKENIZERS = [AttentionTokenizer, SARTokenizer, NRTRTokenizer]


def chinese(expected):
    """A charset that has every character of the published cases at its published place."""
    places = {}
    for text, array, length in expected["cases"]:
        places.update(zip(array[1 : length + 1], text, strict=True) if array else ())
    return [places.get(id, f"<{id}>") for id in range(4, expected["n_chars"])]


# case -> class, lower case, columns of the label array, symbols that no class stands for
CASES = {
    "attn_none25": (AttentionTokenizer, True, 25, 0),
    "sar_dict90_40": (SARTokenizer, False, 40, 1),  # the padding is not predicted
    "nrtr_ch25": (NRTRTokenizer, False, 25, -1),  # a class that never occurs
}


@pytest.mark.parametrize("case", CASES)
def test_label_arrays_are_the_published_ones(parts, case):
    """But RARE's of 24 characters, which has 26 columns there and breaks the batch."""
    cls, lowercase, columns, unpredicted = CASES[case]
    expected = parts[0]["label_encode"][case]
    charset = {
        "attn_none25": ALPHANUMERIC,
        "sar_dict90_40": Charset(parts[0]["dict90"]),
        "nrtr_ch25": chinese(expected) if case == "nrtr_ch25" else None,
    }[case]
    tokenizer = cls(charset, lowercase=lowercase, unknown="strip", max_length=columns - 2)
    assert tokenizer.vocabulary_size == expected["n_chars"] - unpredicted
    cases = [(text, array) for text, array, _ in expected["cases"] if array is None or len(array) == columns]
    assert len(expected["cases"]) - len(cases) == (1 if cls is AttentionTokenizer else 0)
    ids, keep = tokenizer.encode_batch([text for text, _ in cases], length=columns - 2)
    assert keep.tolist() == [array is not None for _, array in cases]
    sequences = tokenizer.sequences(ids[keep], columns)
    assert sequences.dtype == "int32"
    assert sequences.tolist() == [array for _, array in cases if array is not None]


def test_ids_fit_into_any_number_of_steps():
    tokenizer = AttentionTokenizer("ab")
    ids, _ = tokenizer.encode_batch(["ab", "b"], length=4)
    assert ids.tolist() == [[1, 2, -1, -1], [2, -1, -1, -1]]
    assert tokenizer.sequences(ids, 6).tolist() == [[0, 1, 2, 3, 0, 0], [0, 2, 3, 0, 0, 0]]
    assert tokenizer.sequences(ids, 3).tolist() == [[0, 1, 2], [0, 2, 3]]


@pytest.mark.parametrize("cls", TOKENIZERS)
def test_the_longest_label_leaves_a_step_for_the_end(cls):
    tokenizer = cls("ab")
    assert len(tokenizer.encode("ab" * 12, time_steps=25)) == 24
    with pytest.raises(ValueError, match="needs more than the network's 25 time steps"):
        tokenizer.encode("ab" * 12 + "a", time_steps=25)
    assert tokenizer.check(["a" * 24, "a" * 25], time_steps=25).dropped == {"infeasible": 1}


def assert_readings(readings, expected, change=str):
    for reading, (text, confidence) in zip(readings, expected, strict=True):
        assert change(reading.text) == text
        # The published confidence of nothing is NaN.
        assert reading.confidence == pytest.approx(np.nan_to_num(confidence), abs=1e-6)


def test_attention_decodes_as_published_and_stops_at_the_end(parts):
    tokenizer, probabilities = AttentionTokenizer(ALPHANUMERIC), parts[1]["dec.attn.probs"]
    assert_readings(tokenizer.decode(probabilities, published=True), parts[0]["decode"]["attn"])
    assert [reading.text for reading in tokenizer.decode(probabilities)] == ["hello", "", "01"]


def test_sar_decodes_as_published_and_leaves_the_unknown_symbol_out(parts):
    tokenizer, probabilities = SARTokenizer(parts[0]["dict90"]), parts[1]["dec.sar.probs"]
    published = tokenizer.decode(probabilities, published=True)
    assert_readings(published, parts[0]["decode"]["sar_rm_symbol_False"])
    assert_readings(published, parts[0]["decode"]["sar_rm_symbol_True"], remove_symbols)
    assert [reading.text for reading in tokenizer.decode(probabilities)] == ['abAB!"', "", "12)*+3", "1111111111"]


def test_nrtr_decodes_as_published_and_leaves_special_symbols_out(parts):
    tokenizer = NRTRTokenizer(ALPHANUMERIC)
    ids, values = parts[1]["dec.nrtr.ids"], parts[1]["dec.nrtr.prob"]
    probabilities = np.zeros((*ids.shape, tokenizer.vocabulary_size))
    np.put_along_axis(probabilities, ids[..., None], values[..., None], -1)
    assert_readings(tokenizer.decode(probabilities, published=True), parts[0]["decode"]["nrtr"])
    assert [reading.text for reading in tokenizer.decode(probabilities)] == ["678", "00z", "01234"]


def test_readings_carry_the_attention_of_their_characters():
    probabilities = np.eye(5)[[[0, 2, 1, 4, 3]]]  # start, b, a, end, c
    attention = np.random.default_rng(0).uniform(size=(1, 5, 2, 7))
    (reading,) = AttentionTokenizer("abc").decode(probabilities, attention)
    assert reading.text == "ba"
    np.testing.assert_array_equal(reading.attention, attention[0, 1:3])
    (plain,) = AttentionTokenizer("abc").decode(probabilities)
    assert plain.attention is None and plain == reading
    assert [(c.left, c.right) for c in reading.characters] == [(None, None), (None, None)]
    assert json.loads(json.dumps(reading.to_dict()))["text"] == "ba"


@pytest.mark.parametrize("cls", TOKENIZERS)
def test_decode_refuses_another_vocabulary(cls):
    tokenizer = cls("abc")
    with pytest.raises(ValueError, match=rf"\(images, time steps, {tokenizer.vocabulary_size}\)"):
        tokenizer.decode(np.zeros((1, 25, tokenizer.vocabulary_size + 1)))


@pytest.mark.parametrize("cls", TOKENIZERS)
def test_serialisation_round_trip(cls):
    tokenizer = cls(["a", "ffi"], lowercase=True, unknown="strip", max_length=7)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(tokenizer)))
    for copy in (keras.saving.deserialize_keras_object(config), pickle.loads(pickle.dumps(tokenizer))):
        assert type(copy) is cls
        assert copy.get_config() == tokenizer.get_config()
        assert copy.encode("A") == tokenizer.encode("a") == [tokenizer.first_id]
