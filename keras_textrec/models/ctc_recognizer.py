"""What recognisers have in common whose network scores every column, and whose text CTC aligns."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers

from keras_textrec.decoding import Constraint, CTCDecoder, Lexicon
from keras_textrec.layers.direct import DirectModel
from keras_textrec.models.text_recognizer import TextRecognizer
from keras_textrec.models.trainable_model import kept_if_refused
from keras_textrec.reading.recognizer import BatchReader
from keras_textrec.text import CTCTokenizer
from keras_textrec.training.distillation import Distillation
from keras_textrec.training.losses import CTCLoss
from keras_textrec.training.recipes import Recipe


class CTCRecognizer(TextRecognizer):
    """Base of CRNN and SVTRv2. First input: the image; first output: logits (B, T, V), whose class 0 is the blank.

    The reading graph is the training graph with a softmax on these logits.
    """

    tokenizer: CTCTokenizer
    distillation: Distillation | None = None

    def make_reader(self) -> keras.Model:
        probabilities = layers.Softmax(dtype="float32", name="probabilities")(self.outputs[0])
        return DirectModel(self.inputs[0], probabilities, name=f"{self.name}_reader")

    def constrained_reader(self, constraint: Constraint) -> BatchReader:
        decoder = CTCDecoder(self.tokenizer, constraint)

        def read_batch(x: np.ndarray, valid_ratio: np.ndarray, lexica: Sequence[Lexicon] | None = None):
            return decoder.decode(self.probabilities(x, valid_ratio), valid_ratio, lexica)

        return read_batch

    def make_loss(self) -> keras.losses.Loss:
        return CTCLoss()

    # === Distillation ===

    def compile(
        self, optimizer: Any = "auto", loss: Any = "auto", *, teacher: "CTCRecognizer | None" = None, **options: Any
    ) -> None:
        """As `TextRecognizer.compile`.

        Args:
            teacher: a trained network, whose outputs `fit` teaches beside the labels
                (`keras_textrec.training.distillation`). It is frozen, and not kept with the model: compile a model that
                was loaded with its teacher again.

        Raises:
            ValueError: such a teacher cannot teach this network.
        """
        with kept_if_refused(self, "recipe", "distillation"):
            if isinstance(optimizer, Recipe):  # before the teacher, whose losses' weights it has
                self.recipe, optimizer = optimizer, "auto"
            self.distillation = Distillation(self, teacher) if teacher is not None else None
            super().compile(optimizer, loss, **options)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """As `keras.Model.compute_loss`; in training, with what the teacher says."""
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        return loss + self.distillation(x, y, y_pred, sample_weight) if training and self.distillation else loss

    @property
    def non_trainable_variables(self) -> list[keras.Variable]:
        """The network's, and the teacher's: on JAX, whatever a training step reads has to be among the variables."""
        return super().non_trainable_variables + (self.distillation.variables if self.distillation else [])

    def summary_of(self, data: Any) -> str:
        taught = f", taught by {self.distillation.name}" if self.distillation else ""
        return super().summary_of(data) + taught
