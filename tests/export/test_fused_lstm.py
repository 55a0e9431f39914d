"""The LSTM of one operator, against Keras'; TensorFlow runs it as the converter sees it, so what is left is exact."""

import keras
import numpy as np
import pytest

from keras_textrec.layers.standard import LSTM, only_traced

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="traced on TensorFlow only")


@pytest.mark.parametrize("go_backwards", [False, True])
def test_it_is_the_lstm(go_backwards):
    from keras_textrec.export.fused_lstm import fused_lstm

    lstm = LSTM(5, return_sequences=True, go_backwards=go_backwards)
    x = np.random.default_rng(0).normal(size=(2, 7, 3)).astype("float32")
    wanted = lstm(x)
    with only_traced(fused_lstm):
        np.testing.assert_allclose(lstm(x), wanted, atol=1e-6)
