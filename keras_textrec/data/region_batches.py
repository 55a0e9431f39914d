"""The batches that train a text detector: photographs on a canvas, and the maps that it is to give."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from keras_textrec.data.batches import RecordBatches
from keras_textrec.data.memory import Memory
from keras_textrec.data.region_crop import put_on_canvas, random_part
from keras_textrec.data.regions import RegionSource, check_regions
from keras_textrec.images.load import decode
from keras_textrec.images.maps import draw_maps
from keras_textrec.images.photo_converter import PhotoConverter


class LoadedMaps(NamedTuple):
    """What there is of a batch beside its pixels: `maps` float32 (B, H, W, 2), -1 and 0 (left out) in a row without a
    photograph; and why each `unreadable` record could not be read, by its position in the source."""

    maps: np.ndarray
    unreadable: dict[int, str]


class MapLoader:
    """Reads and decodes photographs, cuts parts out of them, and draws the maps of their words.

    Args: as `RegionBatches` has them.
    """

    def __init__(self, source: RegionSource, converter: PhotoConverter, crop: bool):
        self.source = source
        self.converter = converter
        self.crop = crop

    def __call__(
        self, indices: Sequence[int], rng: np.random.Generator | None, canvas: int, x: np.ndarray
    ) -> LoadedMaps:
        """Fills `x`, float32 (B, H, W, 3), with the records `indices`, up to B, converted."""
        pixels = np.empty(x.shape, np.uint8)
        loaded = self.draw(indices, rng, canvas, pixels)
        self.finish(pixels, loaded, canvas, x)
        return loaded

    def draw(
        self, indices: Sequence[int], rng: np.random.Generator | None, canvas: int, pixels: np.ndarray
    ) -> LoadedMaps:
        """The larger half of it: fills `pixels`, uint8 (B, H, W, 3) RGB."""
        rows, height, width = pixels.shape[:3]
        pixels[:] = 0
        maps = np.zeros((rows, height, width, 2), np.float32)
        maps[..., 0] = -1
        unreadable = {}
        for row, index in enumerate(indices):
            try:
                data, regions = self.source[index]
                photo = decode(data)
                check_regions(regions, photo.shape)
            except (ValueError, OSError) as error:
                unreadable[int(index)] = str(error)
                continue
            part = (0, 0, *photo.shape[1::-1])
            if self.crop:
                part = random_part(photo.shape, regions, rng)
            regions = put_on_canvas(photo, regions, part, pixels[row])
            polygons = [region.polygon for region in regions]
            maps[row] = draw_maps(polygons, [region.ignored for region in regions], height, width)
        return LoadedMaps(maps, unreadable)

    def finish(self, pixels: np.ndarray, loaded: LoadedMaps, canvas: int, x: np.ndarray) -> None:
        """The rest: pixels to the network's numbers."""
        for row, picture in enumerate(pixels):
            x[row] = self.converter.normalize(picture)


class RegionBatches(RecordBatches):
    """The batches of a source of photographs, epoch by epoch. Batch `number` of `epoch` depends on nothing but the
    arguments here. A record that cannot be read keeps its row, which nothing is learnt from; `unreadable` counts it.

    Args:
        source: where photographs come from.
        converter: how pixels become numbers.
        batch_size, shard, training, steps_per_epoch, seed: as `keras_textrec.data.batches.Batches` has them.
        canvas: (height, width) of the network's input; photographs keep their proportions, and fill it as far as these
            allow.
        crop: in training, whether parts are cut out at random, which cut no word. Otherwise photographs are whole.

    Raises:
        ValueError: the source is empty, or a number is no number of images or batches, or a batch cannot be shared.
    """

    def __init__(
        self,
        source: RegionSource,
        converter: PhotoConverter,
        batch_size: int,
        *,
        canvas: tuple[int, int],
        shard: tuple[int, int] = (0, 1),
        training: bool = False,
        steps_per_epoch: int | None = None,
        crop: bool = True,
        seed: int = 0,
    ):
        super().__init__(source, batch_size, [tuple(canvas)], [batch_size], shard, training, steps_per_epoch, seed)
        self.loader = MapLoader(source, converter, crop and training)
        self._memory = Memory("float32")

    def load(
        self,
        indices: Sequence[int],
        rng: np.random.Generator | None = None,
        canvas: int = 0,
        loader: Callable[..., LoadedMaps] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Inputs, float32 (B, H, W, 3), and targets, float32 (B, H, W, 2), of up to B records.

        Args: as `keras_textrec.data.batches.Batches` has them.
        """
        x = self._memory.take((self.rows[0], *self.shapes[0], 3))
        loaded = (loader or self.loader)(indices, rng, canvas, x)
        for index, reason in loaded.unreadable.items():
            self._skip(index, reason)
        return x, loaded.maps
