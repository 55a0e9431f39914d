"""Decoding in the graph says what the tokenizers say."""

import numpy as np
import pytest

from keras_textrec.export.decoding import characters_of
from keras_textrec.export.graph import Graph
from keras_textrec.export.pixels import Pixels
from keras_textrec.reading.confidence import Calibration
from keras_textrec.text import AttentionTokenizer, CTCTokenizer, NRTRTokenizer, SARTokenizer
from tests.export.running import runner

pytestmark = pytest.mark.once

# Few classes, so that runs, blanks, ends and specials are frequent; "" and several letters are classes, too.
TOKENIZERS = [
    CTCTokenizer("a"),
    CTCTokenizer(["a", "", "ff", "b"]),
    AttentionTokenizer("abc"),
    SARTokenizer("ab"),
    NRTRTokenizer("abc"),
]


def decoding(tokenizer, calibration=None):
    graph = Graph()
    probabilities = graph.input("probabilities", "float32", ["batch", "steps", tokenizer.vocabulary_size])
    sizes = [graph.input(name, "int64", []) for name in ("canvas", "end", "columns")]
    found = characters_of(graph, probabilities, Pixels("", *sizes), tokenizer, calibration)
    for name, value in found._asdict().items():
        dtype = "int64" if name == "characters" else "float32"
        graph.output(value, dtype, ["batch"] if name == "confidence" else ["batch", "length"], name)
    return runner(graph)


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=lambda tokenizer: type(tokenizer).__name__)
def test_the_graph_decodes_as_the_tokenizer(tokenizer):
    decode = decoding(tokenizer)
    rng = np.random.default_rng(3)
    lengths = set()
    for trial in range(200):
        rows, steps = rng.integers(1, 5), rng.integers(1, 14)
        probabilities = rng.dirichlet(np.full(tokenizer.vocabulary_size, 0.3), (rows, steps)).astype("float32")
        if trial % 5 == 0:  # nothing is read
            probabilities[0] = np.eye(tokenizer.vocabulary_size)[getattr(tokenizer, "end_id", 0)]
        if trial % 7 == 0:  # the first of equals counts
            probabilities = np.round(probabilities, 1)
        canvas, columns = (int(size) for size in rng.integers(8, 400, 2))
        end = int(rng.integers(1, canvas + 1))
        found = decode(
            probabilities=probabilities, canvas=np.array(canvas), end=np.array(end), columns=np.array(columns)
        )
        readings = tokenizer.decode(probabilities, valid_ratio=np.full(rows, end, "float32") / canvas)
        assert found["characters"].shape == (rows, max(1, *(len(reading.characters) for reading in readings)))
        np.testing.assert_allclose(found["confidence"], [r.confidence for r in readings], atol=1e-6)
        for row, reading in enumerate(readings):
            lengths.add(count := len(reading.characters))
            positions = found["characters"][row]
            assert "".join(tokenizer.charset.characters[i] for i in positions if i >= 0) == reading.text
            assert (positions[:count] >= 0).all()
            assert (positions[count:] == -1).all()
            confidences = [character.confidence for character in reading.characters]
            np.testing.assert_array_equal(found["confidences"][row, :count], confidences)
            for side in ("left", "right"):
                places = [getattr(character, side) for character in reading.characters]
                pixels = [-1 if p is None else min(p * columns * canvas / end, columns) for p in places]
                np.testing.assert_allclose(found[side][row, :count], pixels, rtol=1e-5, atol=1e-3)
                assert (found[side][row, count:] == -1).all()
    assert {0, 1, 2, 3} <= lengths


@pytest.mark.parametrize("tokenizer", TOKENIZERS[1:3], ids=["ctc", "attention"])
def test_the_graph_calibrates(tokenizer):
    calibration = Calibration(-0.4, 0.6)
    sizes = {name: np.array(8) for name in ("canvas", "end", "columns")}
    probabilities = np.random.default_rng(3).dirichlet(np.full(tokenizer.vocabulary_size, 0.1), (64, 6))
    probabilities[0] = np.eye(tokenizer.vocabulary_size)[getattr(tokenizer, "end_id", 0)]  # nothing is read
    probabilities[1] = np.eye(tokenizer.vocabulary_size)[tokenizer.first_id]  # all is sure
    readings = [calibration(reading) for reading in tokenizer.decode(probabilities.astype("float32"))]
    found = decoding(tokenizer, calibration)(probabilities=probabilities.astype("float32"), **sizes)["confidence"]
    np.testing.assert_allclose(found, [reading.confidence for reading in readings], atol=1e-4)
    assert found[0] == 0 < found[1]
