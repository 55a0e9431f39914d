"""A training recipe: every number of a training run that is not the network or the data."""

import contextlib
import dataclasses
import logging
import math
from typing import Any

import keras

from keras_textrec.data.augment import augmentation
from keras_textrec.data.canvases import CANVAS_CHOICES
from keras_textrec.images.converter import ImageConverter
from keras_textrec.system.terminal import near_names
from keras_textrec.training.optimizers import VariableAdam, VariableSettings
from keras_textrec.training.parts import batch_norms, named_variables, part_variables
from keras_textrec.training.schedules import make_schedule

logger = logging.getLogger(__name__)

CHOICES = {
    "optimizer": ("adam", "adamw", "muon"),
    "schedule": ("constant", "cosine", "paddle_cosine", "piecewise", "one_cycle"),
    "canvas_choice": CANVAS_CHOICES,
}
# Keys that only some schedules have.
ONLY_OF = {
    "decay_epochs": ("piecewise",),
    "warmup_steps": ("constant", "cosine", "paddle_cosine", "one_cycle"),
    "warmup_epochs": ("constant", "cosine", "paddle_cosine", "one_cycle"),
    "min_learning_rate": ("cosine",),
}
OPTIMIZER_NAME = "of_the_recipe"
# Variables that AdamW's decay leaves alone: those that the published networks have in one dimension.
NOT_DECAYED = ("bias", "gamma", "beta")
# Muon leaves to Adam the layers that give classes, depthwise kernels, and those with fewer inputs than this.
OUTPUT_LAYERS = ("head", "projection")
LEAST_INPUTS = 64


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The `training` section of a preset, and what `model.compile(recipe)` takes; docs/recipes.md has those published.

    A part of the network is named by its layers, from the outside in: "backbone", "head", "tps/fc1", "tps/fc1/kernel".

    Attributes:
        optimizer: "adam" or "adamw", in PaddlePaddle's and PyTorch's form (epsilon is 1e-8 beside the corrected root);
            or "muon", with AdamW for all but the kernels within the network (`VariableAdam`).
        learning_rate: the highest learning rate.
        learning_rates: {part: factor} of parts that learn faster or slower than the others.
        schedule: "constant"; "cosine", down to `min_learning_rate` at the end of the run; "paddle_cosine", PaddleOCR's,
            which reaches zero as many steps after the end as the warm-up takes; "piecewise", times `decay_factor` after
            each of `decay_epochs`; "one_cycle", PyTorch's, whose warm-up is half a cosine too.
        warmup_steps, warmup_epochs: of linear rise from zero to `learning_rate`; one of the two. Where they would take
            more than half of a run, they are a tenth of it.
        min_learning_rate: where "cosine" ends.
        decay_epochs, decay_factor: of "piecewise".
        beta_2: of the optimizer's running mean of squared gradients.
        weight_decay: AdamW's and Muon's decoupled decay; biases and normalisation scales are left out.
        l2: coupled decay, added to every gradient, times its variable (PaddleOCR's `regularizer`), not halved; or
            {part: number} of some parts.
        clip_norm: the largest global norm of a gradient; None leaves gradients alone.
        ema: momentum of the running mean of the weights and of batch normalisation's statistics, which is evaluated and
            saved in their place; it grows to this in the first thousands of steps. None keeps no mean.
        loss_scale, loss_scale_steps: under "mixed_float16", what the loss is first multiplied by, and after how many
            steps without an overflow it is doubled. A step that overflows changes nothing but halves it.
        batch_size: images a step.
        epochs: how many epochs.
        steps_per_epoch: steps that make an epoch; None is one pass over the data.
        max_length: columns of the label array; longer labels follow the tokenizer's policy.
        augment: "recaug" (PaddleOCR's), "randaugment" (PARSeq's), "rotation", several joined by "+", or None.
        canvases: [height, width] of each canvas that batches may have; None is the converter's for all.
        canvas_choice: "shape": images of like shape share a batch, on the canvas that suits them; "random": every batch
            is on a canvas drawn at random, with as many images as make the pixels of `batch_size` on the first one.
        guided: whether `train` builds a new SVTRv2 or RepSVTR with its guide, which then trains the backbone.
        freeze: parts that stay as they are ("backbone", or of layers' names: `keras_textrec.training.parts`).
        distill_ctc, distill_guide: the weights of what a teacher adds to the loss, where one is given
            (`training.distillation`); PaddleOCR's.
        dtype: the Keras dtype policy of training ("float32", "mixed_bfloat16", ...). "auto" is mixed_bfloat16 where the
            GPU, TPU or processor multiplies bfloat16, and float32 elsewhere, where that is slow.
        seed: of the weights, of the order of the images and of their augmentation.

    Raises:
        ValueError: a value of another type, or out of range, or keys that do not go together.
    """

    optimizer: str = "adamw"
    learning_rate: float = 5e-4
    learning_rates: dict | None = None
    schedule: str = "cosine"
    warmup_steps: int = 0
    warmup_epochs: float = 0.0
    min_learning_rate: float = 0.0
    decay_epochs: list | None = None
    decay_factor: float = 0.1
    beta_2: float = 0.999
    weight_decay: float = 0.0
    l2: float | dict = 0.0
    clip_norm: float | None = None
    ema: float | None = None
    loss_scale: float = 32768.0
    loss_scale_steps: int = 2000
    batch_size: int = 256
    epochs: int = 1
    steps_per_epoch: int | None = None
    max_length: int = 25
    augment: str | None = None
    canvases: list | None = None
    canvas_choice: str = "shape"
    guided: bool = False
    freeze: list | None = None
    distill_ctc: float = 1.0
    distill_guide: float = 0.1
    dtype: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = _as_typed(getattr(self, field.name), field.type)
            object.__setattr__(self, field.name, value)
            if not isinstance(value, field.type) or (isinstance(value, bool) and field.type is not bool):
                wanted = getattr(field.type, "__name__", field.type)
                raise ValueError(f"training.{field.name} must be {wanted}, not {value!r}.")
        for name in ("batch_size", "epochs", "steps_per_epoch", "max_length", "loss_scale_steps"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ValueError(f"training.{name} must be at least 1, not {getattr(self, name)}.")
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"training.{name} must be one of {choices}, not {getattr(self, name)!r}.")
        self._check_schedule()
        self._check_optimizer()
        if self.augment is not None:
            augmentation(self.augment)
        for canvas in self.canvases or []:
            if not isinstance(canvas, list) or [isinstance(side, int) and side > 0 for side in canvas] != [True, True]:
                raise ValueError(f"training.canvases must be a list of [height, width], not {self.canvases}.")
        if any(not isinstance(part, str) for part in self.freeze or []):
            raise ValueError(f"training.freeze must be a list of names, not {self.freeze}.")
        if self.canvas_choice == "random" and not self.canvases:
            raise ValueError("training.canvas_choice 'random' needs training.canvases to draw from.")

    def _check_schedule(self) -> None:
        for name, schedules in ONLY_OF.items():
            if getattr(self, name) and self.schedule not in schedules:
                of = " or ".join(map(repr, schedules))
                raise ValueError(f"training.{name} is for the schedule {of}, not {self.schedule!r}.")
        if self.schedule == "piecewise" and not self.decay_epochs:
            raise ValueError("training.decay_epochs is what the schedule 'piecewise' needs.")
        if self.min_learning_rate > self.learning_rate:
            raise ValueError("training.min_learning_rate must be at most training.learning_rate.")
        if any(not isinstance(epoch, int) for epoch in self.decay_epochs or []):
            raise ValueError(f"training.decay_epochs must be a list of whole numbers, not {self.decay_epochs}.")
        if self.warmup_steps and self.warmup_epochs:
            raise ValueError("training.warmup_steps and training.warmup_epochs say the same; give one of them.")
        if self.schedule == "one_cycle" and not (self.warmup_steps or self.warmup_epochs):
            raise ValueError("The schedule 'one_cycle' needs training.warmup_steps or training.warmup_epochs.")

    def _check_optimizer(self) -> None:
        if self.weight_decay and self.optimizer == "adam":
            raise ValueError(
                "training.weight_decay is for the optimizers 'adamw' and 'muon'; the decay of 'adam' goes through the "
                "gradients: training.l2."
            )
        for name in ("learning_rates", "l2"):
            value = getattr(self, name)
            by_part = value if isinstance(value, dict) else {"": value or 0.0}
            if not all(isinstance(part, str) and isinstance(n, float) and n >= 0 for part, n in by_part.items()):
                raise ValueError(f"training.{name} must have numbers of 0 or more, and names of parts, not {value}.")
        if self.ema is not None and not 0 < self.ema < 1:
            raise ValueError(f"training.ema must be above 0 and below 1, not {self.ema}.")
        if self.loss_scale <= 0:
            raise ValueError(f"training.loss_scale must be above 0, not {self.loss_scale}.")

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

        A quarter of the learning rate, after a short warm-up, down to zero by a cosine over ten passes, where `compile`
        is told their `total_steps`; batches of 32 images at most, for few images make few steps.

        Args:
            converter: the model's. Where it lets the canvas grow with the image, so do the canvases of the
                recipe, up to four times the converter's width: what is trained and validated on has the shape of what
                is read. (Squeezed, plates of twice that width are learnt so that their letters are read twice.)
        """
        widths = converter.canvas_widths(2**0.5) if converter else []
        widths = [width for width in widths if width <= 4 * converter.width]
        growing = [[converter.height, width] for width in widths] if len(widths) > 1 else None
        return dataclasses.replace(
            self,
            learning_rate=self.learning_rate / 4,
            min_learning_rate=self.min_learning_rate / 4,
            schedule="cosine",
            decay_epochs=None,
            warmup_steps=30,
            warmup_epochs=0.0,
            guided=False,
            batch_size=min(self.batch_size, 32),
            epochs=10,
            steps_per_epoch=None,
            canvases=growing or self.canvases,
            canvas_choice="shape" if growing else self.canvas_choice,
            freeze=None,
        )

    def make_optimizer(
        self, model: keras.Model, total_steps: int | None = None, rate: Any = None, scaled: bool | None = None
    ) -> keras.optimizers.Optimizer:
        """The optimizer for a model.

        Args:
            total_steps: the length of the schedule; by default `epochs` times `steps_per_epoch`. Where nobody says it,
                the learning rate stays after warm-up.
            rate: a learning rate or a schedule of Keras instead of the recipe's.
            scaled: whether the loss is scaled; by default where the model computes in float16.

        Raises:
            ValueError: the recipe names a part that the model has not.
        """
        total_steps = total_steps or self.epochs * (self.steps_per_epoch or 0)
        optimizer = VariableAdam(
            learning_rate=make_schedule(self, total_steps) if rate is None else rate,
            beta_2=self.beta_2,
            epsilon=1e-8,
            global_clipnorm=self.clip_norm,
            use_ema=self.ema is not None,
            ema_momentum=self.ema or 0.0,
            name=OPTIMIZER_NAME,
        )
        optimizer.set_variables(self.variable_settings(model), batch_norms(model))
        if scaled or (scaled is None and model.dtype_policy.name == "mixed_float16"):
            return keras.optimizers.LossScaleOptimizer(optimizer, self.loss_scale, self.loss_scale_steps)
        return optimizer

    def variable_settings(self, model: keras.Model) -> list[tuple[keras.Variable, VariableSettings]]:
        """How each variable of a model is trained. ValueError: the recipe names a part that the model has not."""

        def of_parts(name: str, values: dict[str, float]) -> dict[int, float]:
            parts = {part: part_variables(model, part, f"training.{name}") for part in values}
            return {id(variable): values[part] for part, variables in parts.items() for variable in variables}

        l2_by_part = isinstance(self.l2, dict)
        rates = of_parts("learning_rates", self.learning_rates or {})
        l2 = of_parts("l2", self.l2 if l2_by_part else {})
        settings = []
        variables = named_variables(model)
        for path, variable in variables.items():
            decay = 0.0 if path.rpartition("/")[2] in NOT_DECAYED else self.weight_decay
            coupled = l2.get(id(variable), 0.0 if l2_by_part else self.l2)
            matrices = _matrices(path, variables) if self.optimizer == "muon" else 0
            settings.append((variable, VariableSettings(rates.get(id(variable), 1.0), coupled, decay, matrices)))
        return settings

    def load_optimizer(self, config: Any, model: keras.Model) -> keras.optimizers.Optimizer:
        """The optimizer of a saved model, in Keras' form {class_name, config}.

        One that a recipe made is made by this recipe again: Keras does not keep settings by variable.
        """
        make = keras.saving.deserialize_keras_object
        values = config.get("config", {}) if isinstance(config, dict) else {}
        own = values.get("inner_optimizer", {}).get("config", values)  # inside a `LossScaleOptimizer`
        if own.get("name") == OPTIMIZER_NAME:
            return self.make_optimizer(model, rate=make(own["learning_rate"]), scaled=own is not values)
        return make(config)

    def warmup_for(self, total_steps: int | None) -> int:
        """The steps of warm-up in a run of `total_steps`; where it would take more than half of it, a tenth."""
        warmup = self.warmup_steps
        if self.warmup_epochs:
            if not total_steps:
                logger.warning(
                    "The recipe's warm-up of %g epochs is left out, for nobody says how many steps these are; "
                    "compile(total_steps=...) does.",
                    self.warmup_epochs,
                )
                return 0
            warmup = round(total_steps * self.warmup_epochs / self.epochs)
        return total_steps // 10 if total_steps and 2 * warmup > total_steps else warmup


def _matrices(path: str, variables: dict[str, keras.Variable]) -> int:
    """How many matrices that Muon trains stand in a variable side by side: an LSTM's kernel has four, one a gate."""
    *layers, name = path.split("/")
    shape = variables[path].shape
    if name not in ("kernel", "recurrent_kernel") or set(layers) & set(OUTPUT_LAYERS):
        return 0
    if math.prod(shape[:-1]) < LEAST_INPUTS or shape[-1] == 1:
        return 0
    recurrent = variables.get("/".join([*layers, "recurrent_kernel"]))
    return 1 if recurrent is None else recurrent.shape[1] // recurrent.shape[0]


def _as_typed(value: Any, wanted: Any) -> Any:
    """The value, whole numbers and strings as floats where these are wanted: YAML takes 1e-3 for a string."""
    if isinstance(value, dict):
        return {key: _as_typed(number, float) for key, number in value.items()}
    if isinstance(value, int | str) and not isinstance(value, bool) and isinstance(0.0, wanted):
        with contextlib.suppress(ValueError):
            return float(value)
    return value
