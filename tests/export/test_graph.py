"""The builder of ONNX graphs."""

import numpy as np
import onnx
import onnxruntime
import pytest

from keras_textrec.export.formats import OPSET
from keras_textrec.export.graph import NEWEST_OPSET, Graph

pytestmark = pytest.mark.once


def run(model, **inputs):
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


@pytest.mark.parametrize("opset", range(OPSET, NEWEST_OPSET + 1))
def test_operators_of_every_opset(opset):
    graph = Graph(opset)
    x = graph.input("x", "float32", ["batch", 4])
    left, right = graph.split(x, 2, axis=1)
    mean = graph.reduce("ReduceMean", left, [1])
    total = graph.reduce("ReduceSum", right, [1], keepdims=True)
    graph.output(mean, "float32", ["batch"], name="mean")
    graph.output(total, "float32", ["batch", 1], name="total")
    mean, total = run(graph.model("halves"), x=np.float32([[1, 2, 3, 4]]))
    np.testing.assert_array_equal(mean, [1.5])
    np.testing.assert_array_equal(total, [[7]])


def test_the_default_is_old_enough_for_every_runtime():
    graph = Graph()
    graph.output(graph("Relu", graph.input("x", "float32", [1])), "float32", [1], name="y")
    model = graph.model("relu")
    assert (model.opset_import[0].version, model.ir_version) == (17, 8)
    with pytest.raises(ValueError, match="opset 16 is not supported; take one from 17"):
        Graph(16)


def test_a_loop_stops_and_shares_constants():
    """Doubles x until it is above 100, at most 25 times, and keeps what it was at each step."""
    graph = Graph()
    x = graph.input("x", "float32", [])
    two = graph.constant(np.float32(2))
    with graph.scope("double"):
        body = graph.body("step")
        _, _, value = body.input("i", "int64", []), body.input("going", "bool", []), body.input("value", "float32", [])
        doubled = body("Mul", value, np.float32(2))
        body.output(body("Less", doubled, np.float32(100)), "bool", [])
        body.output(doubled, "float32", [])
        body.output(body("Identity", doubled), "float32", [])
        last, seen = graph("Loop", np.int64(25), np.bool_(True), x, outputs=2, body=body)
    graph.output(last, "float32", [], name="last")
    graph.output(seen, "float32", ["steps"], name="seen")
    model = graph.model("doubling")
    last, seen = run(model, x=np.array(30, "float32"))
    assert last == 120 and seen.tolist() == [60, 120]
    step = model.graph.node[0].attribute[0].g
    assert step.name == "step" and step.node[0].name == "double/step/Mul"
    assert step.node[0].input[1] == two


def test_names_are_one_each_and_constants_are_kept_once():
    graph = Graph()
    x = graph.input("x", "float32", [2])
    with graph.scope("a"):
        names = [graph("Add", x, np.float32([1, 2])) for _ in range(3)]
    assert names == ["a/Add", "a/Add_1", "a/Add_2"]
    assert graph("Add_1", x, x) == "Add_1" and graph("Add", x, x) == "Add" and graph("Add", x, x) == "Add_2"
    graph.constant(np.int32([1, 2]))
    graph.constant(np.float32([[1, 2]]))
    assert len(graph.model("adds").graph.initializer) == 3


def test_a_list_is_of_whole_numbers():
    with pytest.raises(TypeError, match="whole numbers"):
        Graph()("Add", "x", [0.5])
