"""Images that may not stand upright: each is read in several orientations, and the best reading is kept."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from keras_textrec.images import ImageConverter, load_image
from keras_textrec.images.stacked import side_by_side
from keras_textrec.reading.stream import Outcome, check_several, with_knowledge
from keras_textrec.text import Reading

TURNS, STACKED, TALL = (0, 90, 180, 270), "stacked", "tall"
_OF_TALL = (0, 90, 270, STACKED)

# What `read` takes: "tall", or some of 0, 90, 180, 270 and "stacked".
Orientations = str | Sequence[int | str]


@dataclasses.dataclass(frozen=True, eq=False)
class _View:
    """How an image is read in one orientation.

    Attributes:
        orientation: as `Reading` has it.
        along, given: float (N,) each: places along the line of text, and the columns or rows of the given image there.
    """

    orientation: int | str
    along: Sequence[float]
    given: Sequence[float]

    def as_given(self, reading: Reading) -> Reading:
        """What was read so, with the characters' places in the given image."""
        characters = []
        for character in reading.characters:
            if character.left is not None:
                left, right = sorted(np.interp([character.left, character.right], self.along, self.given).tolist())
                character = dataclasses.replace(character, left=left, right=right)
            characters.append(character)
        return dataclasses.replace(reading, characters=tuple(characters), orientation=self.orientation)


def read_oriented(
    images: Iterable[Any],
    orientations: Orientations | None,
    converter: ImageConverter,
    stream: Callable[[Iterable[Any], Iterable[Any] | None], Iterator[tuple[int, Outcome]]],
    knowledge: Iterable[Any] | None = None,
    usual: Orientations | None = None,
) -> Iterator[tuple[int, Outcome]]:
    """Reads any number of images, each in several orientations, as if these were images of their own.

    The best reading is that whose characters have the highest mean confidence, one more of confidence 0 counted in: of
    two readings that are as sure, the longer one is right more often. The probability of the whole text, and so the
    calibrated confidence, prefers short misreadings (docs/reading.md has the figures). Of equals, the first is kept.
    Of "tall", one character that stands upright counts by its confidence alone, for it is higher than wide by nature.

    Args:
        images: as `keras_textrec.reading.read_stream` takes them.
        orientations: some of 0, 90, 180 and 270, the degrees by which an image is turned counterclockwise before it is
            read, and "stacked", for letters one below the other, laid side by side; an image that cannot be so is read
            upright if nothing else is wanted. "tall" is all but 180 for images higher than wide, and 0 for others. None
            is `usual`.
        converter: what turns images itself (`turn_above`): they are read in no other orientation than it gives them.
        stream: reads images, with what is known of each or None; its confidences are not calibrated.
        knowledge: what is known of each image.
        usual: the orientations where none are asked for; of upright readings `Reading.orientation` then is None. None
            reads images as they are.

    Yields:
        As `read_stream`, as soon as an image is read in all its orientations.

    Raises:
        ValueError: orientations that are none.
        TypeError: one image was given.
    """
    asked = orientations is not None
    if not asked and usual is None:
        return stream(images, knowledge)
    wanted = check_orientations(orientations if asked else usual)
    check_several(images)
    return _read(images, wanted, converter, stream, knowledge, asked)


def check_orientations(orientations: Any) -> tuple[int | str, ...]:
    """The orientations of an image, or ("tall",). ValueError: they are none."""
    several = not isinstance(orientations, str) and isinstance(orientations, Iterable)
    wanted = tuple(orientations) if several else (orientations,)
    if wanted == (TALL,) and not several:
        return wanted
    if not wanted or not several or any(isinstance(one, bool) or one not in (*TURNS, STACKED) for one in wanted):
        raise ValueError(f"orientations are 'tall', or some of 0, 90, 180, 270 and 'stacked'; got {orientations!r}.")
    if len(set(wanted)) < len(wanted):
        raise ValueError(f"orientations names each one once; got {orientations!r}.")
    return wanted


def _read(
    images: Iterable[Any],
    wanted: tuple[int | str, ...],
    converter: ImageConverter,
    stream: Callable[[Iterable[Any], Iterable[Any] | None], Iterator[tuple[int, Outcome]]],
    knowledge: Iterable[Any] | None,
    asked: bool,
) -> Iterator[tuple[int, Outcome]]:
    places = itertools.count()  # in the stream
    # By place, on their way: the image's position, how it is read, and what is known of it.
    views: dict[int, tuple[int, _View | None, Any]] = {}
    expected: dict[int, list[int]] = {}  # by the image's position, the places of all its views
    outcomes: dict[int, Outcome] = {}  # by place, of images of which some are still expected

    def turned() -> Iterator[Any]:
        for position, (image, known) in enumerate(with_knowledge(images, knowledge)):
            try:
                if isinstance(image, OSError | ValueError):
                    raise image
                found = _views(load_image(image), wanted, converter)
            except (OSError, ValueError) as error:
                found = [(error, None)]
            expected[position] = [next(places) for _ in found]
            for place, (pixels, view) in zip(expected[position], found):
                views[place] = position, view, known
                yield pixels

    # The stream takes an image, and then what is known of it.
    known = None if knowledge is None else (views[place][2] for place in itertools.count())
    for place, outcome in stream(turned(), known):
        position, view, _ = views.pop(place)
        # Of what is upright, and nobody asked, there is nothing to tell.
        told = isinstance(outcome, Reading) and (asked or view.orientation != 0)
        outcomes[place] = view.as_given(outcome) if told else outcome
        if outcomes.keys() >= set(expected[position]):
            found = [outcomes.pop(place) for place in expected.pop(position)]
            yield position, _best(found, tall=wanted == (TALL,))


def _views(
    image: np.ndarray, wanted: tuple[int | str, ...], converter: ImageConverter
) -> list[tuple[np.ndarray, _View]]:
    """How an image, uint8 (H, W, 3), is to be read, at least once: what the network is shown, uint8 (h, w, 3)."""
    height, width = image.shape[:2]
    if wanted == (TALL,):
        wanted = _OF_TALL if height > width else (0,)
    ends = {0: (0, width), 90: (0, height), 180: (width, 0), 270: (height, 0)}
    views: dict[int | str, tuple[np.ndarray, _View]] = {}
    for turn in wanted:
        if turn != STACKED:
            pixels = np.rot90(image, turn // 90)
            shape = converter.upright(pixels.shape)
            turn = turn if shape == pixels.shape[:2] else (turn + 90) % 360  # the converter turns it, too
            views.setdefault(turn, (pixels, _View(turn, (0, shape[1]), ends[turn])))
        elif row := side_by_side(image):
            pixels, columns, rows = row
            views[turn] = pixels, _View(turn, columns, rows)
    return list(views.values()) or _views(image, (0,), converter)


def _best(outcomes: list[Outcome], tall: bool) -> Outcome:
    readings = [outcome for outcome in outcomes if isinstance(outcome, Reading)]
    return max(readings, key=lambda reading: _sureness(reading, tall), default=outcomes[0])


def _sureness(reading: Reading, tall: bool) -> float:
    """The mean confidence of the characters and one more of 0 (of a word of a lexicon, its confidence so weighed)."""
    count = len(reading.characters)
    upright_letter = tall and count == 1 and not reading.orientation
    return reading.confidence if upright_letter else reading.confidence * count / (count + 1)
