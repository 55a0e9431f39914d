"""What recognisers and the detector have in common when they are trained: a recipe, and batches."""

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from keras_textrec.models.preset_model import PresetModel, default_jit
from keras_textrec.system.allocator import keep_freed_memory
from keras_textrec.training.distribution import check_batch
from keras_textrec.training.optimizers import with_averaged_statistics
from keras_textrec.training.parts import layers_of
from keras_textrec.training.recipes import Recipe
from keras_textrec.training.training_report import TrainingReport

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def kept_if_refused(model: keras.Model, *names: str) -> Iterator[None]:
    """Attributes of a model are what they were before, if the block raises."""
    before = {name: getattr(model, name) for name in names}
    try:
        yield
    except BaseException:  # an interrupt, too
        for name, value in before.items():
            setattr(model, name, value)
        raise


class TrainableModel(PresetModel):
    """A `PresetModel` that trains by its recipe. A subclass gives `make_loss`, `training_data`, `evaluation_data` and
    `open_sources`; the rest is what `keras_textrec.train` asks of it."""

    # What the best epoch is chosen by, in words that follow "63.2 %".
    goal = ""
    # The names of the layers that `compile` made untrainable.
    _frozen_by_recipe: frozenset[str] = frozenset()

    def make_loss(self) -> keras.losses.Loss:
        raise NotImplementedError

    def make_metrics(self) -> list[keras.metrics.Metric]:
        return []

    def compile(
        self,
        optimizer: Any = "auto",
        loss: Any = "auto",
        *,
        weighted_metrics: Any = "auto",
        jit_compile: bool | str = "auto",
        total_steps: int | None = None,
        **options: Any,
    ) -> None:
        """As `keras.Model.compile`; what is "auto" comes from the model's recipe, `jit_compile` from the backend.

        The parts that the recipe freezes become untrainable; those that an earlier recipe froze here, trainable again.

        The metrics are those of `make_metrics`.

        Args:
            optimizer: "auto"; another `Recipe`, which the model keeps from then on; or what Keras takes.
            total_steps: the length of the learning-rate schedule; the recipe's `epochs` times its `steps_per_epoch` by
                default, and where it has none, the rate stays constant after warm-up.

        Raises:
            ValueError: the recipe names a part of the network that it does not have. The model keeps its own recipe.
        """
        with kept_if_refused(self, "recipe"):
            if isinstance(optimizer, Recipe):
                self.recipe, optimizer = optimizer, "auto"
            if optimizer == "auto":
                if self.recipe.guided and not getattr(self, "guided", False):
                    logger.warning(
                        "The recipe trains by a guide, and this %s was built without one: CTC alone trains it.",
                        type(self).__name__,
                    )
                optimizer = self.recipe.make_optimizer(self, total_steps)
            self._freeze(self.recipe.freeze or [])
            if loss == "auto":
                loss = self.make_loss()
            if weighted_metrics == "auto":
                weighted_metrics = self.make_metrics()
            self._jit_compile_given = jit_compile
            jit_compile = default_jit() if jit_compile == "auto" else jit_compile
            super().compile(optimizer, loss, weighted_metrics=weighted_metrics, jit_compile=jit_compile, **options)

    def _freeze(self, parts: Sequence[str]) -> None:
        found = layers_of(self, parts)
        for layer in self.layers:
            if layer.name in self._frozen_by_recipe:
                layer.trainable = True
        self._frozen_by_recipe = frozenset(layer.name for layer in found if layer.trainable)
        for layer in found:
            layer.trainable = False

    def get_compile_config(self) -> dict[str, Any]:
        config = super().get_compile_config()
        return config and {**config, "jit_compile": self._jit_compile_given}  # another device may want another default

    def compile_from_config(self, config: dict[str, Any]) -> None:
        others = {key: value for key, value in config.items() if key != "optimizer"}
        optimizer = self.recipe.load_optimizer(config["optimizer"], self)
        self.compile(optimizer, **keras.saving.deserialize_keras_object(others))
        self.optimizer.build(self.trainable_variables)  # so that its state can be loaded

    def make_train_function(self, force: bool = False) -> None:
        """As `keras.Model.make_train_function`. From then on the process keeps the memory of one step for the next."""
        keep_freed_memory()
        super().make_train_function(force)

    def train_step(self, *arguments: Any) -> Any:
        """As `keras.Model.train_step`; on JAX, with the mean of the statistics, which no optimizer sees there."""
        if keras.backend.backend() != "jax":
            return super().train_step(*arguments)
        logs, state = super().train_step(*arguments)
        return logs, with_averaged_statistics(self, arguments[0], state)

    def feed(self, batches: Any, epoch: int, processes: int) -> Any:
        """Batches as `fit` takes them: a `tf.data.Dataset` on TensorFlow, a `keras.utils.PyDataset` elsewhere."""
        from keras_textrec.data.pipeline import BatchDataset, tf_dataset

        for size in batches.sizes:  # of several canvases
            check_batch(self, size)
        make = tf_dataset if keras.backend.backend() == "tensorflow" else BatchDataset
        return make(batches, epoch, processes=processes)

    # === What `keras_textrec.train` asks ===

    @staticmethod
    def open_sources(paths: Sequence[str | os.PathLike], ratios: Sequence[float] | None = None) -> Any:
        """What it is trained on and validated on, by its paths (`keras_textrec.data`)."""
        raise NotImplementedError

    def facts(self) -> str:
        """What the log tells of it before the first step."""
        raise NotImplementedError

    def tell_data(self, training: Any, validation: Any, replay: Any = None, has_base: bool = False) -> None:
        """Logs what is wrong with the data as a whole; `replay` and `has_base` as `keras_textrec.train` has them."""

    def watching(self, validation: Any) -> list[keras.callbacks.Callback]:
        """Its own callbacks. A `Measurement` measures a base, too."""
        return []

    def make_report(self, folder: Any, data: Any, validation_data: Any, description: dict[str, Any]) -> TrainingReport:
        """What tells of the training, in a folder."""
        return TrainingReport(folder, data, validation_data, description)

    def batch_sheet(self, batches: Any) -> np.ndarray:
        """The first images of the first batches, as they are trained on: uint8 (H, W, 3), RGB."""
        raise NotImplementedError
