"""A photograph as a detector's input: resized, its channels in the published order, normalised."""

from collections.abc import Sequence

import cv2
import numpy as np

from keras_textrec.images.normalization import check_channel_order, normalization_table


class PhotoConverter:
    """A photograph to a detector's input: float32 (h, w, 3).

    The ratio is kept but for the rounding to multiples, and nothing is made larger but for it.

    Args:
        longest_side: a photograph with a longer side, in pixels, is made smaller.
        multiple: h and w are multiples of this, in pixels. A network that halves its input five times needs 32.
        channel_order: "RGB", or "BGR" as PaddleOCR's networks want it.
        mean, std: what (value / 255 - mean) / std takes; a number, or three in the channel order.

    Raises:
        ValueError: an unknown channel order, a size below 1, a longest side below the multiple, or a mean or standard
            deviation that is none.
    """

    def __init__(
        self,
        longest_side: int = 960,
        multiple: int = 32,
        channel_order: str = "RGB",
        mean: float | Sequence[float] = 0.5,
        std: float | Sequence[float] = 0.5,
    ):
        if multiple < 1 or longest_side < multiple:
            raise ValueError(
                "The converter's multiple must be at least 1 and its longest side at least the multiple, got "
                f"multiple={multiple} and longest_side={longest_side}."
            )
        check_channel_order(channel_order)
        self.longest_side = longest_side
        self.multiple = multiple
        self.channel_order = channel_order
        self.mean = mean
        self.std = std
        self._table = normalization_table(mean, std)

    def __call__(self, photo: np.ndarray) -> np.ndarray:
        """Converts a photograph, uint8 (H, W, 3) RGB."""
        scale = min(1.0, self.longest_side / max(photo.shape[:2]))
        height, width = (
            max(self.multiple, round(int(side * scale) / self.multiple) * self.multiple) for side in photo.shape[:2]
        )
        return self.normalize(cv2.resize(photo, (width, height), interpolation=cv2.INTER_LINEAR))

    def normalize(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels, uint8 (h, w, 3) RGB, as a network takes them: float32 (h, w, 3), in its order of channels."""
        if self.channel_order == "BGR":
            pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
        return cv2.LUT(pixels, self._table)

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"PhotoConverter({values})"

    def get_config(self) -> dict:
        """Plain values that rebuild the converter."""
        return {
            "longest_side": self.longest_side,
            "multiple": self.multiple,
            "channel_order": self.channel_order,
            "mean": self.mean,
            "std": self.std,
        }

    @classmethod
    def from_config(cls, config: dict) -> "PhotoConverter":
        return cls(**config)
