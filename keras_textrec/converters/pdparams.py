"""PaddleOCR's training checkpoints: a pickle of {structured name: array}, and what Paddle notes beside them."""

import math
from typing import Any

import numpy as np

from keras_textrec.converters.pickled_arrays import ArrayUnpickler, PickledArray

# Structured name -> internal name; only optimizers need it.
_NAMES = "StructuredToParameterName@@"
# Name -> {"OriginShape", "slices"} of arrays over 1 GB, which protocol 2 could not hold whole.
_SLICED = "UnpackBigParamInfor@@"


def read_pdparams(data: bytes) -> dict[str, np.ndarray]:
    """Every tensor by its structured name, copies included.

    Raises:
        ValueError: the pickle is damaged, or holds anything but named arrays.
    """
    unpickler = ArrayUnpickler(data)
    content = unpickler.load()
    if unpickler.position != len(data):
        raise ValueError("it is damaged: there is more behind its end")
    if not isinstance(content, dict):
        raise ValueError("it holds no named arrays")
    sliced = content.pop(_SLICED, {})
    content.pop(_NAMES, None)
    tensors = {name: _array(name, value) for name, value in content.items()}
    return _join(tensors, sliced)


def _array(name: str | int, value: Any) -> np.ndarray:
    if not isinstance(name, str) or not isinstance(value, PickledArray) or value.array is None:
        raise ValueError(f"its entry {ascii(name)[:200]} is no array")
    return value.array


def _join(tensors: dict[str, np.ndarray], sliced: Any) -> dict[str, np.ndarray]:
    if not isinstance(sliced, dict):
        raise ValueError(f"it is damaged: {_SLICED} is no table")
    for name, facts in sliced.items():
        match facts:
            case {"OriginShape": tuple(shape), "slices": list(slices)} if all(type(size) is int for size in shape):
                pass
            case _:
                raise ValueError(f"it is damaged: {_SLICED} does not tell how {ascii(name)[:200]} was cut")
        if not slices or not all(isinstance(part, str) and part in tensors for part in slices):
            raise ValueError(f"it is damaged: parts of {ascii(name)[:200]} are missing")
        parts = [tensors.pop(part).ravel() for part in dict.fromkeys(slices)]
        if math.prod(shape) != sum(part.size for part in parts):
            raise ValueError(f"it is damaged: the parts of {ascii(name)[:200]} do not make up its shape")
        tensors[name] = np.concatenate(parts).reshape(shape)
    return tensors
