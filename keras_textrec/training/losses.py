"""Losses of text recognisers and of the text detector."""

import keras
from keras import ops

from keras_textrec.layers.replicas import max_over_replicas, mean_over_replicas, torch_processes

LARGE_VOCABULARY = 1000  # From about here on, gathering a label's classes costs less than it saves.
EPSILON = 1e-6


def only_label_classes(labels, valid, logits):
    """The same CTC problem over the few classes of each sample's own label: 6 times faster at 6,625 classes.

    A path of CTC visits only the blank and the label's classes, and its probability is the product of its softmax
    values. A softmax over those classes alone differs by one factor per frame, the same for all paths.

    Args:
        labels: int32 (B, M), 0 where not valid.
        valid: bool (B, M).
        logits: float (B, T, V).

    Returns:
        labels: int32 (B, M), each id the place of the label's character among the M.
        logits: float (B, T, M + 1), the blank first.
        rest: float (B,), to be added to the loss.
    """
    same = ops.cast(labels[:, :, None] == labels[:, None, :], "int32")
    first = ops.cast(ops.argmax(same, -1), "int32")
    used = valid & (first == ops.arange(labels.shape[1], dtype="int32")[None])  # A repeated character is one class.
    logits = ops.cast(logits, "float32")
    classes = ops.pad(labels, [[0, 0], [1, 0]])
    few = ops.take_along_axis(logits, classes[:, None, :], 2)
    few = ops.where(ops.pad(used, [[0, 0], [1, 0]], constant_values=True)[:, None, :], few, -1e5)
    rest = ops.sum(ops.logsumexp(logits, -1) - ops.logsumexp(few, -1), -1)
    return first + 1, few, rest


@keras.saving.register_keras_serializable("keras_textrec")
class CTCLoss(keras.losses.Loss):
    """Connectionist temporal classification with explicit label lengths, averaged over the batch.

    The labels are integers (B, M) padded with -1; the predictions are logits (B, T, V), class 0 the blank. The mean is
    over all samples, as PaddleOCR's is, not over characters. A label that does not fit into T steps (one per character
    and one between two equal ones) contributes 0 and no gradient, on every backend; the backends alone give infinity
    and NaN (torch) or large finite numbers (JAX, TensorFlow). An empty label asks for blanks everywhere.

    Args:
        focal: weigh each sample by (1 - exp(-loss))^2, PaddleOCR's `use_focal_loss`.
        reduction: as in `keras.losses.Loss`.
        name: the loss' name.
    """

    def __init__(self, focal: bool = False, reduction: str = "sum_over_batch_size", name: str = "ctc", **kwargs):
        super().__init__(name=name, reduction=reduction, **kwargs)
        self.focal = focal

    def call(self, y_true, y_pred):
        """Per-sample losses, float (B,)."""
        labels = ops.cast(y_true, "int32")
        time_steps = ops.shape(y_pred)[1]
        valid = labels >= 0
        length = ops.sum(ops.cast(valid, "int32"), -1)
        repeats = ops.sum(ops.cast((labels[:, 1:] == labels[:, :-1]) & valid[:, 1:], "int32"), -1)
        fits = length + repeats <= time_steps
        # Masking the result alone would leave NaN gradients behind it (0 * NaN): the backend must not see such a label.
        length = ops.where(fits, length, 0)
        labels = ops.where(valid, labels, 0)
        rest = 0.0
        if y_pred.shape[-1] > LARGE_VOCABULARY:
            labels, y_pred, rest = only_label_classes(labels, valid, y_pred)
        labels, y_pred = _of_any_length(labels), _of_any_length(y_pred)
        losses = ops.ctc_loss(labels, y_pred, length, ops.full_like(length, time_steps), mask_index=0) + rest
        losses = ops.where(fits, losses, 0.0)
        if self.focal:
            losses = losses * ops.square(1.0 - ops.exp(-losses))
        return losses

    def get_config(self) -> dict:
        return {**super().get_config(), "focal": self.focal}


@keras.saving.register_keras_serializable("keras_textrec")
class SequenceLoss(keras.losses.Loss):
    """Cross entropy for decoders that write one character a step: the mean over the characters and ends of the batch.

    Labels (B, M) are the characters' ids padded with -1; predictions are logits (B, S, V). Step t is to write character
    t, the step after the last one the end. Padding asks for nothing, so the size of the loss depends neither on the
    batch nor on the number of steps.

    Args:
        end_id: the class of the end, the tokenizer's `end_id`.
        label_smoothing: the probability that the target shares out among all other classes.
        padding: whether the steps after a text's end, up to that of the batch's longest text, are to write padding,
            class 0: PaddleOCR's `DistillationNRTRLoss`, of distilled students.
        reduction: as in `keras.losses.Loss`.
        name: the loss' name.
    """

    def __init__(
        self,
        end_id: int,
        label_smoothing: float = 0.0,
        padding: bool = False,
        reduction: str = "sum_over_batch_size",
        name: str = "sequence",
        **kwargs,
    ):
        super().__init__(name=name, reduction=reduction, **kwargs)
        self.end_id = end_id
        self.label_smoothing = label_smoothing
        self.padding = padding

    def call(self, y_true, y_pred):
        """Per-sample losses, float (B,), scaled so that their mean is that over the batch's characters and ends: the
        published losses weigh every character alike, whatever the length of its word. A row of -1 alone (a dropped
        label) asks for nothing."""
        targets = targets_at_steps(y_true, y_pred.shape[1], self.end_id, self.padding)
        asked = ops.cast(targets >= 0, "float32")
        losses = _cross_entropy(ops.maximum(targets, 0), y_pred, self.label_smoothing)
        losses = ops.sum(losses * asked, -1)
        asked = mean_over_replicas(ops.sum(asked))
        return losses * (ops.cast(ops.size(losses), "float32") / ops.maximum(asked, 1.0))

    def get_config(self) -> dict:
        own = {"end_id": self.end_id, "label_smoothing": self.label_smoothing, "padding": self.padding}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("keras_textrec")
class FreeRunningLoss(keras.losses.Loss):
    """PaddleOCR's cross entropy for RARE, which goes with its training without teacher forcing.

    Labels (B, M) are `AttentionTokenizer`'s ids padded with -1; predictions are logits (B, S, V), the end the last
    class. The targets are not shifted: the first step is to write the start (0), step t character t - 1, and all steps
    after the end the padding, which is class 0 as well. It sums over the batch and all S steps: so there is room for
    S - 2 characters at most, the learning rate depends on the batch size, and three quarters of the loss are padding.

    Args:
        reduction: as in `keras.losses.Loss`; published is the sum.
        name: the loss' name.
    """

    def __init__(self, reduction: str = "sum", name: str = "free_running", **kwargs):
        super().__init__(name=name, reduction=reduction, **kwargs)

    def call(self, y_true, y_pred):
        """Per-sample losses, float (B,)."""
        targets, length = _at_steps(y_true, y_pred.shape[1])
        targets = ops.maximum(ops.pad(targets[:, :-1], [[0, 0], [1, 0]]), 0)
        end_id = y_pred.shape[-1] - 1
        targets = ops.where(ops.arange(y_pred.shape[1], dtype="int32")[None] == length + 1, end_id, targets)
        losses = ops.sum(_cross_entropy(targets, y_pred), -1)
        # PyTorch's processes take the mean of their gradients, which is to be that of the sum over the whole batch.
        return losses * torch_processes() if self.reduction == "sum" else losses


def _of_any_length(x):
    """The same (B, T, ...), of whose T TensorFlow's graphs know nothing.

    Its CTC loss keeps one function for all graphs of a process; shapes of the first that another graph does not share
    end in an error of its optimizer on the screen.
    """
    if keras.backend.backend() != "tensorflow":
        return x
    import tensorflow as tf

    return tf.raw_ops.PlaceholderWithDefault(input=x, shape=(x.shape[0], None, *x.shape[2:]))


def targets_at_steps(y_true, steps: int, end_id: int, padding: bool = False):
    """The class that each step is to write, int32 (B, steps): a text's characters and its end, then -1: nothing.

    Args:
        y_true: the characters' ids (B, M), padded with -1. A row of -1 alone asks for nothing at all.
        padding: class 0 follows, up to the end of the batch's longest text.
    """
    targets, length = _at_steps(y_true, steps)
    step = ops.arange(steps, dtype="int32")[None]
    targets = ops.where(step == length, end_id, targets)
    if padding:
        targets = ops.where((step > length) & (step <= max_over_replicas(ops.max(length))), 0, targets)
    return ops.where(length > 0, targets, -1)


def _at_steps(y_true, steps: int):
    """Labels cut or padded to int32 (B, steps), -1 where nothing stands, and their lengths (B, 1)."""
    labels = ops.cast(y_true, "int32")
    length = ops.sum(ops.cast(labels >= 0, "int32"), -1, keepdims=True)
    missing = max(0, steps - labels.shape[1])
    return ops.pad(labels, [[0, 0], [0, missing]], constant_values=-1)[:, :steps], length


def _cross_entropy(targets, logits, label_smoothing: float = 0.0):
    """float (B, S) for targets int32 (B, S) and logits (B, S, V)."""
    logits = ops.cast(logits, "float32")
    losses = ops.sparse_categorical_crossentropy(targets, logits, from_logits=True)
    if label_smoothing:
        classes = logits.shape[-1]
        others = classes * ops.logsumexp(logits, -1) - ops.sum(logits, -1) - losses
        losses = (1 - label_smoothing) * losses + label_smoothing / (classes - 1) * others
    return losses


@keras.saving.register_keras_serializable("keras_textrec")
class DBLoss(keras.losses.Loss):
    """What trains a detector by differentiable binarization (Liao et al., 2020): one number for a batch.

    `weight` * balanced cross entropy of the probabilities, plus `threshold_weight` * the mean absolute error of the
    thresholds, plus the Dice loss of the words cut out softly. The cross entropy is the mean over all cells of words'
    cores and `negatives` times as many others, those that the network gets wrong most.

    Processes of PyTorch and replicas of TensorFlow that share a batch choose the others each from its own photographs.

    Targets are float32 (B, H, W, 2), of which `keras_textrec.images.maps.draw_maps` says what they are; predictions
    the maps of a detector, float32 (B, H, W, 3), from 0 to 1.

    Args:
        weight, threshold_weight, negatives: 5, 10 and 3 are PaddleOCR's, whose configurations have a Dice loss in place
            of the cross entropy; the paper has 1, 10 and 3.
        reduction: as in `keras.losses.Loss`; there is nothing left to reduce.
        name: the loss' name.
    """

    def __init__(
        self,
        weight: float = 5.0,
        threshold_weight: float = 10.0,
        negatives: float = 3.0,
        reduction: str = "sum_over_batch_size",
        name: str = "db",
        **kwargs,
    ):
        super().__init__(name=name, reduction=reduction, **kwargs)
        self.weight = weight
        self.threshold_weight = threshold_weight
        self.negatives = negatives

    def call(self, y_true, y_pred):
        """The loss, float ()."""
        core, wanted = (ops.cast(y_true[..., channel], "float32") for channel in (0, 1))
        probability, threshold, binary = (ops.cast(y_pred[..., channel], "float32") for channel in range(3))
        asked = ops.cast(core >= 0, "float32")
        core = ops.maximum(core, 0.0)
        bordered = ops.cast(wanted > 0, "float32")
        error = ops.sum(ops.abs(threshold - wanted) * bordered) / (ops.sum(bordered) + EPSILON)
        common = ops.sum(binary * core * asked)
        dice = 1.0 - 2.0 * common / (ops.sum(binary * asked) + ops.sum(core * asked) + EPSILON)
        return self.weight * self._balanced(core, asked, probability) + self.threshold_weight * error + dice

    def _balanced(self, core, asked, probability):
        probability = ops.clip(probability, 1e-6, 1.0 - 1e-6)
        entropy = -(core * ops.log(probability) + (1.0 - core) * ops.log(1.0 - probability)) * asked
        positive, negative = core * asked, (1.0 - core) * asked
        count = ops.sum(positive)
        most = ops.minimum(ops.floor(self.negatives * count), ops.sum(negative))
        hardest = -ops.sort(-ops.reshape(entropy * negative, (-1,)))
        place = ops.arange(ops.size(hardest), dtype="float32")
        chosen = ops.where(place < most, hardest, 0.0)
        return (ops.sum(entropy * positive) + ops.sum(chosen)) / (count + most + EPSILON)

    def get_config(self) -> dict:
        own = {"weight": self.weight, "threshold_weight": self.threshold_weight, "negatives": self.negatives}
        return {**super().get_config(), **own}
