"""What the functions have in common that write layers to ONNX."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_textrec.export.graph import Graph


class Unwritable(ValueError):
    """A layer is set up in a way that is not written; the text says what."""


@dataclasses.dataclass(frozen=True)
class Writing:
    """The graph that is written, and what layers do not know of their network.

    Args:
        end: the id of the symbol that ends a text, for a network that writes symbols one after the other.
    """

    graph: Graph
    end: int | None = None


# Writes a layer: `(writing, layer, *arguments, **keywords)`, with a `Value` wherever Keras has a tensor, gives what the
# layer's `call` gives, as `Value`s.
Writer = Callable[..., Any]


def require(condition: Any, fault: str) -> None:
    """Raises `Unwritable` unless the layer is set up as its writer takes it."""
    if not condition:
        raise Unwritable(fault)


def array(variable: Any) -> np.ndarray:
    """A variable's value in float64: what is computed of it here is rounded to float32 once, the same everywhere."""
    return keras.ops.convert_to_numpy(variable).astype("float64")


def float32(variable: Any) -> np.ndarray:
    return array(variable).astype("float32")
