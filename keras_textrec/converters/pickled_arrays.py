"""NumPy's arrays in pickles, made of their numbers alone: no object of NumPy is made by what a file says."""

from typing import Any

import numpy as np

from keras_textrec.converters.arrays import NUMBERS, to_array
from keras_textrec.converters.pickles import Unpickler

_NDARRAY = object()  # numpy.ndarray, which pickles name and nobody calls


class PickledArray:
    """An array of a pickle: first made, then filled (`array`), as pickles do."""

    array: np.ndarray | None = None


class PickledType:
    """The type of an array's numbers: NumPy's code such as "f4", little-endian."""

    def __init__(self, code: str):
        self.code = code


class ArrayUnpickler(Unpickler):
    """Reads pickles of plain values, `PickledArray` and NumPy's scalars (which become plain numbers)."""

    def __init__(self, data: bytes | memoryview, start: int = 0):
        super().__init__(data, start)
        self.known = {
            ("numpy", "ndarray"): _NDARRAY,
            ("numpy", "dtype"): _make_type,
            ("_codecs", "encode"): self._encode,
            # NumPy 2 writes "_core", NumPy 1 "core".
            **{(f"numpy.{core}.multiarray", "_reconstruct"): _begin_array for core in ("core", "_core")},
            **{(f"numpy.{core}.multiarray", "scalar"): self._make_scalar for core in ("core", "_core")},
        }

    def build(self, thing: Any, state: Any) -> None:
        match thing, state:
            case PickledArray(array=None), (1, tuple(shape), PickledType(code=code), bool(fortran), raw):
                thing.array = self.make_array(raw, code, shape, fortran)
            case PickledType(), (3, "<" | "|", None, None, None, -1, -1, 0):
                pass
            case _:
                raise ValueError("it is damaged, or holds an array that is not of little-endian numbers")

    def make_array(self, raw: Any, code: str, shape: tuple, fortran: bool = False) -> np.ndarray:
        """A new array, in C order, of the numbers in `raw`; ValueError unless they fill `shape` exactly."""
        if not isinstance(raw, bytes | memoryview):
            raise ValueError("it is damaged: an array's numbers are missing")
        array = to_array(raw, code, shape, "F" if fortran else "C")
        self.spend(len(raw))
        return array

    def _encode(self, *arguments: Any) -> bytes:
        """How Python 3 writes bytes in protocol 2: as a text of their values."""
        match arguments:
            case (str(text), "latin1") if text.isascii() or max(text) <= "\xff":
                self.spend(len(text))
                return text.encode("latin1")
        raise ValueError("it is damaged: it encodes what is no array")

    def _make_scalar(self, *arguments: Any) -> Any:
        match arguments:
            case (PickledType(code=code), raw):
                return self.make_array(raw, code, ()).item()
        raise ValueError("it is damaged: a number is not one")


def _begin_array(*arguments: Any) -> PickledArray:
    match arguments:
        case (kind, (0,), b"b") if kind is _NDARRAY:
            return PickledArray()
    raise ValueError("it is damaged: an array begins unlike any")


def _make_type(*arguments: Any) -> PickledType:
    match arguments:
        case ("u2", bool() | 0 | 1, bool() | 0 | 1):  # Paddle has no such integers: so it keeps bfloat16
            return PickledType("bf2")
        case (str(code), bool() | 0 | 1, bool() | 0 | 1) if code in NUMBERS:
            return PickledType(code)
        case (str(code), *_):
            raise ValueError(f"it holds arrays of {code[:20]!a}; only arrays of numbers are read")
    raise ValueError("it is damaged: an array's type is not one")
