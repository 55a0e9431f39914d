"""What a detector is trained by: its recipe, `fit`, and the batches for it."""

from typing import Any

import keras
import numpy as np

from keras_textrec.data import RegionSource, open_region_sources
from keras_textrec.images.photo_converter import PhotoConverter
from keras_textrec.images.sheet import contact_sheet
from keras_textrec.models.trainable_model import TrainableModel
from keras_textrec.training.callbacks import FoundRegions
from keras_textrec.training.distribution import data_shard
from keras_textrec.training.losses import DBLoss
from keras_textrec.training.training_report import TrainingReport

_SHOWN, _CELL = 12, 200  # photographs of the first batch that are shown, and their side in pixels


class TrainableDetector(TrainableModel):
    """The half of a detector that trains: by the DB loss, on maps made of polygons."""

    converter: PhotoConverter
    goal = "hmean of the words found"
    open_sources = staticmethod(open_region_sources)

    def make_loss(self) -> keras.losses.Loss:
        return DBLoss()

    def training_data(
        self,
        source: RegionSource,
        batch_size: int | None = None,
        augment: bool = True,
        *,
        steps_per_epoch: int | None = None,
        epoch: int = 0,
        processes: int = 0,
    ) -> Any:
        """Endless-order batches of photographs for `fit`: shuffled anew every epoch, the same for the same seed.

        Args:
            source: what `keras_textrec.data.open_region_source` gives.
            batch_size: photographs a step, of all devices together; the recipe's by default.
            augment: whether parts of photographs are cut out at random, as large as the canvas allows, which cut no
                word. Otherwise they are whole.
            steps_per_epoch, epoch, processes: as `TextRecognizer.training_data` has them.

        Returns:
            A `tf.data.Dataset` on the TensorFlow backend, a `keras.utils.PyDataset` on the others.

        Raises:
            ValueError: the source is empty, the recipe is one for recognisers, or the devices cannot share a batch.
        """
        return self._data(
            source, batch_size, epoch, processes, training=True, crop=augment, steps_per_epoch=steps_per_epoch
        )

    def evaluation_data(self, source: RegionSource, batch_size: int | None = None, *, processes: int = 0) -> Any:
        """Batches of whole photographs in the source's order, every one once: for `evaluate` and `validation_data`."""
        return self._data(source, batch_size, 0, processes, training=False)

    def _data(self, source, batch_size, epoch, processes, **options):
        from keras_textrec.data.region_batches import RegionBatches

        recipe, side = self.recipe, self.converter.longest_side // self.converter.multiple * self.converter.multiple
        canvas, *others = recipe.canvases or [(side, side)]
        if recipe.augment or others or any(side % self.converter.multiple for side in canvas):
            raise ValueError(
                "A detector is trained on one canvas whose sides are multiples of "
                f"{self.converter.multiple}, and has augmentation of its own: give one of training.canvases, not "
                f"{recipe.canvases}, and no training.augment."
            )
        batch_size = recipe.batch_size if batch_size is None else batch_size
        options = {"canvas": tuple(canvas), "shard": data_shard(), "seed": recipe.seed, **options}
        return self.feed(RegionBatches(source, self.converter, batch_size, **options), epoch, processes)

    def facts(self) -> str:
        return f"{self.count_params():,} parameters"

    def watching(self, validation: RegionSource) -> list[keras.callbacks.Callback]:
        return [FoundRegions(validation)]

    def make_report(self, folder: Any, data: Any, validation_data: Any, description: dict[str, Any]) -> TrainingReport:
        return TrainingReport(folder, data, None, description)  # there is nothing to read

    def batch_sheet(self, batches: Any) -> np.ndarray:
        """Photographs of the first batch, as they are trained on; words' cores green, what is left out red."""
        indices = batches.indices(0)[:_SHOWN]
        pixels = np.zeros((len(indices), *batches.shapes[0], 3), np.uint8)
        maps = batches.loader.draw(indices, np.random.default_rng(batches.seed), 0, pixels).maps[..., 0]
        for picture, core in zip(pixels, maps):
            for value, tone in ((1, (0, 255, 0)), (-1, (255, 0, 0))):
                picture[core == value] = picture[core == value] // 2 + np.uint8(tone) // 2
        return contact_sheet(list(pixels), columns=4, height=_CELL, width=_CELL)
