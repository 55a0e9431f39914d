"""What a student learns of a teacher, a trained CTC network, beside what it learns from the labels.

Published: PaddleOCR `configs/rec/SVTRv2/rec_svtrv2_ch_distillation.yml` and `ppocr/losses/distillation_loss.py`.

Why not `keras.distillation.Distiller` (3.15): it refuses networks of other input heights, time steps or classes, gives
its losses no labels (which decoupled distillation needs), leaves out the samples' weights (an unreadable image would be
trained on), takes no metrics by output, and asks the teacher in evaluation, too. Its model is not the student, so that
callbacks and saving would need to know of it. Here the student itself is trained: `compile(teacher=...)`.
"""

import logging
import unicodedata
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_textrec.images import ImageConverter
from keras_textrec.layers.direct import DirectModel
from keras_textrec.layers.replicas import max_over_replicas
from keras_textrec.text import CTCTokenizer, Tokenizer
from keras_textrec.training.losses import targets_at_steps

logger = logging.getLogger(__name__)

# A teacher that knows less than this part of the student's characters is refused.
LEAST_SHARED = 0.5
IMPOSSIBLE = -1e9  # as a logit


@keras.saving.register_keras_serializable("keras_textrec")
class CTCDistillation(keras.losses.Loss):
    """The Kullback-Leibler divergence between how teacher and student share out the line among the classes.

    Both are logits, (B, T', V) of the teacher and (B, T, V) of the student, class 0 the blank. As published: the
    blank's logit is negated, so that its frames tell which characters are near; a softmax at temperature 0.5, which
    sharpens; the mean over time, so that T' may differ from T; and 1e-6 where a logarithm could fail.
    """

    temperature = 0.5
    epsilon = 1e-6

    def __init__(self, reduction: str = "sum_over_batch_size", name: str = "ctc_distillation", **kwargs):
        super().__init__(name=name, reduction=reduction, **kwargs)

    def call(self, y_true, y_pred):
        """Per-sample losses, float (B,)."""
        teacher, student = self._shares(y_true), self._shares(y_pred)
        ratio = (teacher + self.epsilon) / (student + self.epsilon)
        return ops.sum(teacher * ops.log(ratio + self.epsilon), -1)

    def _shares(self, logits):
        """The part of the line that each class has, (B, V)."""
        logits = ops.cast(logits, "float32")
        logits = ops.concatenate([-logits[..., :1], logits[..., 1:]], -1)
        return ops.mean(ops.softmax(logits / self.temperature), 1)


@keras.saving.register_keras_serializable("keras_textrec")
class DecoupledDistillation(keras.losses.Loss):
    """How likely the teacher's guide has the right class, and, twice as heavy, how it ranks all others.

    Zhao et al., "Decoupled Knowledge Distillation" (2022), with alpha 1, beta 2 and temperature 1.

    The targets are a pair: the teacher's logits (B, S, V), and the right class of each step, (B, S), -1 where nothing
    is compared. Predictions are the student's logits (B, S, V). The mean is over the steps up to the longest label's
    end, padding included, as published.
    """

    alpha = 1.0
    beta = 2.0

    def __init__(self, reduction: str = "sum_over_batch_size", name: str = "decoupled_distillation", **kwargs):
        super().__init__(name=name, reduction=reduction, **kwargs)

    def call(self, y_true, y_pred):
        """Per-sample losses, float (B,)."""
        teacher, targets = y_true
        targets = ops.cast(targets, "int32")
        right = ops.arange(y_pred.shape[-1], dtype="int32") == targets[..., None]
        (yes, no, others), (our_yes, our_no, our_others) = (_decoupled(logits, right) for logits in (teacher, y_pred))
        losses = self.alpha * (ops.exp(yes) * (yes - our_yes) + ops.exp(no) * (no - our_no))
        losses = losses + self.beta * ops.sum(ops.exp(others) * (others - our_others), -1)
        compared = ops.cast(targets >= 0, "float32")
        steps = max_over_replicas(ops.max(ops.sum(compared, -1)))
        return ops.sum(losses * compared, -1) / ops.maximum(steps, 1.0)


def _decoupled(logits, right):
    """Log-probabilities: of the right class (B, S), of all others together (B, S), of each among these (B, S, V)."""
    logits = ops.cast(logits, "float32")
    others = ops.where(right, IMPOSSIBLE, logits)
    all_classes, all_others = ops.logsumexp(logits, -1), ops.logsumexp(others, -1)
    among_others = ops.where(right, IMPOSSIBLE, others - all_others[..., None])
    return ops.sum(ops.where(right, logits, 0.0), -1) - all_classes, all_others - all_classes, among_others


class Distillation:
    """A student's lessons: its teacher's outputs, in the step that trains the student, as a part of the loss.

    The teacher is frozen and computes as it reads: no dropout, batch statistics as trained. (Published, its batch
    statistics move on and its dropout is on, for PaddleOCR calls `train()` on teacher and student together: that is no
    longer the network whose accuracy was measured.)

    Classes go by character. What only one of the two can tell apart is not compared: characters that one does not know,
    and upper from lower case where one does not have it. The teacher sees the student's picture, resized where it was
    not trained on that height, in the numbers of its own converter.

    Args:
        student: the recogniser to be trained; `recipe.distill_ctc` and `recipe.distill_guide` are the losses' weights.
        teacher: a trained one, which is frozen (`trainable = False`). Its guide is asked if both have one.

    Raises:
        ValueError: the teacher is no CTC network, is the student, or knows less than half of the student's characters.
    """

    def __init__(self, student: keras.Model, teacher: keras.Model):
        if not isinstance(getattr(teacher, "tokenizer", None), CTCTokenizer):
            raise ValueError(f"A {type(teacher).__name__} cannot teach; a teacher is a CTC network, as the student.")
        if teacher is student:
            raise ValueError("The teacher is the student itself; load it a second time.")
        self.name = teacher.origin or teacher.name
        self.weights = student.recipe.distill_ctc, student.recipe.distill_guide
        self.guided = getattr(student, "guided", False) and getattr(teacher, "guided", False)
        lowercase = student.tokenizer.lowercase or teacher.tokenizer.lowercase
        self.classes = SharedClasses(student.tokenizer, teacher.tokenizer, lowercase)
        self._tell_characters(student.tokenizer)
        if self.guided:
            self.guide_classes = SharedClasses(student.guide_tokenizer, teacher.guide_tokenizer, lowercase)
            self.end_id = student.guide_tokenizer.end_id
        teacher.trainable = False
        self.variables = teacher.variables
        self.network = teacher if self.guided else DirectModel(teacher.inputs[0], teacher.outputs[0])
        self.converters = student.converter, teacher.converter
        self.resized = not _heights(student) <= _heights(teacher)
        rows = f", on pictures of {teacher.converter.height} rows" if self.resized else ""
        logger.info("Taught by %s: CTC%s%s.", self.name, " and guide" if self.guided else "", rows)

    def _tell_characters(self, tokenizer: CTCTokenizer) -> None:
        """Which characters the teacher does not know; a ValueError where these are too many."""
        lacking, total = self.classes.lacking, len(tokenizer.charset)
        shown = "".join(lacking[:40]) + ("…" if len(lacking) > 40 else "")
        if len(lacking) > (1 - LEAST_SHARED) * total:
            raise ValueError(
                f"{self.name} cannot teach: of the student's {total} characters it does not know {len(lacking)}, which "
                f"is more than half of them: {shown}"
            )
        if lacking:
            logger.warning(
                "%s does not know %d of the %d characters; these are learnt from the labels alone: %s",
                *(self.name, len(lacking), total, shown),
            )

    def __call__(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The teacher's part of the loss, a scalar; the arguments are those of `keras.Model.compute_loss`."""
        image, *tokens = keras.tree.flatten(x)
        picture = _converted(image, *self.converters, self.resized)
        if self.guided:
            picture = {"image": picture, "tokens": self.guide_classes.tokens(tokens[0])}
        taught = [ops.stop_gradient(logits) for logits in keras.tree.flatten(self.network(picture, training=False))]
        learnt = keras.tree.flatten(y_pred)
        loss = CTCDistillation()(*self.classes(taught[0], learnt[0], CTCDistillation.temperature), sample_weight)
        loss = self.weights[0] * loss
        if self.guided:
            _, labels = keras.tree.flatten(y)
            targets = targets_at_steps(labels, learnt[1].shape[1], self.end_id, padding=True)
            targets = self.guide_classes.places(targets)
            taught, learnt = self.guide_classes(taught[1], learnt[1])
            loss = loss + self.weights[1] * DecoupledDistillation()((taught, targets), learnt, sample_weight)
        return loss


class SharedClasses:
    """The classes that student and teacher both tell apart: one of each character, and the special ones.

    Args:
        lowercase: upper case counts as lower.

    Attributes:
        lacking: the student's characters that the teacher does not know.
    """

    def __init__(self, student: Tokenizer, teacher: Tokenizer, lowercase: bool):
        ours, theirs = _meanings(student, lowercase), _meanings(teacher, lowercase)
        shared = [meaning for meaning in ours if meaning in theirs]
        self.lacking = [meaning for meaning in ours if isinstance(meaning, str) and meaning not in theirs]
        self._theirs, self._ours = ([classes[meaning] for meaning in shared] for classes in (theirs, ours))
        # Of each class of the student: its place among the shared ones, and the teacher's class.
        self._places = np.full(student.vocabulary_size, -1, "int32")
        self._tokens = np.full(student.vocabulary_size, 1, "int32")  # of a guide, 1 is an unknown character
        for place, (id, *_) in enumerate(self._theirs):
            self._places[self._ours[place]] = place
            self._tokens[self._ours[place]] = id

    def __call__(self, teacher: Any, student: Any, temperature: float = 1.0) -> tuple[Any, Any]:
        """Logits (B, T, V) of both, over the shared classes alone; several that count as one, at this temperature."""
        return _pooled(teacher, self._theirs, temperature), _pooled(student, self._ours, temperature)

    def places(self, ids: Any) -> Any:
        """The student's ids, int32, -1 for none, as places among the shared classes, -1 where there is none."""
        return ops.where(ids >= 0, ops.take(ops.convert_to_tensor(self._places), ops.maximum(ids, 0)), -1)

    def tokens(self, tokens: Any) -> Any:
        """What a decoder sees, int32 (B, S), in the teacher's ids."""
        return ops.take(ops.convert_to_tensor(self._tokens), ops.maximum(tokens, 0))


def _meanings(tokenizer: Tokenizer, lowercase: bool) -> dict[str | int, list[int]]:
    """What classes stand for, and which these are: characters; special symbols by their distance from either end."""
    meanings: dict[str | int, list[int]] = {}
    characters = dict(enumerate(tokenizer.charset, start=tokenizer.first_id))
    for id in range(tokenizer.vocabulary_size):
        meaning = id if id < tokenizer.first_id else id - tokenizer.vocabulary_size
        if id in characters:
            meaning = unicodedata.normalize("NFC", characters[id].lower() if lowercase else characters[id])
        meanings.setdefault(meaning, []).append(id)
    return meanings


def _pooled(logits: Any, classes: Sequence[Sequence[int]], temperature: float) -> Any:
    """Logits (B, T, V) as (B, T, len(classes)), each of one class or of several together."""
    most = max(map(len, classes))
    if most == 1 and [id for (id,) in classes] == list(range(logits.shape[-1])):
        return logits
    columns = []
    for i in range(most):
        ids = np.array([group[i] if i < len(group) else -1 for group in classes], "int32")
        missing = np.where(ids < 0, IMPOSSIBLE, 0.0).astype("float32")
        columns.append(ops.take(logits, ops.convert_to_tensor(np.maximum(ids, 0)), -1) + ops.convert_to_tensor(missing))
    return columns[0] if most == 1 else temperature * ops.logsumexp(ops.stack(columns) / temperature, 0)


def _heights(model: keras.Model) -> set[int]:
    """The heights of the pictures that a recogniser is trained on."""
    return {height for height, _ in model.recipe.canvases or []} or {model.converter.height}


def _converted(image: Any, student: ImageConverter, teacher: ImageConverter, resized: bool) -> Any:
    """Network input (B, H, W, 3) of the student as the teacher takes it: its height, channels, mean and deviation."""
    mean, std = (np.broadcast_to(np.float32(value), 3) for value in (student.mean, student.std))
    if student.channel_order != teacher.channel_order:
        image, mean, std = ops.flip(image, -1), mean[::-1], std[::-1]
    scale, shift = std / np.float32(teacher.std), (mean - np.float32(teacher.mean)) / np.float32(teacher.std)
    if np.any(scale != 1) or np.any(shift != 0):
        image = image * ops.convert_to_tensor(scale) + ops.convert_to_tensor(shift)
    if resized:
        _, height, width, _ = ops.shape(image)
        image = ops.image.resize(image, (teacher.height, width * teacher.height // height), data_format="channels_last")
    return image
