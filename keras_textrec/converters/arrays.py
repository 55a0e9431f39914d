"""Bytes of a checkpoint into arrays."""

import math

import numpy as np

# What tensors are made of: NumPy's codes, and "bf2" for bfloat16, which NumPy lacks.
NUMBERS = frozenset({"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "bf2"})


def item_size(code: str) -> int:
    """The bytes of one number of a type of `NUMBERS`."""
    return int(code[-1])


def to_array(raw: bytes | memoryview, code: str, shape: tuple[int, ...], order: str = "C") -> np.ndarray:
    """A new array, in C order, of little-endian numbers of a type of `NUMBERS`; floats of 16 bits become float32.

    Args:
        raw: the numbers.
        code: their type.
        shape: up to 8 positive sizes; none for a single number.
        order: "F" when the first axis varies fastest in `raw`.

    Raises:
        ValueError: `shape` is none, or `raw` does not fill it.
    """
    if len(shape) > 8 or not all(type(length) is int and 0 < length < 2**40 for length in shape):
        raise ValueError("it is damaged: an array has an impossible shape")
    if math.prod(shape) * item_size(code) != len(raw):
        raise ValueError(f"it is damaged: {len(raw):,} bytes are no {code} array of shape {shape}")
    if code == "bf2":  # the upper half of a float32
        flat = (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4")
    else:
        flat = np.frombuffer(raw, f"<{code}")
    return np.array(flat.reshape(shape, order=order), "f4" if code == "f2" else flat.dtype.newbyteorder("="), order="C")
