import logging

import keras
import numpy as np
import pytest

from keras_textrec.data import from_arrays, lmdb
from keras_textrec.training.callbacks import BlankPlateau, FiniteLoss
from tests.tiny import WORDS, draw, make_crnn, write_lmdb

pytestmark = pytest.mark.one_backend


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    return lmdb(write_lmdb(tmp_path_factory.mktemp("callbacks") / "words"))


def test_a_batch_without_a_loss_is_named_with_its_records(words):
    model = make_crnn(hidden_size=8)
    data = model.training_data(words)

    class Poison(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 1:
                kernel = self.model.get_layer("head").kernel
                kernel.assign(np.full(kernel.shape, np.nan))

    model.compile()
    with pytest.raises(ValueError) as error:
        model.fit(data, shuffle=False, verbose=0, callbacks=[Poison(), FiniteLoss(data)])
    assert "The loss became nan in step 2 of epoch 1, of which nothing is kept" in str(error.value)
    batch = data.batches.indices(1)
    named = [word for word in range(len(words)) if words.key(word) in str(error.value)]
    assert named == sorted(batch.tolist())


def test_a_fit_of_data_that_another_began_names_the_records_that_it_saw(words):
    """Keras counts its epochs from 0 again, and the data go on."""
    model = make_crnn(hidden_size=8)
    data = model.training_data(words, 2)

    class Poison(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            kernel = self.model.get_layer("head").kernel
            kernel.assign(np.full(kernel.shape, np.nan))

    model.compile()
    model.fit(data, shuffle=False, verbose=0)
    with pytest.raises(ValueError, match="in step 1 of epoch 1") as error:
        model.fit(data, shuffle=False, verbose=0, callbacks=[Poison(), FiniteLoss(data)])
    named = {word for word in range(len(words)) if words.key(word) in str(error.value)}
    assert named == set(data.batches.indices(0, 1).tolist()) != set(data.batches.indices(0, 0).tolist())


def test_a_network_that_reads_nothing_is_told(words, caplog):
    model = make_crnn(hidden_size=8)
    model.compile()
    head = model.get_layer("head")
    callback = BlankPlateau(words)
    callback.set_model(model)
    callback.on_epoch_end(0, {"val_similarity": 0.0})
    assert not caplog.records  # it reads rubbish, and this is another fault
    head.bias.assign(np.where(np.arange(head.bias.shape[0]) == 0, 1e6, 0))
    callback.on_epoch_end(1, {"val_similarity": 0.5})
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        callback.on_epoch_end(2, {"val_similarity": 0.0})
        callback.on_epoch_end(3, {"val_similarity": 0.0})
    (record,) = caplog.records
    assert "the network reads nothing in 10 of 10 images" in record.getMessage() and "--check" in record.getMessage()


def test_an_image_too_long_for_a_line_is_left_out_and_named(words, caplog):
    """As `read` refuses it; what is beside it is trained on."""
    model = make_crnn(hidden_size=8)
    long = np.full((4, 500, 3), 255, "uint8")
    data = model.evaluation_data(from_arrays([draw(WORDS[0]), long], [WORDS[0], "long"]))
    _, _, weight = data.batches.batch(0)
    assert weight.tolist() == [1, 0, 0, 0]
    assert "An image of 4 x 500 pixels (height x width) is too long for a line of text" in caplog.text
