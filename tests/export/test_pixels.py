"""The converters in the graph make what `ImageConverter` and `PhotoConverter` make, to the level."""

import numpy as np
import pytest

from keras_textrec.export.graph import Graph
from keras_textrec.export.pixels import photo_pixels, word_pixels
from keras_textrec.images import ImageConverter, PhotoConverter
from tests.export.running import runner

pytestmark = pytest.mark.once

CONVERTERS = {
    "crnn_small_en": {"resize": "fit", "width_multiple": 4, "minimum_width": 64, "channel_order": "BGR"},
    "widened": {"resize": "widen", "width_multiple": 4, "channel_order": "BGR"},
    "robust_scanner": {
        "height": 48,
        "width": 160,
        "channel_order": "BGR",
        "pad_value": -1.0,
        "round_width_to": 4,
        "minimum_width": 48,
    },
    "stretch": {"resize": "stretch", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
    "turned and padded": {"width": 320, "turn_above": 2, "channel_order": "BGR", "mean": [0.4, 0.5, 0.6]},
    "turned and widened": {"resize": "widen", "turn_above": 1.5, "std": 0.3, "pad_value": 0.25},
}


def converting(converter):
    graph = Graph()
    image = graph.input("image", "uint8", ["batch", "height", "width", 3])
    if isinstance(converter, PhotoConverter):
        graph.output(photo_pixels(graph, image, converter), "float32", ["batch", 3, None, None], "x")
        return runner(graph)
    pixels = word_pixels(graph, image, converter)
    graph.output(pixels.x, "float32", ["batch", 3, converter.height, None], "x")
    for name in ("canvas", "end", "columns"):
        graph.output(getattr(pixels, name), "int64", [], name)
    return runner(graph)


@pytest.mark.parametrize("name", CONVERTERS)
def test_words_are_equal_to_the_level(name):
    converter = ImageConverter(**{"height": 32, "width": 100, **CONVERTERS[name]})
    convert = converting(converter)
    rng = np.random.default_rng(7)
    sizes = [tuple(map(int, 2 ** rng.uniform(2, (8, 8.6)))) for _ in range(300)]
    sizes += [(32, 100), (64, 200), (64, 201), (2, 2), (2, 199), (199, 2), (301, 1111), (16, 50), (48, 160), (1, 1)]
    for size in sizes:
        image = rng.integers(0, 256, (1 + size[0] % 2, *size, 3), "uint8")
        found, wanted = convert(image=image), converter(list(image))
        np.testing.assert_array_equal(found["x"].transpose(0, 2, 3, 1), wanted, err_msg=str(size))
        assert found["canvas"] == wanted.shape[2]
        assert found["end"] == converter.resized_width(size, wanted.shape[2])
        assert found["columns"] == converter.upright(size)[1]


def test_photographs_are_equal_to_the_level():
    converter = PhotoConverter(longest_side=224, channel_order="BGR", mean=[0.485, 0.456, 0.406], std=[0.2, 0.3, 0.4])
    convert = converting(converter)
    rng = np.random.default_rng(7)
    for size in [(224, 224), (448, 448), (40, 500), (16, 16), (47, 48), *rng.integers(10, 500, (100, 2)).tolist()]:
        photo = rng.integers(0, 256, (1, *size, 3), "uint8")
        found = convert(image=photo)["x"][0].transpose(1, 2, 0)
        np.testing.assert_array_equal(found, converter(photo[0]), err_msg=str(size))
