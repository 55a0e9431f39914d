import numpy as np
import pytest
from keras import ops

from keras_textrec.data import from_arrays
from keras_textrec.models.charset_surgery import with_charset
from keras_textrec.training.trials import LearningRates, can_learn, find_learning_rate
from tests.tiny import WORDS, draw, make_crnn, same_weights

pytestmark = pytest.mark.one_backend


@pytest.fixture(scope="module")
def words():
    """Four that can be learnt, one without an image, and one without a usable label."""
    texts = ["a b-c", *WORDS[:3]]
    return from_arrays([*map(draw, texts), b"no image", draw("x")], [*texts, "bad", "!?"])


def test_a_few_words_are_learnt_by_heart(words):
    """Among them one with a space and a dash, new to the network, and narrow ones, whose padding is no space."""
    model = with_charset(make_crnn(), [*make_crnn().tokenizer.charset, *" -"])
    before = model.get_weights()
    result = can_learn(model, words, seconds=600)
    assert result.words == 4 and result.learnt and result.exact[0] == 0 and result.loss[1] < result.loss[0]
    assert str(result).startswith("This run can learn: 4 of 4 words are read right after ")
    assert all(map(np.array_equal, model.get_weights(), before))


def test_what_is_not_learnt_is_told(words):
    """And the model is as it was, its optimizer too."""
    model = make_crnn(hidden_size=8)
    model.compile(total_steps=100)
    model.fit(model.training_data(words, steps_per_epoch=1), verbose=0)
    optimizer, before = model.optimizer, [np.array(v) for v in map(ops.convert_to_numpy, model.optimizer.variables)]
    wrong = from_arrays([np.full((24, 60, 3), 255, "uint8")] * 4, WORDS[:4])  # nothing tells these apart
    result = can_learn(model, wrong, seconds=0)
    assert not result.learnt and str(result).startswith("Not known: ")
    assert model.optimizer is optimizer and int(optimizer.iterations) == 1
    assert all(map(np.array_equal, map(ops.convert_to_numpy, optimizer.variables), before))
    with pytest.raises(ValueError, match="No record can be used"):
        can_learn(model, from_arrays([b"no image"], ["a"]))


def test_a_learning_rate_is_found(words):
    model, before = make_crnn(hidden_size=8), make_crnn(hidden_size=8)
    found = find_learning_rate(model, words, lowest=1e-5, highest=1000.0, steps=30)  # the loss rises from 10 on
    assert len(found.rates) == len(found.losses) <= 30
    assert found.rates[0] == pytest.approx(1e-5) and np.all(np.diff(np.log(found.rates)) > 0)
    assert 1e-5 < found.suggested < 1
    assert same_weights(model, before) and not model.compiled


def test_the_suggested_rate():
    """The loss falls until 0.1, and rises then."""
    rates = np.geomspace(1e-4, 10, 51)
    losses = np.where(rates < 0.1, 10 - 3 * np.log10(rates / 1e-4), 2 + 30 * np.maximum(0, np.log10(rates / 0.1)))
    found = LearningRates(rates, losses)
    assert found.suggested == pytest.approx(0.01, rel=0.6) and found.clear and found.exploded


@pytest.mark.once
def test_weights_that_read_scatter():
    """Losses as `crnn_small_en` has them of four plates at a time: one that is read wrong is no explosion."""
    losses = np.array([0.68, 0.11, 0.11, 6.49, 0.2, 0.9, 0.1, 0.5, 3.0, 0.3, 0.2, 1.5, 0.4, 0.1])
    rates = np.geomspace(1e-6, 1, 100)
    for count in range(1, len(losses) + 1):
        found = LearningRates(rates[:count], losses[:count])
        assert not found.exploded and not found.clear
    worse = LearningRates(rates[:34], np.append(losses, [9.0] * 20))
    assert worse.exploded and not worse.clear
