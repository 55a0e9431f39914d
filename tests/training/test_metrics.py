import json

import keras
import numpy as np
import pytest
from keras import ops

from keras_textrec.text import Charset, CTCTokenizer
from keras_textrec.text.alignment import edit_operations
from keras_textrec.text.comparing import class_map, edit_similarity, is_right, normalize_text
from keras_textrec.training import CTCLoss, NormalizedEditSimilarity, WordAccuracy
from keras_textrec.training.metrics import edit_distances, greedy_ctc_ids, reading_metrics

ASCII = CTCTokenizer(Charset.named("ascii"))
BACKEND = keras.backend.backend()


def random_batch(rng, samples=40, time_steps=14, length=9, tokenizer=ASCII, characters="abAB1.!"):
    """Labels with their texts, and probabilities near enough to the labels for every kind of score to occur."""
    texts, probabilities = [], rng.random((samples, time_steps, tokenizer.vocabulary_size)).astype("float32")
    for row in range(samples):
        text = "".join(rng.choice(list(characters)) for _ in range(rng.integers(1, length + 1)))
        texts.append(text)
        frames = [0] * time_steps
        for place, id in enumerate(tokenizer.encode(text)):
            frames[place + (row % 3)] = id
        if row % 4 == 0:
            frames[int(rng.integers(time_steps))] = int(rng.integers(tokenizer.vocabulary_size))
        if row % 8 == 0:
            frames = [0] * time_steps
        probabilities[row, np.arange(time_steps), frames] += 1
    return texts, tokenizer.encode_batch(texts, length)[0], probabilities


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
    assert ops.convert_to_numpy(distances).tolist() == [len(edit_operations(a, b)) for a, b in zip(*rows, strict=True)]


SCRIPTS = "aAb!.ßsSσςΣжЖ你ﾊハＡ1ไ้Iİı"


@pytest.mark.parametrize(
    "protocol, characters",
    [(None, "abAB1.!"), ("alphanumeric", "abAB1.!"), ("exact", "abAB1.!"), ("letters", SCRIPTS), ("letters", "aß!.?")],
)
def test_metrics_equal_plain_python(protocol, characters):
    tokenizer = ASCII if protocol != "letters" else CTCTokenizer(characters)
    mapping = class_map(tokenizer.charset, protocol) if protocol else None
    accuracy, similarity = WordAccuracy(mapping), NormalizedEditSimilarity(mapping)
    rights, similarities = [], []
    for seed in range(3):
        batch = random_batch(np.random.default_rng(seed), tokenizer=tokenizer, characters=characters)
        texts, labels, probabilities = batch
        accuracy.update_state(labels, probabilities)
        similarity.update_state(labels, probabilities)
        for text, reading in zip(texts, tokenizer.decode(probabilities), strict=True):
            right, pair = text == reading.text, [text, reading.text]
            if protocol:
                right = is_right(reading.text, text, protocol)
                compared = protocol if normalize_text(text, protocol) else "exact"
                pair = [normalize_text(text, compared) for text in pair]
            rights.append(right)
            similarities.append(edit_similarity(*pair))
    assert 0.2 < np.mean(rights) < 0.9
    assert float(accuracy.result()) == pytest.approx(np.mean(rights), rel=1e-6)
    assert float(similarity.result()) == pytest.approx(np.mean(similarities), rel=1e-5)
    accuracy.reset_state()
    assert float(accuracy.result()) == 0.0


@pytest.mark.parametrize("charset", ["0123456789abc!?", "你好世界！", "привет!", "مرحبا!", "あいう", "!?-"])
def test_a_network_that_reads_nothing_never_scores(charset):
    tokenizer = CTCTokenizer(charset)
    labels, _ = tokenizer.encode_batch([charset[:2], charset[-2:], charset[-1]], 4)
    blanks = np.zeros((3, 9, tokenizer.vocabulary_size), "float32")
    blanks[:, :, 0] = 1
    for metric in reading_metrics(tokenizer):
        metric.update_state(labels, blanks)
        assert float(metric.result()) == 0, metric.name


def test_beyond_ascii_wrong_words_are_wrong():
    tokenizer = CTCTokenizer("приветПРИВЕТ!")
    labels, _ = tokenizer.encode_batch(["привет", "привет", "вет", "!"], 6)
    read, _ = tokenizer.encode_batch(["ПРИВЕТ!", "приве", "вет", "!"], 7)
    read = np.eye(tokenizer.vocabulary_size, dtype="float32")[np.maximum(read, 0)]
    accuracy, exact, similarity = reading_metrics(tokenizer)
    for metric in (accuracy, exact, similarity):
        metric.update_state(labels, read)
    assert float(accuracy.result()) == 3 / 4
    assert float(exact.result()) == 2 / 4
    assert float(similarity.result()) == pytest.approx((0 + 5 / 6 + 1 + 1) / 4)


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
    assert 0 < history["similarity"][0] < 1
    if BACKEND == "tensorflow" and jit_compile:
        return  # The file is the same; compiling two more graphs would only take time.
    model.save(tmp_path / "model.keras")
    models = model, keras.models.load_model(tmp_path / "model.keras")
    before, after = (m.evaluate(inputs, labels, 16, 0, weights, return_dict=True) for m in models)
    assert after == pytest.approx(before)
