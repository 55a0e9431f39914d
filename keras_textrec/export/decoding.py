"""Greedy decoding inside an ONNX graph: the network's probabilities in, characters out, as the tokenizers read them."""

from typing import NamedTuple

import numpy as np

from keras_textrec.export.graph import Graph
from keras_textrec.export.pixels import Pixels
from keras_textrec.reading.confidence import LEAST, Calibration
from keras_textrec.text import CTCTokenizer, SequenceTokenizer, Tokenizer
from keras_textrec.text.places import DELAY

_FLOAT, _INT64 = 1, 7  # onnx.TensorProto's
_END = np.iinfo(np.int64).max  # of a slice


class Characters(NamedTuple):
    """Values of a graph, by name, of texts of up to S characters. S is the longest text's length, at least 1.

    `characters` int64 (N, S): positions in the charset, and -1 behind the last one; `confidences` float32 (N, S);
    `left`, `right` float32 (N, S): columns of the given image, -1 where not known; `confidence` float32 (N), the mean
    over the characters, or what a calibration makes of them; 0 where there is none.
    """

    characters: str
    confidences: str
    left: str
    right: str
    confidence: str


def characters_of(
    graph: Graph, probabilities: str, pixels: Pixels, tokenizer: Tokenizer, calibration: Calibration | None = None
) -> Characters:
    """What probabilities, float32 (N, T, V), say, as `tokenizer.decode` has it.

    Args:
        pixels: of the images that they are of.
        calibration: of the confidence, where the model has one.

    Raises:
        ValueError: the tokenizer is none that is known here.
    """
    best = graph("ArgMax", probabilities, axis=2, keepdims=0)  # the first of equals
    maxima = graph.reduce("ReduceMax", probabilities, [2])
    if isinstance(tokenizer, CTCTokenizer):
        return _aligned(graph, best, maxima, pixels, tokenizer, calibration)
    if isinstance(tokenizer, SequenceTokenizer):
        return _written(graph, best, maxima, tokenizer, calibration)
    raise ValueError(f"A {type(tokenizer).__name__} cannot be written into a file: it is neither CTC nor attention.")


def _written(
    graph: Graph, best: str, maxima: str, tokenizer: SequenceTokenizer, calibration: Calibration | None
) -> Characters:
    """The characters before the first end."""
    ends = graph("Cast", graph("Equal", best, np.int64(tokenizer.end_id)), to=_INT64)
    going = graph("Equal", graph("CumSum", ends, np.int64(1)), np.int64(0))
    kept = _Kept(graph, graph("And", going, _is_character(graph, best, tokenizer)))
    nowhere = graph("Expand", np.float32(-1), graph("Shape", kept.valid))
    return _characters(graph, kept, best, maxima, tokenizer, calibration, nowhere, nowhere)


def _aligned(
    graph: Graph, best: str, maxima: str, pixels: Pixels, tokenizer: CTCTokenizer, calibration: Calibration | None
) -> Characters:
    """The first frame of every run of one class that is a character."""
    around = graph("Pad", best, [0, 1, 0, 1], np.int64(-1))
    before, after = graph("Slice", around, [0], [-1], [1]), graph("Slice", around, [1], [_END], [1])
    borders = graph("Not", graph("Equal", before, after))  # one more than frames
    character = _is_character(graph, best, tokenizer)
    first = graph("And", character, graph("Slice", borders, [0], [-1], [1]))
    last = graph("And", character, graph("Slice", borders, [1], [_END], [1]))
    # The nth first frame and the nth last one are those of the nth character.
    kept = _Kept(graph, first)
    steps = graph("Squeeze", graph("Shape", best, start=1, end=2))
    frames = graph("Expand", graph("Range", np.int64(0), steps, np.int64(1)), graph("Shape", best))
    begins, ends = (graph("Cast", each.of(frames), to=_FLOAT) for each in (kept, _Kept(graph, last)))
    centres = graph("Mul", graph("Add", graph("Add", begins, ends), np.float32(1)), np.float32(0.5))
    columns, canvas, end = (graph("Cast", value, to=_FLOAT) for value in (pixels.columns, pixels.canvas, pixels.end))
    width = graph("Div", graph("Mul", graph("Cast", steps, to=_FLOAT), end), canvas)  # of the image, in frames
    places = _places(graph, kept, centres, width)
    scale = graph("Div", columns, width)
    left, right = (
        graph("Where", kept.valid, graph("Min", graph("Mul", place, scale), columns), np.float32(-1))
        for place in places
    )
    return _characters(graph, kept, best, maxima, tokenizer, calibration, left, right)


def _places(graph: Graph, kept: "_Kept", centres: str, width: str) -> tuple[str, str]:
    """`keras_textrec.text.places.letter_places` of centres (N, S); the places of no character are any numbers."""
    half, two = np.float32(0.5), np.float32(2)
    outermost = graph(
        "Add",
        graph("Slice", centres, [0], [1], [1]),
        graph.reduce("ReduceMax", graph("Where", kept.valid, centres, np.float32(0)), [1], keepdims=True),
    )
    shift = graph("Mul", graph("Sub", width, outermost), half)
    centres = graph("Add", centres, graph("Clip", shift, np.float32(-DELAY), np.float32(DELAY)))
    before, after = graph("Slice", centres, [0], [-1], [1]), graph("Slice", centres, [1], [_END], [1])
    borders = graph("Mul", graph("Add", before, after), half)
    lefts = graph("Pad", borders, [0, 1, 0, 0], np.float32(0))
    rights = graph("Pad", borders, [0, 0, 0, 1], np.float32(0))
    double = graph("Mul", centres, two)
    is_first = graph("Equal", kept.numbers, np.int64(0))
    is_last = graph("Equal", kept.numbers, graph("Sub", kept.counts, np.int64(1)))
    alone = graph("Less", kept.counts, np.int64(2))
    lefts, rights = (
        graph("Where", is_first, graph("Sub", double, rights), lefts),
        graph("Where", is_last, graph("Sub", double, lefts), rights),
    )
    zero = np.float32(0)
    lefts, rights = graph("Where", alone, zero, lefts), graph("Where", alone, width, rights)
    return tuple(graph("Min", graph("Max", place, zero), width) for place in (lefts, rights))


def _characters(
    graph: Graph,
    kept: "_Kept",
    best: str,
    maxima: str,
    tokenizer: Tokenizer,
    calibration: Calibration | None,
    left: str,
    right: str,
) -> Characters:
    positions = graph("Sub", kept.of(best), np.int64(tokenizer.first_id))
    confidences = kept.of(maxima)  # 0 behind the last
    if calibration is None:
        total = graph.reduce("ReduceSum", confidences, [1])
        count = graph("Cast", graph("Squeeze", graph("Max", kept.counts, np.int64(1)), [1]), to=_FLOAT)
        confidence = graph("Div", total, count)
    else:
        product = graph.reduce("ReduceProd", graph("Where", kept.valid, confidences, np.float32(1)), [1])
        something = graph("Squeeze", graph("Greater", kept.counts, np.int64(0)), [1])
        confidence = graph("Where", something, _calibrated(graph, product, calibration), np.float32(0))
    return Characters(
        characters=graph("Where", kept.valid, positions, np.int64(-1)),
        confidences=confidences,
        left=left,
        right=right,
        confidence=confidence,
    )


def _calibrated(graph: Graph, product: str, calibration: Calibration) -> str:
    """`Calibration.apply`: float32 (N,) -> (N,)."""
    one = np.float32(1)
    product = graph("Clip", product, np.float32(LEAST), np.float32(1 - LEAST))
    logit = graph("Sub", graph("Log", product), graph("Log", graph("Sub", one, product)))
    line = graph("Add", graph("Mul", logit, np.float32(calibration.slope)), np.float32(calibration.intercept))
    return graph("Sigmoid", line)


def _is_character(graph: Graph, best: str, tokenizer: Tokenizer) -> str:
    """Whether classes are of the charset."""
    first = tokenizer.first_id
    beyond = first + len(tokenizer.charset)
    return graph("And", graph("GreaterOrEqual", best, np.int64(first)), graph("Less", best, np.int64(beyond)))


class _Kept:
    """Some of the steps of every row, bool (N, T), moved to the left: S of them.

    Attributes:
        counts: int64 (N, 1), how many each row has; numbers: int64 (S,), 0 and up; valid: bool (N, S).
    """

    def __init__(self, graph: Graph, mask: str):
        self._graph = graph
        kept = graph("Cast", mask, to=_INT64)
        self._shape = graph("Add", graph("Shape", mask), [0, 1])  # the last column is for those that are not kept
        steps = graph("Shape", mask, start=1, end=2)
        self._slots = graph("Where", mask, graph("Sub", graph("CumSum", kept, np.int64(1)), np.int64(1)), steps)
        self.counts = graph.reduce("ReduceSum", kept, [1], keepdims=True)
        self._longest = graph("Max", graph.reduce("ReduceMax", self.counts, [0]), [1])
        self.numbers = graph("Range", np.int64(0), graph("Squeeze", self._longest), np.int64(1))
        self.valid = graph("Less", self.numbers, self.counts)

    def of(self, values: str) -> str:
        """Values (N, T) of the kept steps, (N, S); 0 where a row has no more."""
        graph = self._graph
        row = graph("CastLike", graph("Expand", np.float32(0), self._shape), values)
        return graph("Slice", graph("ScatterElements", row, self._slots, values, axis=1), [0], self._longest, [1])
