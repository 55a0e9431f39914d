"""What a Keras network passes from layer to layer, as it is written to ONNX.

ONNX wants maps channels-first and recurrent layers time-first, Keras has both the other way round. A value is therefore
held in any order of axes, and turned into another only when a layer asks for that.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from keras_textrec.export.graph import Graph, Input

# How to come from one order of axes to another: N images, H rows, W columns, T steps, C channels.
TURNS = {
    ("NHWC", "NCHW"): (0, 3, 1, 2),
    ("NCHW", "NHWC"): (0, 2, 3, 1),
    ("NTC", "TNC"): (1, 0, 2),
    ("NTC", "NCT"): (0, 2, 1),
    ("TNC", "NTC"): (1, 0, 2),
    ("TNC", "NCT"): (1, 2, 0),
    ("NCT", "NTC"): (0, 2, 1),
    ("NCT", "TNC"): (2, 0, 1),
}


class Value:
    """A tensor of the network, in one or several orders of its axes.

    Args:
        graph: where it is made.
        ways: order of axes -> the value's name in the graph, or a function that makes it when it is first used.
        positive: no number in it is below 0.
        scopes: of the layer that makes it; the open ones by default.
    """

    # What made it, where the layer that takes it may do that better itself.
    convolution: "Convolution | None" = None
    padding: "Padding | None" = None

    def __init__(
        self,
        graph: Graph,
        ways: Mapping[str, str | Callable[[], str]],
        *,
        positive: bool = False,
        scopes: tuple[str, ...] | None = None,
    ):
        self.graph = graph
        self.positive = positive
        self._scopes = graph.scopes if scopes is None else scopes
        self._ways = dict(ways)
        self._cells: Value | None = None

    @property
    def axes(self) -> str:
        """The order that costs least."""
        return self.orders[0]

    @property
    def orders(self) -> tuple[str, ...]:
        """The orders that cost no transpose."""
        return tuple(self._ways)

    @property
    def is_map(self) -> bool:
        return "H" in self.axes

    @property
    def channels_last(self) -> str:
        """An order whose last axis is the channels."""
        return {"NCHW": "NHWC", "NCT": "NTC"}.get(self.axes, self.axes)

    def to(self, axes: str) -> str:
        """The name of the value in this order of axes."""
        way = self._ways.get(axes)
        if way is None:
            ready = [known for known in self._ways if (known, axes) in TURNS]
            source = next((known for known in ready if isinstance(self._ways[known], str)), ready[0])
            way = self.graph("Transpose", self.to(source), perm=TURNS[source, axes])
        elif callable(way):
            with self.graph.within(self._scopes):
                way = way()
        self._ways[axes] = way
        return way

    def mapped(self, op: str, *inputs: Input, **attributes: Any) -> "Value":
        """What an operator makes of it, in the order of axes that costs least."""
        return Value(self.graph, {self.axes: self.graph(op, self.to(self.axes), *inputs, **attributes)})

    def cells(self) -> "Value":
        """A map as the sequence of its cells, row by row."""
        if self._cells is None:
            self._cells = Value(self.graph, {"NCT": lambda: self.graph("Reshape", self.to("NCHW"), [0, 0, -1])})
        return self._cells


def common_axes(values: Sequence[Value]) -> str:
    """The order of axes in which the values come together with the fewest transposes."""
    return max((value.axes for value in values), key=lambda axes: sum(axes in value.orders for value in values))


class Padding(NamedTuple):
    """A map with rows and columns of zeros around it."""

    x: Value
    top: int
    left: int
    bottom: int
    right: int

    def value(self) -> Value:
        value = Value(self.x.graph, {"NCHW": self._write}, positive=self.x.positive)
        value.padding = self
        return value

    def _write(self) -> str:
        _, top, left, bottom, right = self
        return self.x.graph("Pad", self.x.to("NCHW"), [0, 0, top, left, 0, 0, bottom, right])


@dataclasses.dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution that is not written yet, so that what follows can be multiplied into it.

    Args:
        op: `Conv` or `ConvTranspose`.
        x: the map that it reads.
        kernel: float32.
        scale, bias: float64 (outputs,); the convolution's outputs times the one plus the other.
        outputs: the axis of the kernel that is the output channels.
        attributes: of the operator.
        scopes: of the layer.
    """

    op: str
    x: Value
    kernel: np.ndarray
    scale: np.ndarray
    bias: np.ndarray
    outputs: int
    attributes: dict[str, Any]
    scopes: tuple[str, ...]

    def scaled(self, scale: np.ndarray, shift: np.ndarray) -> Self:
        """The convolution followed by `scale * y + shift`, float64 (outputs,) each."""
        return dataclasses.replace(self, scale=self.scale * scale, bias=self.bias * scale + shift)

    def value(self) -> Value:
        value = Value(self.x.graph, {"NCHW": self._write}, scopes=self.scopes)
        value.convolution = self
        return value

    def _write(self) -> str:
        graph = self.x.graph
        x = self.x.to("NCHW")
        scale = np.expand_dims(self.scale, [axis for axis in range(self.kernel.ndim) if axis != self.outputs])
        kernel = graph.constant((self.kernel * scale).astype("float32"), "kernel")
        inputs = [x, kernel]
        if self.bias.any():
            inputs.append(graph.constant(self.bias.astype("float32"), "bias"))
        return graph(self.op, *inputs, **self.attributes)
