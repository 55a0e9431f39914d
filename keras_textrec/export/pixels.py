"""The converters inside an ONNX graph: pixels as they are in, what the network takes out, exact to the level.

`cv2.resize` of 8-bit images computes in whole numbers, and so does this. For n pixels that become d:

    f = float32((i + 0.5) * n / d - 0.5); s = floor(f); f -= s         i = 0 ... d - 1
    a1, a0 = round(2048 * f), round(2048 * (1 - f))                    weights of the pixels s + 1 and s
    h = (p[x0] * a0 + p[x1] * a1) >> 4                                 along the columns, then along the rows:
    v = ((h[y0] * b0 >> 16) + (h[y1] * b1 >> 16) + 2) >> 2

Beyond an edge stands the last pixel; columns there have f = 0. Floats hold these numbers exactly (the product of a row
needs 27 bits, so it is a double), and run several times as fast as ONNX Runtime's integers.
"""

import dataclasses

import numpy as np

from keras_textrec.export.graph import Graph
from keras_textrec.images import ImageConverter, PhotoConverter

_FLOAT, _DOUBLE, _INT64 = 1, 11, 7  # onnx.TensorProto's


@dataclasses.dataclass(frozen=True)
class Pixels:
    """Values of a graph, by name: `x` float32 (N, 3, h, canvas), the network's input; the others int64 ().

    Attributes:
        canvas: the columns of `x`; end: how many of them the image fills.
        columns: of the given image, turned as the converter turns it.
    """

    x: str
    canvas: str
    end: str
    columns: str


def word_pixels(graph: Graph, image: str, converter: ImageConverter) -> Pixels:
    """What an `ImageConverter` makes of images, uint8 (N, H, W, 3) RGB."""
    if converter.turn_above is not None:
        image = _turned(graph, image, converter.turn_above)
    rows, columns = _size(graph, image)
    canvas = graph.constant(np.int64(converter.least_width))
    scaled = graph("Mul", np.float64(converter.height), graph("Div", _double(graph, columns), _double(graph, rows)))
    if converter.grows:
        wanted = graph("Max", canvas, graph("Cast", scaled, to=_INT64))
        step = np.int64(converter.width_multiple)
        canvas = graph("Mul", graph("Div", graph("Add", wanted, step - 1), step), step)
    if converter.resize == "stretch":
        end = canvas
    else:
        wanted = _rounded(graph, graph("Ceil", scaled), converter.round_width_to)
        end = graph("Min", canvas, graph("Max", wanted, np.int64(converter.minimum_width)))
    levels = _resized(graph, image, (rows, columns), (graph.constant(np.int64(converter.height)), end))
    x = _normalized(graph, levels, converter)
    if converter.resize != "stretch":
        margin = graph("Unsqueeze", graph("Sub", canvas, end), [0])
        x = graph("Pad", x, graph("Concat", [0] * 7, margin, axis=0), np.float32(converter.pad_value))
    return Pixels(x, canvas, end, columns)


def photo_pixels(graph: Graph, image: str, converter: PhotoConverter) -> str:
    """What a `PhotoConverter` makes of photographs of one size, uint8 (N, H, W, 3) RGB: float32 (N, 3, h, w)."""
    size = _size(graph, image)
    longest = _double(graph, graph("Max", *size))
    scale = graph("Min", np.float64(1), graph("Div", np.float64(converter.longest_side), longest))
    wanted = []
    for side in size:
        pixels = graph("Floor", graph("Mul", _double(graph, side), scale))
        wanted.append(graph("Max", _rounded(graph, pixels, converter.multiple), np.int64(converter.multiple)))
    return _normalized(graph, _resized(graph, image, size, tuple(wanted)), converter)


def _turned(graph: Graph, image: str, turn_above: float) -> str:
    """Images turned counterclockwise where they are more than so many times as high as wide."""
    rows, columns = _size(graph, image)
    tall = graph("Greater", _double(graph, rows), graph("Mul", np.float64(turn_above), _double(graph, columns)))
    turn, keep = graph.body("turn"), graph.body("keep")
    upright = turn("Slice", turn("Transpose", image, perm=[0, 2, 1, 3]), [-1], [-(2**31)], [1], [-1])
    turn.output(upright, "uint8", ["batch", None, None, 3])
    keep.output(keep("Identity", image), "uint8", ["batch", None, None, 3])
    return graph("If", tall, then_branch=turn, else_branch=keep)


def _resized(graph: Graph, image: str, size: tuple[str, str], wanted: tuple[str, str]) -> str:
    """Images, uint8 (N, *size, 3), as `cv2.resize` makes them: whole float32 numbers, (N, width, 3, height)."""
    x0, x1, a0, a1 = _taps(graph, size[1], wanted[1])
    y0, y1, b0, b1 = _taps(graph, size[0], wanted[0], rows=True)
    # Both rows of every pixel, last: so that columns are gathered in blocks, and weights lie along whole rows.
    image = graph("Transpose", graph("Gather", image, graph("Concat", y0, y1, axis=0), axis=1), perm=[0, 2, 3, 1])

    def weighed(columns: str, weights: str) -> str:
        levels = graph("Cast", graph("Gather", image, columns, axis=1), to=_FLOAT)
        return graph("Mul", levels, graph("Unsqueeze", weights, [1, 2]))

    levels = graph("Floor", graph("Mul", graph("Add", weighed(x0, a0), weighed(x1, a1)), np.float32(1 / 16)))
    weights = graph("Mul", _double(graph, graph("Concat", b0, b1, axis=0)), np.float64(1 / 65536))
    levels = graph("Floor", graph("Mul", _double(graph, levels), weights))
    upper, lower = graph.split(graph("Cast", levels, to=_FLOAT), 2, axis=3)
    return graph("Floor", graph("Mul", graph("Add", graph("Add", upper, lower), np.float32(2)), np.float32(1 / 4)))


def _taps(graph: Graph, size: str, count: str, rows: bool = False) -> tuple[str, str, str, str]:
    """Of `count` pixels made of `size`: which two each is made of, int64, and their weights, float32."""
    places = graph("Add", _double(graph, graph("Range", np.int64(0), count, np.int64(1))), np.float64(0.5))
    step = graph("Div", _double(graph, size), _double(graph, count))
    places = graph("Cast", graph("Sub", graph("Mul", places, step), np.float64(0.5)), to=_FLOAT)
    floors = graph("Floor", places)
    fraction = graph("Sub", places, floors)
    first, last = graph("Cast", floors, to=_INT64), graph("Sub", size, np.int64(1))
    if not rows:
        beyond = graph("Or", graph("Less", first, np.int64(0)), graph("GreaterOrEqual", first, last))
        fraction = graph("Where", beyond, np.float32(0), fraction)
        first = graph("Max", first, np.int64(0))

    def within(indices: str) -> str:
        return graph("Max", graph("Min", indices, last), np.int64(0))

    def weights(part: str) -> str:
        return graph("Round", graph("Mul", part, np.float32(2048)))

    second = graph("Add", first, np.int64(1))
    return within(first), within(second), weights(graph("Sub", np.float32(1), fraction)), weights(fraction)


def _normalized(graph: Graph, levels: str, converter: ImageConverter | PhotoConverter) -> str:
    """Levels (N, w, 3, h) in RGB as the network takes them: (N, 3, h, w), in the channel order, normalised.

    The same operations on floats as in `normalization_table`, so the same numbers.
    """
    if converter.channel_order == "BGR":
        levels = graph("Gather", levels, [2, 1, 0], axis=2)
    mean, std = (np.float32(value).reshape(-1, 1) for value in (converter.mean, converter.std))
    x = graph("Div", graph("Sub", graph("Div", levels, np.float32(255)), mean), std)
    return graph("Transpose", x, perm=[0, 2, 3, 1])


def _size(graph: Graph, image: str) -> tuple[str, str]:
    """Height and width of images (N, H, W, 3), int64 ()."""
    return tuple(graph("Squeeze", graph("Shape", image, start=axis, end=axis + 1)) for axis in (1, 2))


def _rounded(graph: Graph, pixels: str, multiple: int) -> str:
    """Doubles as the nearest multiple, half to even; int64."""
    if multiple > 1:
        pixels = graph("Mul", graph("Round", graph("Div", pixels, np.float64(multiple))), np.float64(multiple))
    return graph("Cast", pixels, to=_INT64)


def _double(graph: Graph, value: str) -> str:
    return graph("Cast", value, to=_DOUBLE)
