"""What a recogniser is trained by: its recipe, `fit`, and the batches for it."""

import functools
from typing import Any

import keras
import numpy as np

from keras_textrec.data import Source, from_arrays, open_sources
from keras_textrec.data.augment import Augmentation, augmentation
from keras_textrec.data.memory_source import are_texts
from keras_textrec.models.trainable_model import TrainableModel
from keras_textrec.training.callbacks import BlankPlateau
from keras_textrec.training.checks import tell_data
from keras_textrec.training.distribution import data_shard
from keras_textrec.training.metrics import reading_metrics
from keras_textrec.training.training_report import batch_sheet


class TrainableRecognizer(TrainableModel):
    """The half of a `TextRecognizer` that trains. A subclass gives `make_loss` and `time_steps`."""

    tokenizer: Any
    converter: Any
    goal = "of the words right"
    open_sources = staticmethod(open_sources)

    def time_steps(self, width: int | None = None) -> int:
        raise NotImplementedError

    def label_limits(self) -> tuple[int, int]:
        """What a label may have in training: the most characters, and the most time steps, of the widest canvas."""
        widths = [width for _, width in self.recipe.canvases or [(0, self.converter.width)]]
        return self.recipe.max_length, max(map(self.time_steps, widths))

    def make_metrics(self) -> list[keras.metrics.Metric]:
        """`accuracy` (words right, case ignored: a-z and 0-9 only for a charset within ASCII, letters and digits of all
        scripts beyond), `exact` (words right as they stand) and `similarity` (1 - normalised edit distance)."""
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
        if not epoch:  # a run that goes on has been told
            tell_labels(source, self.tokenizer, *self.label_limits())
        return self.feed(batches, epoch, processes)

    def facts(self) -> str:
        charset = self.tokenizer.charset
        shown = "".join(charset.characters[:40]) + ("…" if len(charset) > 40 else "")
        return f"{len(charset)} characters: {shown}"

    def tell_data(
        self, training: Source, validation: Source, replay: Source | None = None, has_base: bool = False
    ) -> None:
        tell_data(training, validation, self.tokenizer, replay, has_base)

    def watching(self, validation: Source) -> list[keras.callbacks.Callback]:
        return [BlankPlateau(validation)]

    def batch_sheet(self, batches: Any) -> np.ndarray:
        return batch_sheet(batches, self.converter)
