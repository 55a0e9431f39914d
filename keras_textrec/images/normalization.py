"""Pixel values to the numbers that a network was trained on."""

from collections.abc import Sequence

import numpy as np

CHANNEL_ORDERS = ("RGB", "BGR")


def check_channel_order(order: str) -> None:
    """ValueError: no order of channels that there is."""
    if order not in CHANNEL_ORDERS:
        raise ValueError(f"The channel order must be 'RGB' or 'BGR', got {order!r}.")


def normalization_table(mean: float | Sequence[float], std: float | Sequence[float]) -> np.ndarray:
    """(value / 255 - mean) / std of every uint8 value, for `cv2.LUT`: one look-up instead of three passes over floats.

    Args:
        mean, std: a number, or three in the order of the channels.

    Returns:
        float32 (256,), or (1, 256, 3) where the channels differ.

    Raises:
        ValueError: neither one number nor three, or a `std` that is not above 0.
    """
    means, deviations = np.asarray(mean, "float32"), np.asarray(std, "float32")
    for name, value, numbers in (("mean", mean, means), ("std", std, deviations)):
        if numbers.shape not in ((), (3,)) or not np.isfinite(numbers).all():
            raise ValueError(f"The converter's {name} must be a number, or three, got {value!r}.")
    if deviations.min() <= 0:
        raise ValueError(f"The converter's std must be above 0, got {std!r}.")
    values = np.arange(256, dtype="float32")[:, None] / 255
    table = np.broadcast_to((values - means) / deviations, (256, 3))
    return np.ascontiguousarray(table[:, 0] if (table == table[:, :1]).all() else table[None])
