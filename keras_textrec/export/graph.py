"""A small builder of ONNX graphs: an operator is a call, a constant an array, a value its name."""

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from keras_textrec.export.formats import OPSET
from keras_textrec.version import __version__

NEWEST_OPSET = 24  # that the tests run

# An operator's input: the name of a value, an array, whole numbers (int64, one axis), or None for one left out.
Input = str | np.ndarray | np.generic | Sequence[int] | None


class Graph:
    """The nodes of a graph in their order, and its inputs, outputs and constants.

    Names are made of the scope that is open and the operator, so that they are the same in every process:

        graph = Graph()
        image = graph.input("image", "uint8", ["batch", "height", "width", 3])
        with graph.scope("converter"):
            x = graph("Cast", image, to=onnx.TensorProto.FLOAT)       # the value "converter/Cast"
            x = graph("Mul", x, np.float32(1 / 255))
            upper, lower = graph("Split", x, axis=1, outputs=2)
        graph.output(upper, "float32", ["batch", None, "width", 3], name="pixels")
        onnx.save(graph.model("name"), path)

    The bodies of `Loop`, `Scan` and `If` are graphs as well, made by `body` and given as attributes. They use the
    values of the graphs around them by name, and all share the constants of the outermost one:

        step = graph.body("step")
        i, going = step.input("i", "int64", []), step.input("going", "bool", [])
        total = step.input("total", "float32", [])
        step.output(step("Identity", going), "bool", [])
        step.output(step("Add", total, np.float32(1)), "float32", [])
        total = graph("Loop", np.int64(25), np.bool_(True), np.float32(0), body=step)

    Args:
        opset: the version of the standard operators.

    Raises:
        ValueError: an opset that is not tested.
    """

    def __init__(self, opset: int = OPSET):
        if not OPSET <= opset <= NEWEST_OPSET:
            raise ValueError(f"ONNX opset {opset} is not supported; take one from {OPSET} to {NEWEST_OPSET}.")
        self.opset = opset
        self._nodes: list[onnx.NodeProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        # What a body shares with the graphs around it.
        self._constants: dict[str, onnx.TensorProto] = {}
        self._known: dict[tuple, str] = {}
        self._taken: dict[str, int] = {}
        self._scopes: tuple[str, ...] = ()

    def body(self, name: str) -> "Graph":
        """A graph within this one, to be the attribute of a node."""
        body = Graph(self.opset)
        body._constants, body._known, body._taken = self._constants, self._known, self._taken
        body._scopes = (*self._scopes, name)
        return body

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes that are open."""
        return self._scopes

    @contextlib.contextmanager
    def within(self, scopes: tuple[str, ...]) -> Iterator[None]:
        """What is made within has names that begin with these scopes, whichever were open."""
        outer, self._scopes = self._scopes, scopes
        try:
            yield
        finally:
            self._scopes = outer

    def scope(self, name: str) -> contextlib.AbstractContextManager[None]:
        """What is made within has names that begin with those of the open scopes and this one."""
        return self.within((*self._scopes, name))

    def __call__(self, op: str, *inputs: Input, outputs: int = 1, **attributes: Any) -> Any:
        """The values of a new node, by name: one, or a list of `outputs`.

        Attributes are what `onnx.helper.make_node` takes, graphs made by `body`, or arrays; those that are None are
        left out.
        """
        name = self._unique(op)
        names = [name] if outputs == 1 else [self._unique(f"{op}.{i}") for i in range(outputs)]
        given = [self._value(x) for x in inputs]
        made = {key: self._attribute(value) for key, value in attributes.items() if value is not None}
        self._nodes.append(helper.make_node(op, given, names, name, **made))
        return names[0] if outputs == 1 else names

    def constant(self, array: np.ndarray | np.generic, name: str = "constant") -> str:
        """The name of a constant; equal ones are kept once, under the name of the first."""
        array = np.array(array, order="C")  # `ascontiguousarray` makes an axis of none
        key = (array.dtype.str, array.shape, hashlib.sha256(array).digest())
        if key not in self._known:
            self._known[key] = unique = self._unique(name)
            self._constants[unique] = numpy_helper.from_array(array, unique)
        return self._known[key]

    def input(self, name: str, dtype: str, shape: Sequence[int | str | None]) -> str:
        """A new input. An axis is a number, a name where it is free, or None where it is not known.

        A body's inputs get a name of their own.
        """
        name = self._unique(name)
        self._inputs.append(_info(name, dtype, shape))
        return name

    def output(self, value: str, dtype: str, shape: Sequence[int | str | None], name: str | None = None) -> None:
        """The value as the next output.

        Args:
            name: that the output is to have. Without one it is the value itself, which a node of this very graph must
                have made.
        """
        if name is not None:
            self._nodes.append(helper.make_node("Identity", [value], [name], name))
            self._taken[name] = 0
        self._outputs.append(_info(name or value, dtype, shape))

    # === Operators that changed from opset to opset ===

    def split(self, x: Input, parts: int, axis: int) -> list[str]:
        """Equal parts along an axis."""
        return self("Split", x, outputs=parts, axis=axis, num_outputs=parts if self.opset >= 18 else None)

    def reduce(self, op: str, x: Input, axes: Sequence[int], keepdims: bool = False) -> str:
        """`ReduceMean`, `ReduceMax`, ... over the axes."""
        if self.opset >= 18 or op == "ReduceSum":
            return self(op, x, list(axes), keepdims=int(keepdims))
        return self(op, x, axes=list(axes), keepdims=int(keepdims))

    # === The finished graph ===

    def proto(self, name: str) -> onnx.GraphProto:
        return helper.make_graph(self._nodes, name, self._inputs, self._outputs)

    def model(self, name: str) -> onnx.ModelProto:
        """The graph as a model of the lowest IR version that its opset allows (8 for opset 17)."""
        graph = self.proto(name)
        graph.initializer.extend(self._constants.values())
        opsets = [helper.make_opsetid("", self.opset)]
        return helper.make_model(
            graph,
            opset_imports=opsets,
            ir_version=helper.find_min_ir_version_for(opsets),
            producer_name="keras-textrec",
            producer_version=__version__,
        )

    def _value(self, x: Input) -> str:
        if x is None or isinstance(x, str):
            return x or ""
        if isinstance(x, np.ndarray | np.generic):
            return self.constant(x)
        if not all(isinstance(i, int | np.integer) for i in x):
            raise TypeError(f"A list given to an operator is of whole numbers; make an array of {x}.")
        return self.constant(np.array(x, "int64"))

    def _attribute(self, value: Any) -> Any:
        if isinstance(value, Graph):
            return value.proto(value._scopes[-1])
        return numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value

    def _unique(self, name: str) -> str:
        """The name within the open scopes, with a number if it is taken."""
        first = unique = "/".join([*self._scopes, name])
        while unique in self._taken:
            self._taken[first] += 1
            unique = f"{first}_{self._taken[first]}"
        self._taken[unique] = 0
        return unique


def _info(name: str, dtype: str, shape: Sequence[int | str | None]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), list(shape))
