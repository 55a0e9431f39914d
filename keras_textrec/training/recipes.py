"""A training recipe: every number of a training run that is not the network or the data."""

import contextlib
import dataclasses
import difflib

import keras

SCHEDULES = ("constant", "cosine")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The `training` section of a preset.

    Attributes:
        optimizer: "adam" or "adamw".
        learning_rate: the highest learning rate.
        schedule: "constant", or "cosine" down to zero over the whole run.
        warmup_steps: steps of linear rise from zero to `learning_rate`.
        weight_decay: AdamW's decoupled decay; biases and normalisation scales are left out.
        clip_norm: the largest global norm of a gradient; None leaves gradients alone.
        batch_size: images a step.
        epochs: how many epochs.
        steps_per_epoch: steps that make an epoch; None is one pass over the data.
        max_length: columns of the label array; longer labels follow the tokenizer's policy.
        dtype: the Keras dtype policy of training ("float32", "mixed_bfloat16", ...).
        seed: of the weights, of the order of the images and of their augmentation.

    Raises:
        ValueError: a value of another type, or out of range.
    """

    optimizer: str = "adamw"
    learning_rate: float = 5e-4
    schedule: str = "cosine"
    warmup_steps: int = 0
    weight_decay: float = 0.0
    clip_norm: float | None = None
    batch_size: int = 256
    epochs: int = 1
    steps_per_epoch: int | None = None
    max_length: int = 25
    dtype: str = "float32"
    seed: int = 0

    def __post_init__(self):
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

    @classmethod
    def from_dict(cls, values: dict) -> "Recipe":
        """A recipe from the `training` section of a preset.

        Raises:
            ValueError: a key that no recipe has; the nearest one is named.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        for key in values:
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                hint = f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(known)}."
                raise ValueError(f"training.{key} is no key of a recipe{hint}")
        return cls(**values)

    def to_dict(self) -> dict:
        return dataclasses.asdict(self)

    def make_optimizer(self, model: keras.Model, total_steps: int | None = None) -> keras.optimizers.Optimizer:
        """The optimizer, with its schedule over `total_steps` (without it the learning rate stays after warm-up)."""
        rate = self.learning_rate
        if self.schedule == "cosine" and total_steps:
            rate = keras.optimizers.schedules.CosineDecay(
                0.0 if self.warmup_steps else rate,
                max(1, total_steps - self.warmup_steps),
                warmup_target=rate if self.warmup_steps else None,
                warmup_steps=self.warmup_steps,
            )
        elif self.warmup_steps:
            rate = keras.optimizers.schedules.PolynomialDecay(0.0, self.warmup_steps, end_learning_rate=rate)
        if self.optimizer == "adam":
            return keras.optimizers.Adam(rate, epsilon=1e-8, global_clipnorm=self.clip_norm)
        optimizer = keras.optimizers.AdamW(
            rate, weight_decay=self.weight_decay, epsilon=1e-8, global_clipnorm=self.clip_norm
        )
        optimizer.exclude_from_weight_decay([v for v in model.trainable_variables if len(v.shape) < 2])
        return optimizer
