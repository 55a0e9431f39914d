"""The learning rate over a training run."""

import math
from typing import Any

import keras
from keras import ops


def make_schedule(recipe: Any, total_steps: int | None) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """A `Recipe`'s learning rate for a run of `total_steps`; where nobody says how many, it stays after warm-up."""
    schedules = keras.optimizers.schedules
    rate, warmup = recipe.learning_rate, recipe.warmup_for(total_steps)
    if total_steps and recipe.schedule == "one_cycle":
        return OneCycle(rate, warmup, total_steps)
    if total_steps and recipe.schedule in ("cosine", "paddle_cosine"):
        return schedules.CosineDecay(
            0.0 if warmup else rate,
            max(1, total_steps - (warmup if recipe.schedule == "cosine" else 0)),
            alpha=recipe.min_learning_rate / rate if recipe.min_learning_rate else 0.0,
            warmup_target=rate if warmup else None,
            warmup_steps=warmup,
        )
    if total_steps and recipe.schedule == "piecewise":
        # Keras' last step of a piece is the boundary itself.
        boundaries = [round(total_steps * epoch / recipe.epochs) - 1 for epoch in recipe.decay_epochs]
        return schedules.PiecewiseConstantDecay(
            boundaries, [rate * recipe.decay_factor**i for i in range(len(boundaries) + 1)]
        )
    return schedules.PolynomialDecay(0.0, warmup, end_learning_rate=rate) if warmup else rate


@keras.saving.register_keras_serializable("keras_textrec")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """PyTorch's `OneCycleLR`, which PARSeq and OpenOCR train by: half a cosine up to the highest rate, half a one down.

    Smith and Topin, "Super-Convergence" (2017). It begins at a 25th of the highest rate, and ends, at the last step,
    at a 10,000th of what it began with.

    Args:
        highest: the highest rate, at step `warmup_steps` - 1.
        warmup_steps: of rise.
        total_steps: of the run.
    """

    def __init__(self, highest: float, warmup_steps: int, total_steps: int, name: str = "one_cycle"):
        self.highest = highest
        self.warmup_steps = warmup_steps
        self.total_steps = total_steps
        self.name = name

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32")
        peak, last = max(1, self.warmup_steps - 1), max(2, self.total_steps - 1)
        first, end = self.highest / 25, self.highest / 25 / 1e4
        up = _half_cosine(first, self.highest, step / peak)
        down = _half_cosine(self.highest, end, (step - peak) / max(1, last - peak))
        return ops.where(step <= peak, up, down)

    def get_config(self) -> dict[str, Any]:
        names = ("highest", "warmup_steps", "total_steps", "name")
        return {name: getattr(self, name) for name in names}


def _half_cosine(start: float, end: float, share: Any) -> Any:
    return end + (start - end) / 2 * (1 + ops.cos(math.pi * ops.clip(share, 0.0, 1.0)))
