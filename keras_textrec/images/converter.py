"""The network's input: resized, padded, normalised, in the published channel order (SPEC 7 of PaddleOCR's rules)."""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from keras_textrec.images.normalization import check_channel_order, normalization_table

RESIZE_POLICIES = ("stretch", "pad", "widen", "fit")
GROWING = ("widen", "fit")  # those whose canvas is wider for a longer image

# A growing canvas refuses what is longer than this many heights: some two hundred characters, and a bound on memory.
LONGEST_LINE = 100

# Bytes that OpenCV normalises at a time: one call for many images, and what it copies stays in the processor's cache.
_PART = 1 << 16


class ImageConverter:
    """Images to one batch of network input: float32 (B, height, W, 3).

    `resize` says how an image of h x w pixels gets there:

    - "stretch": to height x width, whatever its shape.
    - "pad": to height x min(width, ceil(height * w / h)), then `pad_value` on the right. A longer image is squeezed.
    - "widen": as "pad", but the canvas grows for a longer image instead, to int(height * w / h), rounded up to a
      multiple of `width_multiple`. Images of one `canvas_width` make a batch in which each is what it is alone.
    - "fit": as "widen", but the canvas is as narrow as the image, too, down to `minimum_width`, and no time goes into
      what is empty.

    Args:
        height, width: the canvas in pixels; for "widen" its least width, for "fit" that of training on one canvas.
        resize: the policy.
        channel_order: "RGB", or "BGR", as most of the published networks want it and their presets say.
        mean, std: what (value / 255 - mean) / std takes; a number, or three in the channel order.
        pad_value: fills the padding, after normalisation (0.0 is mid-grey, -1.0 black).
        width_multiple: of "widen" and "fit": the canvas width's step.
        round_width_to, minimum_width: of all but "stretch": the resized width is rounded to a multiple (half to even),
            then raised to a minimum. RobustScanner has 4 and 48.
        turn_above: an image of more than this many times its width in height is turned counterclockwise first, so that
            a line from top to bottom runs from left to right; None turns none. MindOCR's Chinese networks have 2.

    Raises:
        ValueError: an unknown policy or channel order, "fit" without `minimum_width`, a size or `turn_above` below 1,
            or a mean or standard deviation that is none.
    """

    def __init__(
        self,
        height: int,
        width: int,
        resize: str = "pad",
        channel_order: str = "RGB",
        mean: float | Sequence[float] = 0.5,
        std: float | Sequence[float] = 0.5,
        pad_value: float = 0.0,
        width_multiple: int = 1,
        round_width_to: int = 1,
        minimum_width: int = 1,
        turn_above: float | None = None,
    ):
        if resize not in RESIZE_POLICIES:
            raise ValueError(f"The resize policy must be one of {RESIZE_POLICIES}, got {resize!r}.")
        check_channel_order(channel_order)
        if resize == "fit" and minimum_width == 1:
            raise ValueError("A converter that resizes by 'fit' needs a minimum_width for narrow images.")
        if min(height, width, width_multiple, round_width_to, minimum_width) < 1:
            raise ValueError("The converter's sizes must be at least 1.")
        if turn_above is not None and turn_above < 1:
            raise ValueError(f"The converter's turn_above must be None or at least 1, got {turn_above}.")
        self.height = height
        self.width = width
        self.resize = resize
        self.channel_order = channel_order
        self.mean = mean
        self.std = std
        self.pad_value = pad_value
        self.width_multiple = width_multiple
        self.round_width_to = round_width_to
        self.minimum_width = minimum_width
        self.turn_above = turn_above
        self._table = normalization_table(mean, std)

    @property
    def grows(self) -> bool:
        """Whether the canvas of a longer image is wider."""
        return self.resize in GROWING

    @property
    def least_width(self) -> int:
        """Of the canvas of one image, before it is rounded up to a multiple."""
        return self.minimum_width if self.resize == "fit" else self.width

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Converts images, each uint8 (H, W, 3) RGB; the canvas is as wide as the widest `canvas_width`."""
        return self.convert(images, max(self.canvas_width(image.shape) for image in images))

    def convert(self, images: Sequence[np.ndarray], width: int) -> np.ndarray:
        """Images, each uint8 (H, W, 3) RGB, on a canvas of `width` pixels: float32 (B, height, width, 3)."""
        pixels = np.empty((len(images), self.height, width, 3), "uint8")
        ends = [self.fit(image, canvas) for image, canvas in zip(images, pixels)]
        return self.normalize(pixels, ends, np.empty(pixels.shape, "float32"))

    def fit(self, image: np.ndarray, canvas: np.ndarray) -> int:
        """Resizes an image, uint8 (H, W, 3), into the left of `canvas`, uint8 (height, width, 3); gives the width."""
        end = self.resized_width(image.shape, canvas.shape[1])
        if self.upright(image.shape) != image.shape[:2]:
            image = cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE)
        cv2.resize(image, (end, self.height), dst=canvas[:, :end], interpolation=cv2.INTER_LINEAR)
        return end

    def normalize(self, pixels: np.ndarray, ends: Sequence[int], batch: np.ndarray) -> np.ndarray:
        """The second half of `convert`, for all images at once.

        Args:
            pixels: uint8 (B, height, width, 3) RGB, what `fit` filled; overwritten.
            ends: of each image, the columns it fills.
            batch: float32 (B, height, width, 3), the result.
        """
        count = max(1, _PART // math.prod(pixels.shape[1:]))
        for start in range(0, len(pixels), count):
            part = pixels[start : start + count].reshape(-1, *pixels.shape[2:])
            if self.channel_order == "BGR":
                cv2.cvtColor(part, cv2.COLOR_RGB2BGR, dst=part)
            cv2.LUT(part, self._table, dst=batch[start : start + count].reshape(part.shape))
        for row in np.flatnonzero(np.less(ends, batch.shape[2])).tolist():
            batch[row, :, ends[row] :] = self.pad_value
        return batch

    def to_image(self, x: np.ndarray) -> np.ndarray:
        """The way back: network input, float (H, W, 3), as an image, uint8 (H, W, 3) RGB."""
        values = np.clip(np.rint((x * np.asarray(self.std) + np.asarray(self.mean)) * 255), 0, 255).astype("uint8")
        return values[..., ::-1] if self.channel_order == "BGR" else values

    def upright(self, shape: Sequence[int]) -> tuple[int, int]:
        """Height and width of an image of `shape` (H, W, ...), turned if it is to be (`turn_above`)."""
        height, width = shape[:2]
        return (width, height) if self.turn_above and height > self.turn_above * width else (height, width)

    def resized_width(self, shape: Sequence[int], canvas_width: int) -> int:
        """How many columns of a canvas an image of `shape` (H, W, ...) fills."""
        return min(canvas_width, self._wanted_width(shape, canvas_width))

    def canvas_width(self, shape: Sequence[int]) -> int:
        """The canvas width of an image of `shape` (H, W, ...) alone. ValueError: too long for one that grows."""
        if not self.grows:
            return self.width
        height, width = self.upright(shape)
        if width > LONGEST_LINE * height:
            raise ValueError(f"An image of {height} x {width} pixels (height x width) is too long for a line of text.")
        wanted = max(self.least_width, int(self.height * (width / height)))
        return -(-wanted // self.width_multiple) * self.width_multiple

    def canvas_widths(self, growth: float) -> list[int]:
        """A few widths, the least first, that hold every image, where `canvas_width` gives hundreds.

        Args:
            growth: of each width to the next, above 1.
        """
        widths = [self.canvas_width((self.height, self.height))]
        if self.grows:
            longest = self.canvas_width((self.height, LONGEST_LINE * self.height))
            while widths[-1] < longest:
                widths.append(-(-math.ceil(widths[-1] * growth) // self.width_multiple) * self.width_multiple)
        return widths

    def valid_ratio(self, shape: Sequence[int]) -> float:
        """The part of its canvas that an image of `shape` (H, W, ...) fills, 0 to 1."""
        canvas_width = self.canvas_width(shape)
        return min(1.0, self._wanted_width(shape, canvas_width) / canvas_width)

    def resized(self, height: int, width: int) -> "ImageConverter":
        """The same for another canvas."""
        return self.from_config({**self.get_config(), "height": height, "width": width})

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({values})"

    def get_config(self) -> dict:
        """Plain values that rebuild the converter."""
        return {
            "height": self.height,
            "width": self.width,
            "resize": self.resize,
            "channel_order": self.channel_order,
            "mean": self.mean,
            "std": self.std,
            "pad_value": self.pad_value,
            "width_multiple": self.width_multiple,
            "round_width_to": self.round_width_to,
            "minimum_width": self.minimum_width,
            "turn_above": self.turn_above,
        }

    @classmethod
    def from_config(cls, config: dict) -> "ImageConverter":
        return cls(**config)

    def _wanted_width(self, shape: Sequence[int], canvas_width: int) -> int:
        if self.resize == "stretch":
            return canvas_width
        height, width = self.upright(shape)
        wanted = math.ceil(self.height * (width / height))
        return max(self.minimum_width, round(wanted / self.round_width_to) * self.round_width_to)
