"""Images and texts that a program holds, or image files by their paths."""

import itertools
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2

from keras_textrec.data.sources import check_index
from keras_textrec.images import load_image


class MemorySource:
    """A source of images and their texts, in the order given.

    Args:
        images: N of what `keras_textrec.images.load_image` takes: paths, bytes of files, arrays, PIL images; an array
            (N, H, W, 3) or a column of a table is N of them.
        texts: N strings.

    Raises:
        ValueError: another number of texts than of images, or a text that is no string.
    """

    path = "images given in Python"

    def __init__(self, images: Iterable[Any], texts: Iterable[str]):
        self.images, self.texts = list(images), list(texts)
        if len(self.images) != len(self.texts):
            raise ValueError(f"There are {len(self.images):,} images and {len(self.texts):,} texts; give one for each.")
        for i, text in enumerate(self.texts):
            if not isinstance(text, str):
                raise ValueError(f"Text {i} is {text!r} ({type(text).__name__}); every text must be a string.")

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: int) -> tuple[bytes, str]:
        position = check_index(index, len(self))
        image = self.images[position]
        if isinstance(image, str | os.PathLike):
            data = Path(image).read_bytes()
        elif isinstance(image, bytes):
            data = image
        else:
            try:
                pixels = load_image(image)
            except TypeError as error:
                raise ValueError(str(error)) from error
            data = cv2.imencode(".bmp", pixels[..., ::-1])[1].tobytes()
        return data, self.texts[position]

    def text(self, index: int) -> str:
        return self.texts[check_index(index, len(self))]

    def key(self, index: int) -> str:
        position = check_index(index, len(self))
        image = self.images[position]
        return str(image) if isinstance(image, str | os.PathLike) else f"image {position}"


def from_arrays(images: Iterable[Any], texts: Iterable[str]) -> MemorySource:
    """A source of images and their texts: `from_arrays(table["file"], table["text"])`; `MemorySource` says more."""
    return MemorySource(images, texts)


def are_texts(values: Any) -> bool:
    """Whether these are texts, a list or a table's column of them, rather than labels as numbers."""
    # Of a table's column the first may be missing.
    return hasattr(values, "__len__") and any(isinstance(value, str) for value in itertools.islice(values, 100))
