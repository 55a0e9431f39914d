import json

import keras
import numpy as np
import pytest
from keras import ops

from keras_textrec.text import Charset, CTCTokenizer
from keras_textrec.training import CTCLoss, NormalizedEditSimilarity, WordAccuracy
from keras_textrec.training.metrics import (
    class_map,
    edit_distance,
    edit_distances,
    edit_similarity,
    greedy_ctc_ids,
    normalize_text,
)

ASCII = CTCTokenizer(Charset.named("ascii"))
BACKEND = keras.backend.backend()


def random_batch(rng, samples=40, time_steps=14, length=9):
    """Labels with their texts, and probabilities near enough to the labels for every kind of score to occur."""
    texts, probabilities = [], rng.random((samples, time_steps, ASCII.vocabulary_size)).astype("float32")
    for row in range(samples):
        text = "".join(rng.choice(list("abAB1.!")) for _ in range(rng.integers(1, length + 1)))
        texts.append(text)
        frames = [0] * time_steps
        for place, id in enumerate(ASCII.encode(text)):
            frames[place + (row % 3)] = id
        if row % 4 == 0:
            frames[int(rng.integers(time_steps))] = int(rng.integers(ASCII.vocabulary_size))
        if row % 8 == 0:
            frames = [0] * time_steps
        probabilities[row, np.arange(time_steps), frames] += 1
    return texts, ASCII.encode_batch(texts, length)[0], probabilities


def padded(rows, width):
    array = np.full((len(rows), width), -1, "int32")
    for line, row in zip(array, rows, strict=True):
        line[: len(row)] = row
    return array


def test_greedy_ids_are_the_tokenizers_text():
    _, _, probabilities = random_batch(np.random.default_rng(0))
    ids = ops.convert_to_numpy(greedy_ctc_ids(probabilities))
    texts = ["".join(ASCII.charset.characters[id - 1] for id in row if id >= 0) for row in ids]
    assert texts == [reading.text for reading in ASCII.decode(probabilities)]
    assert all((row[np.argmax(row < 0) :] < 0).all() for row in ids if (row < 0).any())


def test_greedy_ids_of_the_published_probabilities(parts):
    ids = ops.convert_to_numpy(greedy_ctc_ids(parts[1]["dec.ctc.probs"]))
    characters = Charset.named("alphanumeric").characters
    texts = ["".join(characters[id - 1] for id in row if id >= 0) for row in ids]
    assert texts == [text for text, _ in parts[0]["decode"]["ctc"]]


@pytest.mark.parametrize("widths", [(6, 11), (11, 6)])
def test_edit_distances_in_the_graph(widths):
    rng = np.random.default_rng(1)
    rows = [[rng.integers(0, 3, rng.integers(0, width + 1)).tolist() for _ in range(50)] for width in widths]
    distances = edit_distances(*(ops.convert_to_tensor(padded(r, w)) for r, w in zip(rows, widths, strict=True)))
    assert ops.convert_to_numpy(distances).tolist() == [edit_distance(a, b) for a, b in zip(*rows, strict=True)]


@pytest.mark.parametrize(
    "a, b, distance", [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("ab", "ba", 2)]
)
def test_edit_distance_of_strings(a, b, distance):
    assert edit_distance(a, b) == edit_distance(b, a) == distance
    assert edit_similarity(a, b) == 1 - distance / max(len(a), len(b), 1)


@pytest.mark.parametrize("protocol", [None, "alphanumeric", "exact"])
def test_metrics_equal_plain_python(protocol):
    mapping = class_map(ASCII.charset, protocol) if protocol else None
    accuracy, similarity = WordAccuracy(mapping), NormalizedEditSimilarity(mapping)
    rights, similarities = [], []
    for seed in range(3):
        texts, labels, probabilities = random_batch(np.random.default_rng(seed))
        accuracy.update_state(labels, probabilities)
        similarity.update_state(labels, probabilities)
        for text, reading in zip(texts, ASCII.decode(probabilities), strict=True):
            pair = [text, reading.text]
            if protocol:
                pair = [normalize_text(text, protocol) for text in pair]
            rights.append(pair[0] == pair[1])
            similarities.append(edit_similarity(*pair))
    assert 0.2 < np.mean(rights) < 0.9
    assert float(accuracy.result()) == pytest.approx(np.mean(rights), rel=1e-6)
    assert float(similarity.result()) == pytest.approx(np.mean(similarities), rel=1e-5)
    accuracy.reset_state()
    assert float(accuracy.result()) == 0.0


@pytest.mark.parametrize("metric", [WordAccuracy, NormalizedEditSimilarity])
def test_padding_rows_and_weights(metric):
    _, labels, probabilities = random_batch(np.random.default_rng(5))
    padding, weighted, unweighted = metric(), metric(), metric()
    weighted.update_state(labels, probabilities, sample_weight=(np.arange(40) < 20).astype("float32"))
    unweighted.update_state(labels, probabilities)
    padding.update_state(np.where(np.arange(40)[:, None] < 20, labels, -1), probabilities)
    assert float(weighted.result()) == pytest.approx(float(padding.result()))
    assert float(weighted.result()) != pytest.approx(float(unweighted.result()))


@pytest.mark.parametrize("length", [3, 9])
def test_accuracy_whatever_is_wider(length):
    probabilities = np.zeros((3, 5, 4), "float32")
    for row, frames in enumerate([[1, 2, 0, 3, 0], [1, 2, 3, 1, 2], [1, 2, 0, 0, 0]]):
        probabilities[row, np.arange(5), frames] = 1
    labels = padded([[1, 2, 3]] * 3, length)
    metric = WordAccuracy()
    metric.update_state(labels, probabilities)
    assert float(metric.result()) == pytest.approx(1 / 3)


def test_class_map():
    assert class_map("aAb-é ", "alphanumeric") == [0, 1, 1, 3, 0, 0, 0]
    assert class_map("aAb- ", "exact") == [0, 1, 2, 3, 4, 0]
    with pytest.raises(ValueError, match="must be one of"):
        class_map("ab", "caseless")


def test_normalize_text():
    assert normalize_text("It's 5 O'clock, É!", "alphanumeric") == "its5oclock"
    assert normalize_text("It's 5 O'clock", "exact") == "It's5O'clock"
    assert normalize_text("It's 5 Ａ，漢\u3000。", "chinese") == "it's5a,漢。"


def test_recmetric_arithmetic(parts):
    # The published numbers came without their texts: these pairs have the same scores under RecMetric's rules.
    pairs = [("joint", "joint"), ("two words", "twowords"), ("Ab", "ab"), ("x", "y")]
    for case, protocol in [("plain", "exact"), ("is_filter", "alphanumeric")]:
        texts = [[normalize_text(text, protocol) for text in pair] for pair in pairs]
        expected = parts[0]["metric"][case]
        right, wrongness = sum(a == b for a, b in texts), sum(1 - edit_similarity(a, b) for a, b in texts)
        assert right / (4 + 1e-5) == pytest.approx(expected["acc"], rel=1e-9)
        assert 1 - wrongness / (4 + 1e-5) == pytest.approx(expected["norm_edit_dis"], rel=1e-9)


@pytest.mark.parametrize("metric", [WordAccuracy, NormalizedEditSimilarity])
def test_serialisation_round_trip(metric):
    original = metric(class_map(ASCII.charset, "alphanumeric"), name="alnum")
    config = json.loads(json.dumps(keras.metrics.serialize(original)))
    copy = keras.metrics.deserialize(config)
    assert copy.get_config() == original.get_config() and copy.name == "alnum"
    _, labels, probabilities = random_batch(np.random.default_rng(6))
    for each in (original, copy):
        each.update_state(labels, probabilities)
    assert float(copy.result()) == float(original.result()) > 0


def fitted(inputs, labels, weights, jit_compile):
    """A one-layer network after two epochs with everything of ours in `compile`, and its history."""
    image = keras.Input((None, inputs.shape[-1]))
    model = keras.Model(image, keras.layers.Dense(ASCII.vocabulary_size, kernel_initializer="identity")(image))
    metrics = [WordAccuracy(), WordAccuracy(class_map(ASCII.charset, "alphanumeric"), name="alnum")]
    metrics.append(NormalizedEditSimilarity())
    model.compile("adam", CTCLoss(), weighted_metrics=metrics, jit_compile=jit_compile)
    return model, model.fit(inputs, labels, 16, epochs=2, sample_weight=weights, verbose=0).history


@pytest.mark.parametrize("jit_compile", {"tensorflow": [False, True], "jax": [True], "torch": [False]}[BACKEND])
def test_fit(jit_compile, tmp_path):
    _, labels, inputs = random_batch(np.random.default_rng(7), samples=32)
    labels[3] = 5  # Nine times the same character needs 17 of the 14 time steps.
    labels[4] = -1
    weights = np.ones(32, "float32")
    weights[4] = 0
    model, history = fitted(inputs, labels, weights, jit_compile)
    assert np.isfinite(history["loss"]).all()
    assert history["loss"][1] < history["loss"][0]
    assert 0 < history["accuracy"][0] <= history["alnum"][0] < 1
    assert 0 < history["ned"][0] < 1
    if BACKEND == "tensorflow" and jit_compile:
        return  # The file is the same; compiling two more graphs would only take time.
    model.save(tmp_path / "model.keras")
    models = model, keras.models.load_model(tmp_path / "model.keras")
    before, after = (m.evaluate(inputs, labels, 16, 0, weights, return_dict=True) for m in models)
    assert after == pytest.approx(before)
