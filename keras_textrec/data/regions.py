"""The words of a photograph: what a text detector is trained on and measured by."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

# Texts of regions that nobody can read: they are neither to be found nor ground (ICDAR's, and PPOCRLabel's).
IGNORED = ("###", "*")


class TextRegion(NamedTuple):
    """A word, or a line: `polygon` float32 (N, 2), its corners (x, y) in pixels, clockwise from the text's top left."""

    polygon: np.ndarray
    text: str

    @property
    def ignored(self) -> bool:
        return self.text in IGNORED


def check_regions(regions: Sequence[TextRegion], shape: tuple[int, ...]) -> None:
    """ValueError: a polygon lies outside its photograph, of the shape (H, W, ...)."""
    for region in regions:
        if (region.polygon.max(0) <= 0).any() or (region.polygon.min(0) >= shape[1::-1]).any():
            raise ValueError(
                f"the polygon {region.polygon.tolist()} lies outside the photograph of {shape[1]} x {shape[0]} pixels."
            )


@runtime_checkable
class RegionSource(Protocol):
    """Photographs by position: the image as the bytes of its file, and its regions. Otherwise as
    `keras_textrec.data.sources.Source`."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[bytes, list[TextRegion]]: ...

    def text(self, index: int) -> str:
        """What stands in record `index`, by which the processes of a training see that all have the same."""
        ...

    def key(self, index: int) -> str: ...
