"""Attention decoders read within what is known of a text; `tests/decoding` compares the search with brute force."""

import keras
import numpy as np
import pytest

from tests.models import test_rare_model, test_robust_scanner_model
from tests.tiny import draw

WORDS = ["cat", "walrus"]


@pytest.fixture(scope="module", params=["rare", "robust_scanner"])
def model(request):
    return test_rare_model.rare() if request.param == "rare" else test_robust_scanner_model.make()


def probability(model, image, text):
    """Of a text and its end, by the training graph."""
    width = model.converter.canvas_width(image.shape)
    x = model.converter.convert([image], width)
    ids = np.array([model.tokenizer.encode(text)])
    y = model.arrange(x, np.array([model.converter.valid_ratio(image.shape)]), ids, training=True)[0]
    logits = keras.ops.convert_to_numpy(model.predict_on_batch(y))
    chances = keras.ops.convert_to_numpy(keras.ops.softmax(logits))[0]
    return np.prod(chances[np.arange(ids.size + 1), [*ids[0], model.tokenizer.end_id]])


def test_an_attention_decoder_reads_within_what_is_known(model):
    images = [draw(word) for word in WORDS]
    free = model.read(images)
    allowed = model.read(images, allow="a-z0-9")
    assert [reading.text for reading in allowed] == [reading.text for reading in free]
    assert [reading.confidence for reading in allowed] == pytest.approx([r.confidence for r in free], abs=1e-5)
    lexica = [["ab", "hag", "c"], ["dab"]]
    for reading, image, words in zip(model.read(images, lexicon=lexica, alternatives=3), images, lexica, strict=True):
        found = {other.text: other.probability for other in reading.alternatives}
        assert found == pytest.approx({word: probability(model, image, word) for word in words}, rel=1e-3)
    words = {"ab": 1.0, "hag": 900.0, "c": 4.0}
    for reading, image in zip(model.read(images, lexicon=words, alternatives=3), images, strict=True):
        chances = {word: probability(model, image, word) for word in words}
        best = sorted(words, key=lambda word: -chances[word] * words[word] ** 0.5)
        assert [other.text for other in reading.alternatives] == best
        assert {other.text: other.probability for other in reading.alternatives} == pytest.approx(chances, rel=1e-3)
    with pytest.raises(ValueError, match="Attention maps are those of a free reading"):
        model.read(images, attention=True, pattern="a")
    with pytest.raises(ValueError, match="leave out orientations"):
        model.read(images, attention=True, orientations=(0, 180))
