"""What a recogniser is trained by: its recipe, `fit`, and the batches for it."""

import contextlib
import functools
import logging
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_textrec.data import Source, from_arrays
from keras_textrec.data.augment import Augmentation, augmentation
from keras_textrec.data.memory_source import are_texts
from keras_textrec.models.preset_model import PresetModel, default_jit
from keras_textrec.training.distribution import check_batch, data_shard
from keras_textrec.training.metrics import reading_metrics
from keras_textrec.training.parts import freeze
from keras_textrec.training.recipes import Recipe

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def kept_if_refused(model: keras.Model, *names: str) -> Iterator[None]:
    """Attributes of a model are what they were before, if the block raises."""
    before = {name: getattr(model, name) for name in names}
    try:
        yield
    except BaseException:
        for name, value in before.items():
            setattr(model, name, value)
        raise


class TrainableRecognizer(PresetModel):
    """The half of a `TextRecognizer` that trains. A subclass gives `make_loss` and `time_steps`."""

    tokenizer: Any
    converter: Any

    def make_loss(self) -> keras.losses.Loss:
        raise NotImplementedError

    def time_steps(self, width: int | None = None) -> int:
        raise NotImplementedError

    def label_limits(self) -> tuple[int, int]:
        """What a label may have in training: the most characters, and the most time steps, of the widest canvas."""
        widths = [width for _, width in self.recipe.canvases or [(0, self.converter.width)]]
        return self.recipe.max_length, max(map(self.time_steps, widths))

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

        The parts that the recipe freezes become untrainable.

        The metrics are `accuracy` (words right, case ignored: a-z and 0-9 only for a charset within ASCII, letters and
        digits of all scripts beyond), `exact` (words right as they stand) and `similarity` (1 - normalised edit
        distance).

        Args:
            optimizer: "auto"; another `Recipe`, which the model keeps from then on; or what Keras takes.
            total_steps: the length of the learning-rate schedule; the recipe's `epochs` times its `steps_per_epoch` by
                default, and where it has none, the rate stays constant after warm-up.

        Raises:
            ValueError: the recipe names a part of the network that it does not have. The model keeps its own recipe.
        """
        with kept_if_refused(self, "recipe"):
            self._compile_by_recipe(optimizer, loss, weighted_metrics, jit_compile, total_steps, options)

    def _compile_by_recipe(self, optimizer, loss, weighted_metrics, jit_compile, total_steps, options) -> None:
        if isinstance(optimizer, Recipe):
            self.recipe, optimizer = optimizer, "auto"
        if optimizer == "auto":
            if self.recipe.guided and not getattr(self, "guided", False):
                logger.warning(
                    "The recipe trains by a guide, and this %s was built without one: CTC alone trains it.",
                    type(self).__name__,
                )
            optimizer = self.recipe.make_optimizer(self, total_steps)
        if self.recipe.freeze:
            freeze(self, self.recipe.freeze)
        if loss == "auto":
            loss = self.make_loss()
        if weighted_metrics == "auto":
            weighted_metrics = self.make_metrics()
        self._jit_compile_given = jit_compile
        jit_compile = default_jit() if jit_compile == "auto" else jit_compile
        super().compile(optimizer, loss, weighted_metrics=weighted_metrics, jit_compile=jit_compile, **options)

    def get_compile_config(self) -> dict[str, Any]:
        config = super().get_compile_config()
        return config and {**config, "jit_compile": self._jit_compile_given}  # another device may want another default

    def compile_from_config(self, config: dict[str, Any]) -> None:
        others = {key: value for key, value in config.items() if key != "optimizer"}
        optimizer = self.recipe.load_optimizer(config["optimizer"], self)
        self.compile(optimizer, **keras.saving.deserialize_keras_object(others))
        self.optimizer.build(self.trainable_variables)  # so that its state can be loaded

    def make_metrics(self) -> list[keras.metrics.Metric]:
        return reading_metrics(self.tokenizer)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        *arguments: Any,
        validation_data: Any = None,
        **options: Any,
    ) -> keras.callbacks.History:
        """As `keras.Model.fit`. Besides data of `training_data`, it takes images and texts as they are.

        Args:
            x: the images, if `y` are texts: paths, bytes of files, arrays or PIL images, or an array (N, H, W, 3).
            y: N strings. They are trained on as `training_data` has it, with the recipe's augmentation.
            batch_size: images a step; the recipe's by default.
            validation_data: as `keras.Model.fit` has it, or a pair of images and texts.
        """
        if are_texts(y):
            x, y, batch_size = self.training_data(from_arrays(x, y), batch_size), None, None
            options.setdefault("shuffle", False)  # they come shuffled, and Keras warns otherwise
        if isinstance(validation_data, tuple) and len(validation_data) == 2 and are_texts(validation_data[1]):
            validation_data = self.evaluation_data(from_arrays(*validation_data))
        return super().fit(x, y, batch_size, *arguments, validation_data=validation_data, **options)

    def training_data(
        self,
        source: Source,
        batch_size: int | None = None,
        augment: Augmentation | str | bool = True,
        *,
        steps_per_epoch: int | None = None,
        epoch: int = 0,
        processes: int = 0,
    ) -> Any:
        """Endless-order batches of a source for `fit`: shuffled anew every epoch, the same for the same seed.

        What the tokenizer leaves out of the labels or changes is logged first (`keras_textrec.data.label_check`).
        Where several processes share a batch, each gets its own rows of it.

        Args:
            source: what `keras_textrec.data.lmdb` or `.folder` gives.
            batch_size: images a step, of all devices together; the recipe's by default.
            augment: `(uint8 image (H, W, 3), numpy Generator) -> uint8 image`, or a name that a recipe may have
                ("recaug"); True is the recipe's own, if it has one.
            steps_per_epoch: batches that make an epoch; None is about one pass over the source.
            epoch: the first one.
            processes: how many load images beside this one (0: its threads do; if processes are used, guard the
                script's entry point by `if __name__ == "__main__":`).

        Returns:
            A `tf.data.Dataset` on the TensorFlow backend, a `keras.utils.PyDataset` on the others.

        Raises:
            ValueError: no label of the source can be used, or one cannot and the tokenizer's policy is "error"; or the
                model's devices cannot share a batch alike.
        """
        if augment is True:
            augment = self.recipe.augment
        if isinstance(augment, str):
            augment = augmentation(augment)
        options = {"augment": augment or None, "steps_per_epoch": steps_per_epoch}
        return self._data(source, batch_size, epoch, processes, training=True, **options)

    def evaluation_data(self, source: Source, batch_size: int | None = None, *, processes: int = 0) -> Any:
        """Batches of a source in its own order, every record once: for `evaluate` and `validation_data`."""
        return self._data(source, batch_size, 0, processes, training=False)

    def arrange(self, image: np.ndarray, valid_ratio: np.ndarray, y: np.ndarray, training: bool) -> tuple[Any, Any]:
        """A batch as the training graph takes it.

        Args:
            image: float32 (B, H, W, 3), converted.
            valid_ratio: (B,), the part of the width that each image fills, 0 to 1.
            y: int32 (B, M), label ids padded with -1.
            training: False for evaluation, where a decoder is on its own.

        Returns:
            The inputs, an array or a dictionary by name, and the targets.
        """
        return image, y

    def _data(self, source, batch_size, epoch, processes, *, training, **options):
        from keras_textrec.data.batches import Batches
        from keras_textrec.data.label_check import tell_labels
        from keras_textrec.data.pipeline import BatchDataset, tf_dataset

        batch_size = self.recipe.batch_size if batch_size is None else batch_size
        batches = Batches(
            source,
            self.converter,
            self.tokenizer,
            batch_size,
            shard=data_shard(),
            length=self.recipe.max_length,
            canvases=self.recipe.canvases,
            canvas_choice=self.recipe.canvas_choice,
            time_steps=self.time_steps,
            arrange=functools.partial(self.arrange, training=training),
            training=training,
            seed=self.recipe.seed,
            **options,
        )
        for size in batches.sizes:  # of several canvases
            check_batch(self, size)
        if not epoch:  # a run that goes on has been told
            tell_labels(source, self.tokenizer, *self.label_limits())
        feed = tf_dataset if keras.backend.backend() == "tensorflow" else BatchDataset
        return feed(batches, epoch, processes=processes)
