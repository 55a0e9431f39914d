"""Short trainings that find something out and leave the model as it was."""

import dataclasses
import itertools
import math
import pathlib
import time
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_textrec.data.mixing import Subset
from keras_textrec.data.sources import Source, check_source
from keras_textrec.images.load import decode
from keras_textrec.system.whole_files import whole_file

WORDS, BATCH, SECONDS = 64, 16, 100  # of `can_learn`; two minutes with what goes before and after
_BY_HEART = 0.9  # the part of the words that tells that they were learnt
_BEGUN = 0.3  # how far 1-NED must have risen to tell that something was; rubbish changes by half of that
_MANY_STEPS = 500  # after which new weights have left CTC's plateau, as a rule

_SMOOTHING = 0.9  # of the losses of `find_learning_rate`
_FIRST = 10  # steps, at rates that change nothing yet: what they tell is the loss before training, and its scatter
_EXPLODED = 4  # times the lowest loss, or that of the first steps where none is clearly lower: the end
_CLEAR = 0.5  # of the loss of the first steps; batches of a trained network differ by less than that, in the mean
_BELOW = 10  # the suggested rate is this many times below that of the lowest loss


@dataclasses.dataclass(frozen=True)
class Overfit:
    """What came of learning a few words by heart.

    Attributes:
        words, steps, seconds: how many, of 16 images each, and how long it took.
        loss: mean of the first pass over the words and of the last.
        exact, similarity: words right as they stand, and 1-NED, on these words, before and after: 0 to 1. As they are
            read, not as they are trained on.
    """

    words: int
    steps: int
    seconds: float
    loss: tuple[float, float]
    exact: tuple[float, float]
    similarity: tuple[float, float]

    @property
    def learnt(self) -> bool:
        return self.exact[1] >= _BY_HEART

    def __str__(self) -> str:
        facts = (
            f"{round(self.words * self.exact[1])} of {self.words} words are read right after {self.steps} steps "
            f"({round(self.words * self.exact[0])} before; loss {self.loss[0]:.3g}, then {self.loss[1]:.3g}; "
            f"{self.seconds:.0f} s)"
        )
        if self.learnt:
            return f"This run can learn: {facts}."
        if self.similarity[1] - self.similarity[0] >= _BEGUN:
            return f"This run can learn, and needs more time than this check: {facts}."
        if self.steps < _MANY_STEPS:
            return (
                f"Not known: {facts}. New weights often need {_MANY_STEPS} steps before they read anything; this "
                "machine takes too long for so many. Look at a smaller network or trained weights (--pretrained)."
            )
        return (
            f"This run learns nothing: {facts}. Look at the learning rate (--find-lr), at images beside their labels "
            "(inspect-data --preview), and at the width of the canvas: long labels need time steps "
            "(training.canvases, model.converter.width)."
        )


def can_learn(model: keras.Model, training: Source, seconds: float = SECONDS, words: int = WORDS) -> Overfit:
    """Has a model learn a few words of a training set by heart, which every sound training can.

    Without augmentation, at the recipe's learning rate, until it reads them or the time is over. The model stays as it
    was.

    Args:
        model: a `TextRecognizer`.
        training: labelled images.
        seconds: the most time of the training itself.
        words: how many; fewer where the source has fewer that can be used.

    Raises:
        ValueError: no record can be used.
    """
    check_source(training)
    chosen = Subset(training, _usable(model, training, words))
    evaluation = model.evaluation_data(chosen, BATCH)
    model = model.remade()  # a copy
    model.compile(model.recipe.make_optimizer(model, rate=model.recipe.learning_rate))
    before = model.evaluate(evaluation, verbose=0, return_dict=True)
    losses, started = [], time.monotonic()
    one_pass = math.ceil(len(chosen) / BATCH)
    for batch in _endless(model.training_data(chosen, BATCH, augment=False)):
        losses.append(_step(model, *batch))
        enough = len(losses) % (4 * one_pass) == 0
        late = time.monotonic() - started > seconds
        if late or enough:
            after = model.evaluate(evaluation, verbose=0, return_dict=True)
            if late or not math.isfinite(losses[-1]) or _metric(after, "exact") >= _BY_HEART:
                break
    return Overfit(
        len(chosen),
        len(losses),
        time.monotonic() - started,
        (float(np.mean(losses[:one_pass])), float(np.mean(losses[-one_pass:]))),
        *((_metric(before, name), _metric(after, name)) for name in ("exact", "similarity")),
    )


@dataclasses.dataclass(frozen=True)
class LearningRates:
    """A learning-rate range test (Smith, "Cyclical Learning Rates for Training Neural Networks", 2015).

    Attributes:
        rates: float (N,), of each step, rising by a factor.
        losses: float (N,), of each step's batch.
    """

    rates: np.ndarray
    losses: np.ndarray

    @property
    def smoothed(self) -> np.ndarray:
        """The losses' moving mean, float (N,)."""
        mean, means = 0.0, []
        for step, loss in enumerate(self.losses.tolist(), 1):
            mean = _SMOOTHING * mean + (1 - _SMOOTHING) * loss
            means.append(mean / (1 - _SMOOTHING**step))
        return np.array(means)

    @property
    def suggested(self) -> float:
        """A tenth of the rate at which the smoothed loss is lowest; the first steps are not looked at."""
        return float(self.rates[self._lowest] / _BELOW)

    @property
    def clear(self) -> bool:
        """Whether a rate lowered the loss by half. Else, as with weights that read, what is suggested is chance."""
        return bool(self.smoothed[self._lowest] < _CLEAR * self.losses[:_FIRST].mean())

    @property
    def exploded(self) -> bool:
        """Whether the loss has risen so far that higher rates need not be tried."""
        before = self.smoothed[self._lowest] if self.clear else self.losses[:_FIRST].mean()
        return bool(self.smoothed[-1] > _EXPLODED * before)

    @property
    def _lowest(self) -> int:
        first = min(_FIRST, len(self.losses) - 1)
        return first + int(np.argmin(self.smoothed[first:]))

    def draw(self, path: str | pathlib.Path) -> None:
        """A PNG of the loss over the rate. ImportError: Matplotlib is not installed."""
        try:
            from matplotlib.figure import Figure
        except ModuleNotFoundError as error:
            raise ImportError('The plot needs Matplotlib: pip install "keras-textrec[reports]".') from error
        figure = Figure(figsize=(6, 4), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(self.rates, self.losses, alpha=0.3, label="loss")
        axes.plot(self.rates, self.smoothed, label="smoothed")
        axes.axvline(self.suggested, linestyle="--", color="grey", label=f"suggested: {self.suggested:.2g}")
        axes.set(xscale="log", xlabel="learning rate", ylim=(0, 2 * float(self.smoothed[0])))
        axes.legend()
        with whole_file(pathlib.Path(path)) as file:
            figure.savefig(file, format="png", dpi=100)


def find_learning_rate(
    model: keras.Model, training: Source, lowest: float = 1e-6, highest: float = 1.0, steps: int = 100
) -> LearningRates:
    """Trains with a rate that rises from step to step, until the loss explodes. The model stays as it was.

    Args:
        model: a `TextRecognizer`; its recipe has the batch size, the augmentation and the optimizer.
        training: labelled images.
        lowest, highest: the first rate and the last.
        steps: how many at most.
    """
    rates = np.geomspace(lowest, highest, steps)
    losses: list[float] = []
    model = model.remade()  # a copy
    schedule = keras.optimizers.schedules.ExponentialDecay(lowest, steps - 1, highest / lowest)
    model.compile(model.recipe.make_optimizer(model, rate=schedule))
    for batch in itertools.islice(_endless(model.training_data(training)), steps):
        loss = _step(model, *batch)
        if not math.isfinite(loss):
            break
        losses.append(loss)
        if LearningRates(rates[: len(losses)], np.array(losses)).exploded:
            break
    if not losses:
        raise ValueError("The loss is no number at the first step: look at the data by `keras-textrec inspect-data`.")
    return LearningRates(rates[: len(losses)], np.array(losses))


def _endless(data: Any) -> Iterator[Any]:
    while True:
        yield from data


def _step(model: keras.Model, x: Any, y: Any, weight: Any = None) -> float:
    """Trains on one batch; its loss."""
    model.reset_metrics()  # which Keras would take the mean over
    return float(model.train_on_batch(x, y, sample_weight=weight, return_dict=True)["loss"])


def _metric(values: dict[str, float], name: str) -> float:
    """A metric of a network with one output or, as "ctc_exact", of a guided one."""
    return float(values[name] if name in values else values[f"ctc_{name}"])


def _usable(model: keras.Model, source: Source, count: int) -> np.ndarray:
    """The positions of the first records that can be trained on."""
    length, steps = model.label_limits()
    found = []
    for position in range(len(source)):
        try:
            image, text = source[position]
            decode(image)
            if not model.tokenizer.check([text], length, steps).usable:
                continue
        except (ValueError, OSError):
            continue
        found.append(position)
        if len(found) == count:
            break
    if not found:
        raise ValueError("No record can be used: look at them by `keras-textrec inspect-data`.")
    return np.array(found)
