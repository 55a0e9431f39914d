import functools

import keras
import numpy as np
import pytest
from keras import ops

from keras_textrec.training import CTCLoss
from keras_textrec.training.losses import LARGE_VOCABULARY

BACKEND = keras.backend.backend()
TIME_STEPS = 6


@functools.cache
def jax_function(focal):
    import jax

    def total(logits, labels):
        losses = CTCLoss(focal=focal, reduction="none")(labels, logits)
        return losses.sum(), losses

    return jax.jit(jax.grad(total, has_aux=True))


def losses_and_gradient(labels, logits, focal=False):
    """The losses (B,) and the gradient of their sum by the logits, as NumPy arrays."""
    loss = CTCLoss(focal=focal, reduction="none")
    if BACKEND == "tensorflow":
        import tensorflow as tf

        logits = tf.constant(logits)
        with tf.GradientTape() as tape:
            tape.watch(logits)
            losses = loss(labels, logits)
        gradient = tape.gradient(losses, logits)
    elif BACKEND == "jax":
        gradient, losses = jax_function(focal)(logits, labels)
    else:
        logits = ops.convert_to_tensor(logits).requires_grad_()
        losses = loss(labels, logits)
        losses.sum().backward()
        losses, gradient = losses.detach(), logits.grad
    return ops.convert_to_numpy(losses), ops.convert_to_numpy(gradient)


def published(parts):
    """The published labels, padded with -1, and logits."""
    label, length = parts[1]["loss.ctc.label"], parts[1]["loss.ctc.length"]
    return np.where(np.arange(label.shape[1]) < length[:, None], label, -1).astype("int32"), parts[1]["loss.ctc.logits"]


def case(classes=9):
    """Labels of every kind for 6 time steps, and random logits; the last two labels do not fit."""
    labels = [[1, 2, 3, -1, -1], [3, 3, 4, 3, -1], [-1] * 5, [1, 1, 2, 3, 4], [1, 1, 1, 1, -1], [1, 1, 2, 2, 3]]
    rng = np.random.default_rng(0)
    return np.array(labels, "int32"), (3 * rng.normal(size=(6, TIME_STEPS, classes))).astype("float32")


def reference(label, logits):
    """CTC by its definition: the forward recursion over the label with blanks around every character, in float64."""
    log_probs = logits - np.log(np.exp(logits.astype("float64")).sum(-1, keepdims=True))
    states = [0]
    for id in label[label >= 0]:
        states += [id, 0]
    alpha = np.full(len(states), -np.inf)
    alpha[:2] = log_probs[0, states[:2]]
    for frame in log_probs[1:]:
        before = alpha.copy()
        for s in range(len(states)):
            sources = [before[s], before[s - 1] if s else -np.inf]
            if s > 1 and states[s] not in (0, states[s - 2]):
                sources.append(before[s - 2])
            alpha[s] = np.logaddexp.reduce(sources) + frame[states[s]]
    return -np.logaddexp.reduce(alpha[-2:])


@pytest.mark.parametrize("name, focal", [("ctc", False), ("ctc_focal", True)])
def test_meets_paddleocr(parts, name, focal):
    losses, gradient = losses_and_gradient(*published(parts), focal=focal)
    assert losses.mean() == pytest.approx(parts[0]["loss"][name], rel=1e-6)
    np.testing.assert_allclose(losses, parts[1]["loss.ctc.per_sample"], rtol=1e-6)
    np.testing.assert_allclose(gradient / len(losses), parts[1][f"loss.{name}.grad"], atol=2e-5)


def test_infeasible_batch_is_zero_as_in_paddleocr(parts):
    labels, logits = published(parts)
    labels[:] = 7
    losses, gradient = losses_and_gradient(labels, logits)
    assert losses.mean() == parts[0]["loss"]["ctc_infeasible"] == 0.0
    assert (gradient == 0).all()


@pytest.mark.parametrize("classes, focal", [(9, False), (9, True), (LARGE_VOCABULARY + 1, False)])
def test_against_the_definition(classes, focal):
    labels, logits = case(classes)
    losses, gradient = losses_and_gradient(labels, logits, focal)
    with np.errstate(invalid="ignore"):
        expected = np.array([reference(label, frames) for label, frames in zip(labels, logits, strict=True)])
    assert np.isinf(expected).tolist() == [False] * 4 + [True] * 2
    weight = (1 - np.exp(-expected[:4])) ** 2 if focal else 1.0
    np.testing.assert_allclose(losses[:4], weight * expected[:4], rtol=2e-5)
    assert np.isfinite(gradient).all()
    assert (losses[4:] == 0).all()
    assert (gradient[4:] == 0).all()


def test_batch_without_the_infeasible_samples():
    labels, logits = case()
    losses, gradient = losses_and_gradient(labels, logits)
    losses_without, gradient_without = losses_and_gradient(labels[:4], logits[:4])
    assert losses.sum() == pytest.approx(losses_without.sum(), rel=1e-6)
    np.testing.assert_allclose(gradient[:4], gradient_without, atol=1e-6)


def test_gradient_is_the_slope():
    labels, logits = case()
    _, gradient = losses_and_gradient(labels, logits)
    direction = np.random.default_rng(1).normal(size=logits.shape).astype("float32")
    ahead, behind = (losses_and_gradient(labels, logits + sign * 0.01 * direction)[0] for sign in (1, -1))
    np.testing.assert_allclose((ahead - behind) / 0.02, (gradient * direction).sum((1, 2)), atol=5e-3)


def test_large_vocabulary_changes_nothing():
    labels, logits = case(LARGE_VOCABULARY)
    # One more class that is never probable takes the other way through the loss.
    extended = np.pad(logits, [(0, 0), (0, 0), (0, 1)], constant_values=-60.0)
    losses, gradient = losses_and_gradient(labels, logits)
    losses_extended, gradient_extended = losses_and_gradient(labels, extended)
    np.testing.assert_allclose(losses_extended, losses, rtol=2e-5)
    np.testing.assert_allclose(gradient_extended[..., :-1], gradient, atol=1e-5)


def test_mean_is_over_all_samples_and_weights_count():
    labels, logits = case()
    losses, _ = losses_and_gradient(labels, logits)
    weights = np.array([1, 0, 1, 2, 1, 1], "float32")
    assert float(CTCLoss()(labels, logits)) == pytest.approx(losses.sum() / 6, rel=1e-6)
    weighted = CTCLoss()(labels, logits, sample_weight=weights)
    assert float(weighted) == pytest.approx((losses * weights).sum() / 6, rel=1e-6)


def test_half_precision_logits():
    labels, logits = case()
    losses, _ = losses_and_gradient(labels, logits)
    assert float(CTCLoss()(labels, ops.cast(logits, "bfloat16"))) == pytest.approx(losses.mean(), rel=2e-2)


def test_serialisation_round_trip():
    loss = CTCLoss(focal=True, reduction="sum", name="reading")
    copy = keras.losses.deserialize(keras.losses.serialize(loss))
    assert isinstance(copy, CTCLoss)
    assert copy.get_config() == loss.get_config()
    assert (copy.focal, copy.reduction, copy.name) == (True, "sum", "reading")


@pytest.mark.skipif(BACKEND != "tensorflow", reason="a message of TensorFlow's")
def test_networks_of_several_lengths_train_in_one_process_without_a_message(capfd):
    for steps, label in [(12, 3), (16, 5)]:
        image = keras.Input((steps, 2))
        model = keras.Model(image, keras.layers.Dense(4)(image))
        model.compile("sgd", CTCLoss())
        model.fit(np.ones((2, steps, 2)), np.ones((2, label), "int32"), verbose=0)
    assert "not compatible" not in capfd.readouterr().err
