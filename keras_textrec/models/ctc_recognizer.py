"""What recognisers have in common whose network scores every column, and whose text CTC aligns."""

import keras
from keras import layers

from keras_textrec.layers.direct import DirectModel
from keras_textrec.models.text_recognizer import TextRecognizer
from keras_textrec.text import CTCTokenizer
from keras_textrec.training.losses import CTCLoss


class CTCRecognizer(TextRecognizer):
    """Base of CRNN and SVTRv2. First input: the image; first output: logits (B, T, V), whose class 0 is the blank.

    The reading graph is the training graph with a softmax on these logits.
    """

    tokenizer: CTCTokenizer

    def make_reader(self) -> keras.Model:
        probabilities = layers.Softmax(dtype="float32", name="probabilities")(self.outputs[0])
        return DirectModel(self.inputs[0], probabilities, name=f"{self.name}_reader")

    def make_loss(self) -> keras.losses.Loss:
        return CTCLoss()
