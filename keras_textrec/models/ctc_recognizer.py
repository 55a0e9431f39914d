"""What recognisers have in common whose network scores every column, and whose text CTC aligns."""

from collections.abc import Callable, Sequence

import keras
import numpy as np
from keras import layers

from keras_textrec.decoding import Constraint, CTCDecoder, Lexicon
from keras_textrec.layers.direct import DirectModel
from keras_textrec.models.text_recognizer import TextRecognizer
from keras_textrec.text import CTCTokenizer, Reading
from keras_textrec.training.losses import CTCLoss


class CTCRecognizer(TextRecognizer):
    """Base of CRNN and SVTRv2. First input: the image; first output: logits (B, T, V), whose class 0 is the blank.

    The reading graph is the training graph with a softmax on these logits.
    """

    tokenizer: CTCTokenizer

    def make_reader(self) -> keras.Model:
        probabilities = layers.Softmax(dtype="float32", name="probabilities")(self.outputs[0])
        return DirectModel(self.inputs[0], probabilities, name=f"{self.name}_reader")

    def constrained_reader(self, constraint: Constraint) -> Callable[..., list[Reading]]:
        decoder = CTCDecoder(self.tokenizer, constraint)

        def read_batch(x: np.ndarray, valid_ratio: np.ndarray, lexica: Sequence[Lexicon] | None = None):
            return decoder.decode(self.probabilities(x, valid_ratio), valid_ratio, lexica)

        return read_batch

    def make_loss(self) -> keras.losses.Loss:
        return CTCLoss()
