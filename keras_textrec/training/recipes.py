"""A training recipe: every number of a training run that is not the network or the data."""

import contextlib
import dataclasses
import logging
from typing import Any

import keras

from keras_textrec.data.augment import augmentation
from keras_textrec.images.converter import ImageConverter
from keras_textrec.system.terminal import near_names

logger = logging.getLogger(__name__)

SCHEDULES = ("constant", "cosine", "paddle_cosine", "piecewise")
OPTIMIZER_NAME = "of_the_recipe"


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The `training` section of a preset.

    Attributes:
        optimizer: "adam" or "adamw".
        learning_rate: the highest learning rate.
        schedule: "constant"; "cosine", down to zero at the end of the run; "paddle_cosine", PaddleOCR's, which reaches
            zero as many steps after the end as the warm-up takes; "piecewise", times `decay_factor` after each of
            `decay_epochs`.
        warmup_steps, warmup_epochs: of linear rise from zero to `learning_rate`; one of the two. Where
            `warmup_steps` would take more than half of a run, they are a tenth of it.
        decay_epochs, decay_factor: of "piecewise".
        beta_2: of the optimizer's running mean of squared gradients.
        weight_decay: AdamW's decoupled decay; biases and normalisation scales are left out.
        l2: added to every gradient, times its variable (PaddleOCR's `regularizer`), not halved; of "adam" only.
        clip_norm: the largest global norm of a gradient; None leaves gradients alone.
        batch_size: images a step.
        epochs: how many epochs.
        steps_per_epoch: steps that make an epoch; None is one pass over the data.
        max_length: columns of the label array; longer labels follow the tokenizer's policy.
        augment: "recaug" (PaddleOCR's), "randaugment" (PARSeq's), "rotation", several joined by "+", or None.
        canvases: [height, width] of each canvas that images of like shape share; None is the converter's for all.
        freeze: parts that stay as they are ("backbone", or of layers' names: `keras_textrec.training.freezing`).
        distill_ctc, distill_guide: the weights of what a teacher adds to the loss, where one is given
            (`training.distillation`); PaddleOCR's.
        dtype: the Keras dtype policy of training ("float32", "mixed_bfloat16", ...). "auto" is mixed_bfloat16 where the
            GPU, TPU or processor multiplies bfloat16, and float32 elsewhere, where that is slow.
        seed: of the weights, of the order of the images and of their augmentation.

    Raises:
        ValueError: a value of another type, or out of range.
    """

    optimizer: str = "adamw"
    learning_rate: float = 5e-4
    schedule: str = "cosine"
    warmup_steps: int = 0
    warmup_epochs: int = 0
    decay_epochs: list | None = None
    decay_factor: float = 0.1
    beta_2: float = 0.999
    weight_decay: float = 0.0
    l2: float = 0.0
    clip_norm: float | None = None
    batch_size: int = 256
    epochs: int = 1
    steps_per_epoch: int | None = None
    max_length: int = 25
    augment: str | None = None
    canvases: list | None = None
    freeze: list | None = None
    distill_ctc: float = 1.0
    distill_guide: float = 0.1
    dtype: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type in (float, float | None) and isinstance(value, int | str):
                with contextlib.suppress(ValueError):
                    value = float(value)  # YAML takes 1e-3 for a string, and 1 for an integer
                object.__setattr__(self, field.name, value)
            if not isinstance(value, field.type):
                wanted = getattr(field.type, "__name__", field.type)
                raise ValueError(f"training.{field.name} must be {wanted}, not {value!r}.")
        for name in ("batch_size", "epochs", "steps_per_epoch", "max_length"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ValueError(f"training.{name} must be at least 1, not {getattr(self, name)}.")
        if self.optimizer not in ("adam", "adamw"):
            raise ValueError(f"training.optimizer must be 'adam' or 'adamw', not {self.optimizer!r}.")
        if self.schedule not in SCHEDULES:
            raise ValueError(f"training.schedule must be one of {SCHEDULES}, not {self.schedule!r}.")
        if self.l2 and self.optimizer != "adam":
            raise ValueError(f"training.l2 is for the optimizer 'adam', not {self.optimizer!r}.")
        if (self.schedule == "piecewise") != bool(self.decay_epochs):
            raise ValueError("training.decay_epochs is what the schedule 'piecewise' needs, and no other.")
        if any(not isinstance(epoch, int) for epoch in self.decay_epochs or []):
            raise ValueError(f"training.decay_epochs must be a list of whole numbers, not {self.decay_epochs}.")
        if self.augment is not None:
            augmentation(self.augment)
        for canvas in self.canvases or []:
            if not isinstance(canvas, list) or [isinstance(side, int) and side > 0 for side in canvas] != [True, True]:
                raise ValueError(f"training.canvases must be a list of [height, width], not {self.canvases}.")
        if any(not isinstance(part, str) for part in self.freeze or []):
            raise ValueError(f"training.freeze must be a list of names, not {self.freeze}.")
        if self.warmup_steps and self.warmup_epochs:
            raise ValueError("training.warmup_steps and training.warmup_epochs say the same; give one of them.")

    @classmethod
    def from_dict(cls, values: dict) -> "Recipe":
        """A recipe from the `training` section of a preset.

        Raises:
            ValueError: a key that no recipe has; the nearest one is named.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        for key in values:
            if key not in known:
                raise ValueError(f"training.{key} is no key of a recipe; {near_names(key, known)}")
        return cls(**values)

    def to_dict(self) -> dict:
        return dataclasses.asdict(self)

    def for_fine_tuning(self, converter: ImageConverter | None = None) -> "Recipe":
        """The recipe for training trained weights on, on a few thousand images of a kind of their own.

        A quarter of the learning rate, after a short warm-up, down to zero by a cosine over ten passes; batches of 32
        images at most, for few images make few steps.

        Args:
            converter: the model's. Where it lets the canvas grow with the image ("widen"), so do the canvases of the
                recipe, up to four times the converter's width: what is trained and validated on has the shape of what
                is read. (Squeezed, plates of twice that width are learnt so that their letters are read twice.)
        """
        return dataclasses.replace(
            self,
            learning_rate=self.learning_rate / 4,
            schedule="cosine",
            decay_epochs=None,
            warmup_steps=30,
            warmup_epochs=0,
            batch_size=min(self.batch_size, 32),
            epochs=10,
            steps_per_epoch=None,
            canvases=self.canvases if converter is None else _growing(converter) or self.canvases,
            freeze=None,
        )

    def make_optimizer(
        self, model: keras.Model, total_steps: int | None = None, rate: Any = None
    ) -> keras.optimizers.Optimizer:
        """The optimizer for a model.

        Args:
            total_steps: the length of the schedule; without it the learning rate stays after warm-up.
            rate: a learning rate or a schedule of Keras instead of the recipe's.
        """
        common = {
            "learning_rate": self._schedule(total_steps) if rate is None else rate,
            "beta_2": self.beta_2,
            "epsilon": 1e-8,
            "global_clipnorm": self.clip_norm,
            "name": OPTIMIZER_NAME,
        }
        if self.optimizer == "adam":
            return L2Adam(self.l2, **common) if self.l2 else keras.optimizers.Adam(**common)
        optimizer = keras.optimizers.AdamW(weight_decay=self.weight_decay, **common)
        optimizer.exclude_from_weight_decay([v for v in model.trainable_variables if len(v.shape) < 2])
        return optimizer

    def load_optimizer(self, config: Any, model: keras.Model) -> keras.optimizers.Optimizer:
        """The optimizer of a saved model, in Keras' form {class_name, config}.

        One that a recipe made is made by this recipe again: Keras does not keep what it excludes from weight decay.
        """
        make = keras.saving.deserialize_keras_object
        if isinstance(config, dict) and config.get("config", {}).get("name") == OPTIMIZER_NAME:
            return self.make_optimizer(model, rate=make(config["config"]["learning_rate"]))
        return make(config)

    def warmup_for(self, total_steps: int | None) -> int:
        """The steps of warm-up in a run of `total_steps`; where it would take more than half of it, a tenth."""
        if self.warmup_epochs:
            total_steps = total_steps or self.epochs * (self.steps_per_epoch or 0)
            if not total_steps:
                logger.warning(
                    "The recipe's warm-up of %d epochs is left out, for nobody says how many steps these are; "
                    "compile(total_steps=...) does.",
                    self.warmup_epochs,
                )
            return round(total_steps * self.warmup_epochs / self.epochs)
        return total_steps // 10 if total_steps and 2 * self.warmup_steps > total_steps else self.warmup_steps

    def _schedule(self, total_steps: int | None) -> float | keras.optimizers.schedules.LearningRateSchedule:
        schedules = keras.optimizers.schedules
        rate, warmup = self.learning_rate, self.warmup_for(total_steps)
        if total_steps and self.schedule in ("cosine", "paddle_cosine"):
            return schedules.CosineDecay(
                0.0 if warmup else rate,
                max(1, total_steps - (warmup if self.schedule == "cosine" else 0)),
                warmup_target=rate if warmup else None,
                warmup_steps=warmup,
            )
        if total_steps and self.schedule == "piecewise":
            # Keras' last step of a piece is the boundary itself.
            boundaries = [round(total_steps * epoch / self.epochs) - 1 for epoch in self.decay_epochs]
            return schedules.PiecewiseConstantDecay(
                boundaries, [rate * self.decay_factor**i for i in range(len(boundaries) + 1)]
            )
        return schedules.PolynomialDecay(0.0, warmup, end_learning_rate=rate) if warmup else rate


def _growing(converter: ImageConverter) -> list[list[int]] | None:
    """The canvases up to four times a converter's width, each 1.4 times the one before; None where it has one width."""
    widths = [width for width in converter.canvas_widths(2**0.5) if width <= 4 * converter.width]
    return [[converter.height, width] for width in widths] if len(widths) > 1 else None


@keras.saving.register_keras_serializable("keras_textrec")
class L2Adam(keras.optimizers.Adam):
    """Adam whose gradients have `l2` times the variable added: decay that goes through the moments."""

    def __init__(self, l2: float = 0.0, **options: Any):
        super().__init__(**options)
        self.l2 = l2

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        super().update_step(gradient + self.l2 * variable, variable, learning_rate)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "l2": self.l2}
