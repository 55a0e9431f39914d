"""Records of a source, and what augmentation does to them, to look at."""

import logging
from collections.abc import Sequence

import numpy as np

from keras_textrec.data.augment import Augmentation, augmentation
from keras_textrec.data.sources import Source, prefetch
from keras_textrec.images.load import decode
from keras_textrec.images.sheet import contact_sheet
from keras_textrec.images.size import shrink

logger = logging.getLogger(__name__)


def readable(source: Source, positions: Sequence[int]) -> list[tuple[np.ndarray, str]]:
    """Records by their positions: image, uint8 (H, W, 3) RGB, and text; one that cannot be read is left out and logged.

    Raises:
        ValueError: none of them can be read.
    """
    records = []
    prefetch(source, positions)
    for position in positions:
        try:
            data, text = source[position]
            records.append((decode(data), text))
        except (ValueError, OSError) as error:
            logger.warning("Left out %s: %s", source.key(position), error)
    if not records:
        raise ValueError(f"There is nothing to look at: of {len(positions)} records none can be read.")
    return records


def sheet(
    images: Source | Sequence[np.ndarray],
    augment: Augmentation | str,
    count: int = 8,
    draws: int = 4,
    height: int = 32,
    seed: int = 0,
) -> np.ndarray:
    """A row for each image: as it is, by each effect of the augmentation alone (if it tells them), and by all together.

    Args:
        images: a source, of which `count` records are drawn, or images, uint8 (H, W, 3).
        augment: the augmentation, or its name in a recipe.
        draws: how many times it is shown together.
        height: of the network's input; as in training, higher images are shrunk to it first.
        seed: of the choice and of the augmentation.

    Returns:
        uint8 (H, W, 3), RGB.

    Raises:
        ValueError: no images, or no augmentation of that name.
    """
    augment = augmentation(augment) if isinstance(augment, str) else augment
    rng = np.random.default_rng(seed)
    if isinstance(images, Source):
        chosen = np.sort(rng.permutation(len(images))[:count])
        images = [image for image, _ in readable(images, chosen.tolist())]
    steps = {**getattr(augment, "effects", {}), **{f"all, draw {draw + 1}": augment for draw in range(draws)}}
    cells, captions = [], []
    for image in images:
        image = shrink(image, height / len(image))
        cells += [image, *(step(image, rng) for step in steps.values())]
        captions += ["as it is", *steps]
    return contact_sheet(cells, captions, columns=1 + len(steps), height=2 * height, width=5 * height)
