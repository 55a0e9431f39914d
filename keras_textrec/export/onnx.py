"""ONNX files: pixels in, characters out, written from the Keras graph on any backend."""

import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx

from keras_textrec.export.calibration import calibration_images
from keras_textrec.export.contract import file_converter
from keras_textrec.export.decoding import characters_of
from keras_textrec.export.formats import Options
from keras_textrec.export.graph import Graph
from keras_textrec.export.onnx_network import core, network
from keras_textrec.export.onnx_numbers import compute_in_int8, store_weights
from keras_textrec.export.pixels import photo_pixels, word_pixels

# What the network takes, and what it gives: values of every file that takes pixels, by name.
_STAGES = {"pixels": "network_input/Identity", "network": "network_output/Identity"}
# The scopes of what stands around the network, whose numbers stay as they are.
_AROUND = ("converter", "valid_ratio", "network_input", "network_output", "decoding")


def write(model: Any, path: pathlib.Path, options: Options) -> None:
    """Writes the file, still without metadata.

    Raises:
        ValueError: the network has a layer that cannot be written; the opset is not supported; or no image of the
            calibration source can be read.
    """
    if options.input == "core":
        proto = core(model, options.opset)
    elif hasattr(model, "tokenizer"):
        proto = _recognizer(model, options)
    else:
        proto = _detector(model, options)
    if options.quantize == "int8-full":
        nodes = [node.name for node in proto.graph.node if node.name.partition("/")[0] not in _AROUND]
        proto = compute_in_int8(proto, nodes, _samples(model, options))
    if options.quantize:
        store_weights(proto, options.quantize.removesuffix("-full"))
    path.write_bytes(proto.SerializeToString(deterministic=True))


def stamp(path: pathlib.Path, metadata: Mapping[str, str]) -> None:
    """Adds the metadata."""
    proto = onnx.load(path)
    onnx.helper.set_model_props(proto, dict(metadata))
    path.write_bytes(proto.SerializeToString(deterministic=True))


def stages(path: pathlib.Path, image: np.ndarray) -> dict[str, np.ndarray]:
    """What stands between the stages of a written file that takes pixels, for an image uint8 (H, W, 3).

    Returns:
        `pixels`, the network's input, float32 (h, w, 3), and `network`, its output.
    """
    import onnxruntime

    proto = onnx.load(path)
    proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in _STAGES.values())
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    pixels, output = session.run(list(_STAGES.values()), {"image": image[None]})
    return {"pixels": pixels[0].transpose(1, 2, 0), "network": output[0]}


def _samples(model: Any, options: Options) -> Iterator[dict[str, np.ndarray]]:
    """Images of the calibration source, one at a time, as the file takes them."""
    converter = file_converter(model, options.width)
    for image in calibration_images(options.calibrate):
        yield {"image": image[None] if options.input == "image" else converter([image])}


def _recognizer(model: Any, options: Options) -> onnx.ModelProto:
    graph = Graph(options.opset)
    image = graph.input("image", "uint8", ["batch", "height", "width", 3])
    with graph.scope("converter"):
        pixels = word_pixels(graph, image, file_converter(model, options.width))
    ratio = None
    if len(model.reader.inputs) > 1:
        with graph.scope("valid_ratio"):
            columns = (graph("Cast", value, to=onnx.TensorProto.FLOAT) for value in (pixels.end, pixels.canvas))
            ratio = graph("Expand", graph("Div", *columns), graph("Shape", image, end=1))
    probabilities = _between(graph, model, pixels.x, ratio)
    with graph.scope("decoding"):
        outputs = characters_of(graph, probabilities, pixels, model.tokenizer, model.calibration)
    for name, value in outputs._asdict().items():
        dtype = "int64" if name == "characters" else "float32"
        graph.output(value, dtype, ["batch"] if name == "confidence" else ["batch", "length"], name)
    return graph.model(model.name)


def _detector(model: Any, options: Options) -> onnx.ModelProto:
    graph = Graph(options.opset)
    image = graph.input("image", "uint8", ["batch", "height", "width", 3])
    with graph.scope("converter"):
        x = photo_pixels(graph, image, model.converter)
    graph.output(_between(graph, model, x), "float32", ["batch", "rows", "columns"], "map")
    return graph.model(model.name)


def _between(graph: Graph, model: Any, x: str, ratio: str | None = None) -> str:
    """The network, with names for what goes in and out, at which `stages` looks; ONNX Runtime removes the operators."""
    with graph.scope("network_input"):
        x = graph("Identity", x)
    y = network(model, graph, x, ratio, axes="NCHW")
    with graph.scope("network_output"):
        return graph("Identity", y)
