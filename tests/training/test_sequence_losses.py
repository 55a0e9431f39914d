import keras
import numpy as np
import pytest
from keras import ops

from keras_textrec.training import FreeRunningLoss, SequenceLoss

BACKEND = keras.backend.backend()


def loss_and_gradient(loss, labels, logits, weights=None):
    """The loss and its gradient by the logits, as NumPy arrays."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        logits = tf.constant(logits)
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = loss(labels, logits, weights)
        gradient = tape.gradient(value, logits)
    elif BACKEND == "jax":
        import jax

        value, gradient = jax.jit(jax.value_and_grad(lambda logits: loss(labels, logits, weights)))(logits)
    else:
        logits = ops.convert_to_tensor(logits).requires_grad_()
        value = loss(labels, logits, weights)
        value.backward()
        value, gradient = value.detach(), logits.grad
    return float(ops.convert_to_numpy(value)), ops.convert_to_numpy(gradient)


def characters(sequences, lengths):
    """The published label arrays without start, end and padding: (B, M) padded with -1."""
    ids = sequences[:, 1:]
    return np.where(np.arange(ids.shape[1]) < np.asarray(lengths)[:, None], ids, -1)


def published(parts, name):
    """Loss, labels, logits, and the published loss and gradient (None: not kept)."""
    json, arrays = parts
    if name in ("attn", "sar"):
        labels = arrays[f"loss.{name}.label"]
        loss = FreeRunningLoss() if name == "attn" else SequenceLoss(arrays["loss.sar.logits"].shape[-1] - 1)
        lengths = arrays["loss.attn.length"] if name == "attn" else (labels < 90).sum(-1)
        gradient = arrays[f"loss.{name}.grad"]
        return loss, characters(labels, lengths), arrays[f"loss.{name}.logits"], json["loss"][name], gradient
    labels = characters(arrays["loss.multi.label_gtc"], arrays["loss.multi.length"])
    logits = arrays["loss.multi.student_gtc"]
    if name == "nrtr":
        value = json["loss"]["nrtr_smoothing_True"]
        return SequenceLoss(3, label_smoothing=0.1), labels, logits, value, arrays["loss.multi.grad_gtc"]
    return SequenceLoss(3), labels, logits, json["loss"]["nrtr_smoothing_False"], None


@pytest.mark.parametrize("name", ["attn", "sar", "nrtr", "nrtr without smoothing"])
def test_meets_paddleocr(parts, name):
    loss, labels, logits, value, gradient = published(parts, name)
    ours, our_gradient = loss_and_gradient(loss, labels, logits)
    assert ours == pytest.approx(value, rel=1e-6)
    if gradient is not None:
        np.testing.assert_allclose(our_gradient, gradient, atol=1e-6)


def case():
    """Labels of 3, 1 and 2 characters, a dropped one, and logits of 5 steps."""
    labels = np.array([[4, 5, 6, -1], [4, -1, -1, -1], [5, 5, -1, -1], [-1, -1, -1, -1]], "int32")
    return labels, np.random.default_rng(0).normal(size=(4, 5, 8)).astype("float32")


@pytest.mark.parametrize("end_id", [3, 7])
def test_mean_over_characters_and_ends(end_id):
    labels, logits = case()
    log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    wanted = []
    for label, steps in zip(labels, log_probs, strict=True):
        if (label >= 0).any():
            wanted += [steps[t, id] for t, id in enumerate([*label[label >= 0], end_id])]
    value, gradient = loss_and_gradient(SequenceLoss(end_id), labels, logits)
    assert value == pytest.approx(-np.mean(wanted), rel=1e-5)
    asked = np.arange(5) <= (labels >= 0).sum(-1)[:, None]
    asked[3] = False
    np.testing.assert_array_equal((gradient != 0).any(-1), asked)


@pytest.mark.parametrize("loss", [SequenceLoss(7), SequenceLoss(3, label_smoothing=0.1)])
def test_a_dropped_label_changes_nothing(loss):
    """With weight 0, as the pipeline gives it, and with weight 1."""
    labels, logits = case()
    value, _ = loss_and_gradient(loss, labels[:3], logits[:3])
    for last in (0, 1):
        assert loss_and_gradient(loss, labels, logits, np.array([1, 1, 1, last], "float32"))[0] == pytest.approx(value)


@pytest.mark.parametrize("columns", [2, 3, 9])
def test_labels_may_have_more_or_fewer_columns_than_steps(columns):
    labels = np.full((1, columns), -1)
    labels[0, :2] = 1, 2
    logits = np.random.default_rng(0).normal(size=(1, 3, 8)).astype("float32")
    for loss in (FreeRunningLoss(), SequenceLoss(7), SequenceLoss(3, label_smoothing=0.1)):
        assert float(loss(labels, logits)) == pytest.approx(float(loss(labels[:, :2], logits)))


def test_the_published_form_asks_for_start_and_padding():
    labels, logits = np.array([[1, 2, -1]]), np.random.default_rng(0).normal(size=(1, 6, 5)).astype("float32")
    log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    wanted = -sum(log_probs[0, t, id] for t, id in enumerate([0, 1, 2, 4, 0, 0]))
    assert float(FreeRunningLoss()(labels, logits)) == pytest.approx(wanted, rel=1e-5)


def test_smoothing_shares_out_among_the_other_classes():
    logits = np.random.default_rng(0).normal(size=(1, 1, 5)).astype("float32")
    log_probs = (logits - np.log(np.exp(logits).sum(-1, keepdims=True)))[0, 0]
    target = np.full(5, 0.2 / 4)
    target[4] = 0.8
    loss = SequenceLoss(3, label_smoothing=0.2)
    assert float(loss(np.array([[4]]), logits)) == pytest.approx(-(target * log_probs).sum(), rel=1e-5)


@pytest.mark.parametrize("loss", [FreeRunningLoss(), FreeRunningLoss("mean"), SequenceLoss(7), SequenceLoss(3, 0.2)])
def test_serialisation_round_trip(loss):
    copy = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(copy) is type(loss)
    assert copy.get_config() == loss.get_config()
    assert copy.reduction == loss.reduction
