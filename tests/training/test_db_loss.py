"""The DB loss against the same sums in NumPy."""

import keras
import numpy as np
import pytest

from keras_textrec.training.losses import DBLoss


def maps(rows=2):
    rng = np.random.default_rng(0)
    targets = np.zeros((rows, 8, 8, 2), "float32")
    targets[:, 2:4, 2:6, 0] = 1
    targets[:, 6:, :, 0] = -1
    targets[:, 1:5, 1:7, 1] = rng.uniform(0.3, 0.7, (rows, 4, 6))
    return targets, rng.uniform(0.01, 0.99, (rows, 8, 8, 3)).astype("float32")


def expected(targets, predictions, weight, threshold_weight, negatives):
    asked = targets[..., 0] >= 0
    core = np.where(asked, targets[..., 0], 0)
    probability, threshold, binary = np.moveaxis(predictions.astype("float64"), -1, 0)
    positive, negative = asked & (core == 1), asked & (core == 0)
    hardest = np.sort(-np.log(1 - probability[negative]))[::-1][: int(negatives * positive.sum())]
    entropy = (-np.log(probability[positive]).sum() + hardest.sum()) / (positive.sum() + len(hardest))
    bordered = targets[..., 1] > 0
    error = np.abs(threshold - targets[..., 1])[bordered].mean()
    dice = 1 - 2 * (binary * core)[asked].sum() / (binary[asked].sum() + core[asked].sum())
    return weight * entropy + threshold_weight * error + dice


def test_it_is_what_the_paper_says():
    targets, predictions = maps()
    for arguments in ((5.0, 10.0, 3.0), (1.0, 0.0, 1.0)):
        loss = float(keras.ops.convert_to_numpy(DBLoss(*arguments)(targets, predictions)))
        assert loss == pytest.approx(expected(targets, predictions, *arguments), rel=1e-5)


def test_it_trains_compiled():
    targets, _ = maps()
    image = np.repeat(targets[..., :1], 3, axis=-1)
    network = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(3, 1, activation="sigmoid")])
    network.compile(keras.optimizers.Adam(0.1), DBLoss())
    losses = network.fit(image, targets, epochs=8, batch_size=2, verbose=0).history["loss"]
    assert np.isfinite(losses).all() and losses[-1] < 0.9 * losses[0]


@pytest.mark.one_backend
def test_what_is_left_out_teaches_nothing():
    targets, predictions = maps()
    other = predictions.copy()
    other[:, 6:] = 0.5
    assert float(DBLoss()(targets, predictions)) == float(DBLoss()(targets, other))
    targets[...] = -1, 0  # a batch that could not be read
    assert float(DBLoss()(targets, predictions)) == pytest.approx(1)  # Dice of nothing
