"""The one loop from images to readings: decode, resize, group by canvas width, batch, ask the network, decode."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from typing import Any

import numpy as np

from keras_textrec.data.sources import Source, prefetch
from keras_textrec.images import ImageConverter, load_image
from keras_textrec.system.numbers import whole_number
from keras_textrec.text import Reading

# An image waits for others of its width until this many batches' images have followed it, or until so many bytes wait.
PATIENCE = 16
MOST_BYTES = 1 << 26

# What there is of an image: its reading, or why there is none.
Outcome = Reading | OSError | ValueError
# What gives the outcomes of images, each with the image's position.
Stream = Callable[[Iterable[Any]], Iterator[tuple[int, Outcome]]]


@dataclasses.dataclass(frozen=True, eq=False)
class _Waiting:
    """An image on its way: its place in the stream, its shape (H, W, 3), its pixels, on the canvas, their end, and what
    is known of it."""

    position: int
    shape: tuple[int, ...]
    pixels: np.ndarray
    end: int
    known: Any = None


def read_stream(
    images: Iterable[Any],
    converter: ImageConverter,
    read_batch: Callable[..., Sequence[Reading]],
    batch_size: int = 32,
    widths: Sequence[int] | None = None,
    knowledge: Iterable[Any] | None = None,
) -> Iterator[tuple[int, Outcome]]:
    """Reads any number of images in the memory of a few batches.

    Images of the same canvas width share a batch, so that an image reads the same alone as among others. Each is
    resized to its canvas as soon as it is decoded.

    Args:
        images: what `keras_textrec.images.load_image` takes; or, for an image that could not be had, an OSError or
            ValueError.
        converter: makes the network's input.
        read_batch: the network and its decoding. It takes a batch, float32 (B, H, W, 3), B at most `batch_size`, and
            the part of the width that each image fills, float32 (B,); gives B readings, whose characters' places are
            fractions of the canvas' width.
        batch_size: images a step at most.
        widths: those of the canvases, the least first: an image's is the least of them that holds it. None: every image
            has the converter's `canvas_width`.
        knowledge: what is known of each image, which `read_batch` then takes as its third argument, a list of B; or the
            OSError or ValueError that is the image's outcome. It is looked at as the images are.

    Yields:
        The image's position among `images`, and its `Reading`, or the OSError or ValueError that tells why there is
        none. In the order in which they are ready: not more than 16 batches late. `left` and `right` of characters are
        columns of the given image, in pixels (rows, where the converter turns it).

    Raises:
        ValueError: the batch size is no number of images.
        TypeError: one image was given; while iterating: something else than an image.
    """
    check_several(images)

    def prepare(position: int, image: Any, known: Any) -> _Waiting:
        pixels = load_image(image)
        width = converter.canvas_width(pixels.shape)
        if widths:
            width = next(other for other in widths if other >= width)
        canvas = np.empty((converter.height, width, 3), "uint8")
        return _Waiting(position, pixels.shape, canvas, converter.fit(pixels, canvas), known)

    def read(group: list[_Waiting]) -> Iterator[Reading]:
        pixels, ends = np.stack([waiting.pixels for waiting in group]), [waiting.end for waiting in group]
        x = converter.normalize(pixels, ends, np.empty(pixels.shape, "float32"))
        width = x.shape[2]
        known = [] if knowledge is None else [[waiting.known for waiting in group]]
        readings = read_batch(x, np.array(ends, "float32") / width, *known)
        return (_in_pixels(*pair, converter, width) for pair in zip(readings, group, strict=True))

    return _read(with_knowledge(images, knowledge), prepare, read, whole_number("batch_size", batch_size))


def read_pixels(
    images: Iterable[Any],
    converter: ImageConverter,
    read_batch: Callable[[np.ndarray], Sequence[Reading]],
    batch_size: int = 32,
) -> Iterator[tuple[int, Outcome]]:
    """As `read_stream`, for what converts images itself: those of one size share a batch.

    Args:
        converter: what `read_batch` has inside; it tells which images are too long.
        read_batch: takes uint8 (B, H, W, 3), RGB; its readings are in pixels of the images.
    """
    check_several(images)

    def prepare(position: int, image: Any, known: Any) -> _Waiting:
        pixels = load_image(image)
        converter.canvas_width(pixels.shape)
        return _Waiting(position, pixels.shape, pixels, pixels.shape[1])

    def read(group: list[_Waiting]) -> Sequence[Reading]:
        return read_batch(np.stack([waiting.pixels for waiting in group]))

    return _read(with_knowledge(images, None), prepare, read, whole_number("batch_size", batch_size))


def _read(
    images: Iterable[tuple[Any, Any]],
    prepare: Callable[[int, Any, Any], _Waiting],
    read: Callable[[list[_Waiting]], Iterable[Reading]],
    batch_size: int,
) -> Iterator[tuple[int, Outcome]]:
    # By size; the group that has waited longest comes first.
    groups: dict[tuple[int, ...], list[_Waiting]] = {}
    held = 0
    for position, pair in enumerate(images):
        try:
            for one in pair:
                if isinstance(one, OSError | ValueError):
                    raise one
            waiting = prepare(position, *pair)
        except (OSError, ValueError) as error:
            yield position, error
            continue
        size = waiting.pixels.shape
        groups.setdefault(size, []).append(waiting)
        held += waiting.pixels.nbytes
        while groups:
            oldest = next(iter(groups))
            if len(groups.get(size, ())) == batch_size:
                full = size
            elif held > MOST_BYTES or position - groups[oldest][0].position >= PATIENCE * batch_size:
                full = oldest
            else:
                break
            group = groups.pop(full)
            held -= sum(waiting.pixels.nbytes for waiting in group)
            yield from zip([waiting.position for waiting in group], read(group), strict=True)
    for group in groups.values():
        yield from zip([waiting.position for waiting in group], read(group), strict=True)


def _in_pixels(reading: Reading, waiting: _Waiting, converter: ImageConverter, width: int) -> Reading:
    _, columns = converter.upright(waiting.shape)
    scale = columns * width / waiting.end
    characters = tuple(
        c
        if c.left is None
        else dataclasses.replace(c, left=min(c.left * scale, columns), right=min(c.right * scale, columns))
        for c in reading.characters
    )
    return dataclasses.replace(reading, characters=characters)


def read_all(images: Any, stream: Callable[[Iterable[Any]], Iterator[tuple[int, Any]]]) -> Any:
    """What a stream makes of one image, or a list of that of several: what `TextRecognizer.read` gives.

    Args:
        images: one image, or several: a list or another iterable, or an array (B, H, W, C).
        stream: gives the outcomes of images, each with the image's position.

    Raises:
        OSError, ValueError: an image cannot be read; nothing is returned for the others.
    """
    several = _are_several(images)
    readings: dict[int, Reading] = {}
    for position, outcome in stream(images if several else [images]):
        if isinstance(outcome, Exception):
            raise outcome
        readings[position] = outcome
    return [readings[i] for i in range(len(readings))] if several else readings[0]


def with_knowledge(images: Iterable[Any], knowledge: Iterable[Any] | None) -> Iterator[tuple[Any, Any]]:
    """The images, each with what is known of it, a ValueError where that ends too early.

    Raises:
        ValueError: a list of what is known is longer than there are images. An iterator may go on.
    """
    end = ValueError("There are more images than the lexicon has lists of words.")
    known = itertools.repeat(None) if knowledge is None else itertools.chain(knowledge, itertools.repeat(end))
    count = 0
    for image in images:  # `zip` would keep an image longer than this does
        count += 1
        yield image, next(known)
    if isinstance(knowledge, Sized) and len(knowledge) > count:
        raise ValueError(
            f"The lexicon has {len(knowledge)} lists of words for {count} image{'s' * (count != 1)}; give one list for "
            "all, or one for each."
        )


def check_several(images: Any) -> None:
    """TypeError: it is one image, not an iterable of images."""
    if not _are_several(images):
        raise TypeError(f"Many images are an iterable of images or an array (B, H, W, C), not {type(images).__name__}.")


def _are_several(images: Any) -> bool:
    if isinstance(images, str | bytes | bytearray | memoryview) or hasattr(images, "read"):  # an open file has lines
        return False
    if hasattr(images, "__array__"):
        return len(images.shape) in (1, 4)  # 1: paths
    return isinstance(images, Iterable)


def in_order(outcomes: Iterable[tuple[int, Outcome]]) -> Iterator[tuple[int, Outcome]]:
    """What `read_stream` yields, in the order of the images."""
    ready: dict[int, Outcome] = {}
    position = 0
    for place, outcome in outcomes:
        ready[place] = outcome
        while position in ready:
            yield position, ready.pop(position)
            position += 1


def read_records(
    source: Source, positions: Sequence[int], stream: Stream, ahead: int = 512
) -> Iterator[tuple[int, str | None, Outcome]]:
    """Reads records of a source: of each its position, its text (None where it cannot be had) and the outcome.

    Args:
        positions: which records; they come in the order in which they are ready.
        stream: reads their images.
        ahead: a source that makes its records is told of so many at a time.
    """
    asked: dict[int, tuple[int, str | None]] = {}  # of records that are on their way, by their place in the stream

    def images() -> Iterator[Any]:
        for start in range(0, len(positions), ahead):
            window = [int(position) for position in positions[start : start + ahead]]
            prefetch(source, window)
            for place, position in enumerate(window, start):
                try:
                    data, text = source[position]
                except (OSError, ValueError) as error:
                    data, text = error, None
                asked[place] = position, text
                yield data

    for place, outcome in stream(images()):
        yield *asked.pop(place), outcome
