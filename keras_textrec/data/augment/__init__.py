"""Augmentation: `(image uint8 (H, W, 3) RGB, numpy.random.Generator) -> image uint8 (H', W', 3)`.

The generator alone decides what is drawn, so the same generator gives the same image. All work on OpenCV. An
augmentation may have `batch`, (images, generator) -> images, where several at once take less time.
"""

from collections.abc import Callable, Sequence

import numpy as np

from keras_textrec.data.augment.randaugment import RandAugment as RandAugment
from keras_textrec.data.augment.recaug import RecAug as RecAug
from keras_textrec.data.augment.rotation import Rotation as Rotation

Augmentation = Callable[[np.ndarray, np.random.Generator], np.ndarray]

AUGMENTATIONS = {"recaug": RecAug, "randaugment": RandAugment, "rotation": Rotation}


def augmented(images: Sequence[np.ndarray], augment: Augmentation, rng: np.random.Generator) -> list[np.ndarray]:
    """All of these images augmented: by the augmentation's `batch` where it has one, which takes less time an image."""
    if hasattr(augment, "batch"):
        return augment.batch(images, rng)
    return [augment(image, rng) for image in images]


class Chain:
    """Several augmentations, one after the other."""

    def __init__(self, *steps: Augmentation):
        self.steps = steps

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        for step in self.steps:
            image = step(image, rng)
        return image

    def batch(self, images: Sequence[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
        for step in self.steps:
            images = augmented(images, step, rng)
        return images


def augmentation(name: str) -> Augmentation:
    """The augmentation of a recipe: a name of `AUGMENTATIONS`, or several as "rotation+recaug".

    Raises:
        ValueError: there is no augmentation of that name.
    """
    names = name.split("+")
    for part in names:
        if part not in AUGMENTATIONS:
            raise ValueError(f"There is no augmentation {part!r}; there are {', '.join(AUGMENTATIONS)}, joined by '+'.")
    steps = [AUGMENTATIONS[part]() for part in names]
    return steps[0] if len(steps) == 1 else Chain(*steps)
