"""Confidence that can be believed: how often a text is right whose characters a network is so sure of."""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from keras_textrec.reading.stream import Outcome
from keras_textrec.text import Reading

LEAST = 1e-6  # what a probability and its complement count as at least: float32 rounds what is surer to 1


@dataclasses.dataclass(frozen=True)
class Calibration:
    """The probability that a whole text is right, by the product p of its characters' confidences.

    It is sigmoid(intercept + slope * logit(p)), a logistic map as Platt's; 1 / slope is a temperature
    (https://arxiv.org/abs/1706.04599). It rises with every character's confidence. The number of characters beside them
    does not make it better: the product knows it.
    """

    intercept: float
    slope: float

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """The calibration that a preset or a file keeps: a mapping with `intercept` and `slope`; it may tell more.

        Raises:
            ValueError: it is none.
        """
        try:
            return cls(float(values["intercept"]), float(values["slope"]))
        except (KeyError, TypeError, ValueError) as error:
            message = f"A calibration has numbers 'intercept' and 'slope', not {values!r}; calibrate the preset again."
            raise ValueError(message) from error

    @classmethod
    def fit(cls, products: np.ndarray, right: np.ndarray) -> Self:
        """The most likely calibration of N texts, where one that changes nothing is what to expect before.

        Newton's method; the normal prior of deviation 1 around (0, 1) counts little against a hundred words, and keeps
        the numbers finite where the product tells all right texts from all wrong ones.

        Args:
            products: (N,), of the characters' confidences; right: bool (N,).

        Raises:
            ValueError: the surer the network, the less often it is right.
        """
        logits = _logit(products)
        inputs = np.stack([np.ones_like(logits), logits], -1)
        prior = np.array([0.0, 1.0])

        def loss(weights: np.ndarray) -> float:
            values = inputs @ weights
            return np.logaddexp(0, values).sum() - values[right].sum() + ((weights - prior) ** 2).sum() / 2

        weights = prior
        for _ in range(100):
            expected = _sigmoid(inputs @ weights)
            gradient = inputs.T @ (expected - right) + weights - prior
            curvature = (inputs.T * (expected * (1 - expected))) @ inputs + np.eye(2)
            step = np.linalg.solve(curvature, gradient)
            while loss(weights - step) > loss(weights) and np.abs(step).max() > 1e-9:
                step = step / 2
            if np.abs(step).max() <= 1e-9:
                break
            weights = weights - step
        if weights[1] <= 0:
            raise ValueError("The network is no surer of right texts than of wrong ones; nothing can be fitted.")
        return cls(*weights.tolist())

    def apply(self, products: np.ndarray) -> np.ndarray:
        """The probabilities that texts are right, float64 (N,), by the products of their characters' confidences."""
        return _sigmoid(self.intercept + self.slope * _logit(products))

    def __call__(self, reading: Reading) -> Reading:
        """A reading with the probability that its text is right for its confidence; one of nothing keeps its 0.0."""
        if not reading.characters:
            return reading
        product = math.prod(character.confidence for character in reading.characters)
        return dataclasses.replace(reading, confidence=float(self.apply(np.array(product))))


def calibrated(
    outcomes: Iterator[tuple[int, Outcome]], calibration: Calibration | None
) -> Iterator[tuple[int, Outcome]]:
    """What `read_stream` yields, with calibrated confidences where there is a calibration."""
    if calibration is None:
        return outcomes
    return (
        (position, calibration(outcome) if isinstance(outcome, Reading) else outcome) for position, outcome in outcomes
    )


def _logit(probabilities: np.ndarray) -> np.ndarray:
    probabilities = np.clip(np.asarray(probabilities, "float64"), LEAST, 1 - LEAST)
    return np.log(probabilities) - np.log1p(-probabilities)


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -values))
