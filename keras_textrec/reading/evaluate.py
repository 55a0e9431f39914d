"""Measuring a recogniser on labelled images, as `read` reads them: what `keras-textrec evaluate` runs."""

import dataclasses
import logging
import math
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import cv2
import numpy as np

from keras_textrec.data.benchmarks import label_case, protocol_of
from keras_textrec.data.sources import Source, check_source
from keras_textrec.images import load_image
from keras_textrec.reading.lexica import Words, count_words, lexica_of
from keras_textrec.reading.stream import Outcome, read_records
from keras_textrec.system.terminal import progress_bar
from keras_textrec.text import Reading
from keras_textrec.text.alignment import edit_operations
from keras_textrec.text.comparing import compared_pair, is_right, protocol_of_charset

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, eq=False)
class SetReadings:
    """What was read in the N records of a source.

    Attributes:
        source: where the records are.
        protocol: by which texts are compared.
        labels, texts: N strings; "" where there is none.
        readable: bool (N,), whether there is a reading; those without count as read wrong.
        right: bool (N,), read right by the protocol.
        confidences: float32 (N,), 0 to 1.
        uncalibrated: float32 (N,), what they are without the model's calibration.
        products: float32 (N,), of the characters' confidences, 0 where there are none.
        widths, heights: int32 (N,), of the images in pixels, 0 where there is none.
        contrasts: float32 (N,), the standard deviation of the images' grey levels, 0 to 127.5.
        seconds: how long reading took.
        known: what is known of the texts: the number of "words" of a lexicon, what it has for "unlisted" ones, "allow",
            "pattern", "orientations"; empty where they were read freely, as they stand.
    """

    source: Source
    protocol: str
    labels: list[str]
    texts: list[str]
    readable: np.ndarray
    right: np.ndarray
    confidences: np.ndarray
    uncalibrated: np.ndarray
    products: np.ndarray
    widths: np.ndarray
    heights: np.ndarray
    contrasts: np.ndarray
    seconds: float
    known: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)


def read_set(
    model,
    source: Source,
    batch_size: int = 64,
    protocol: str | None = None,
    progress: bool = False,
    **known: Any,
) -> SetReadings:
    """Reads every image of a source.

    Args:
        model: a `TextRecognizer`, or what else has its `read_stream` and `tokenizer`.
        batch_size: images a step at most.
        protocol: by which texts are compared (`keras_textrec.text.comparing`). None is that of the known dataset which
            the source is, or else "alphanumeric", a-z and 0-9, case ignored, for a network whose charset is within
            ASCII, and "letters", letters and digits of all scripts, beyond.
        progress: show a bar, where standard error is a terminal.
        known: of the texts, as `TextRecognizer.read` takes it: `orientations`, `allow`, `pattern`, or `lexicon`, one
            for all records or one for each.

    Raises:
        ValueError: the source has no records, the batch size is no number of images, or what is known makes no sense.
        TypeError: the source is a path.
    """
    check_source(source)
    samples = len(source)
    if not samples:
        raise ValueError("There is nothing to evaluate: the source has no records.")
    protocol = protocol or protocol_of(source) or protocol_of_charset(model.tokenizer.charset)
    labels, texts = [""] * samples, [""] * samples
    readable, right = np.zeros(samples, bool), np.zeros(samples, bool)
    widths, heights = np.zeros(samples, np.int32), np.zeros(samples, np.int32)
    confidences, uncalibrated, products, contrasts = (np.zeros(samples, np.float32) for _ in range(4))

    def measured(images: Iterable[Any]) -> Iterator[Any]:
        """The images, decoded, or why they cannot be; records come in their order."""
        for position, image in enumerate(images):
            try:
                if isinstance(image, OSError | ValueError):
                    raise image
                image = load_image(image)
                heights[position], widths[position] = image.shape[:2]
                contrasts[position] = cv2.meanStdDev(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))[1].item()
            except (OSError, ValueError) as error:
                image = error
            yield image

    def stream(images: Iterable[Any]) -> Iterator[tuple[int, Outcome]]:
        return model.read_stream(measured(images), batch_size=batch_size, **known)

    started = time.perf_counter()
    with progress_bar(show=progress) as bar:
        outcomes = read_records(source, range(samples), stream)
        for position, label, outcome in bar.track(outcomes, samples, description="read"):
            labels[position] = label or ""
            if not isinstance(outcome, Reading):
                logger.warning("An unreadable record counts as wrong, %s: %s", source.key(position), outcome)
                continue
            readable[position], texts[position], confidences[position] = True, outcome.text, outcome.confidence
            right[position] = is_right(outcome.text, labels[position], protocol)
            uncalibrated[position] = outcome.confidence
            if outcome.characters:
                sure = [character.confidence for character in outcome.characters]
                products[position] = math.prod(sure)
                if "lexicon" not in known:  # of whose words the confidence is another, never calibrated
                    uncalibrated[position] = sum(sure) / len(sure)
    seconds = time.perf_counter() - started
    images = readable, right, confidences, uncalibrated, products, widths, heights, contrasts
    return SetReadings(source, protocol, labels, texts, *images, seconds, _as_told(known))


def _as_told(known: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of the texts of a set, as its row of the results tells it."""
    told = dict(known)
    if "lexicon" in told:
        lexicon = told.pop("lexicon")
        unlisted = getattr(lexicon, "unlisted", 0.0)
        told = {"words": count_words(lexicon), **({"unlisted": unlisted} if unlisted else {}), **told}
    return told


def _called(name: str, known: Mapping[str, Any]) -> str:
    """What a set read within something known is called: "SVT_train, 50 words, 0/180"."""
    parts = [name]
    for what, value in known.items():
        if what == "words":
            parts.append(f"{value:,} words")
        elif what == "orientations":
            parts.append(value if isinstance(value, str) else "/".join(map(str, value)))
        else:
            parts.append(what if what == "pattern" else f"{what} {value}")  # a pattern may be long
    return ", ".join(parts)


def scores(readings: SetReadings, protocol: str) -> dict[str, Any]:
    """How well a set was read, by a protocol.

    Returns:
        accuracy: the share of words right (`keras_textrec.text.comparing.is_right`).
        ned: 1-NED, the mean of 1 - edit distance / the longer length.
        cer: the character error rate, all edits / the labels' characters.
        insertions, deletions, substitutions: edits, by their kinds; characters: of the labels.
    """
    right, similarity, characters = 0, 0.0, 0
    edits = {"insertions": 0, "deletions": 0, "substitutions": 0}
    for text, label, readable in zip(readings.texts, readings.labels, readings.readable.tolist()):
        text, label = compared_pair(text, label, protocol)
        characters += len(label)
        if text == label:
            right += readable
            similarity += readable
            continue
        operations = edit_operations(text, label)
        similarity += 1 - len(operations) / max(len(text), len(label))
        for wanted, read in operations:
            edits["insertions" if not wanted else "substitutions" if read else "deletions"] += 1
    return {
        "accuracy": right / len(readings),
        "ned": similarity / len(readings),
        "cer": sum(edits.values()) / max(characters, 1),
        **edits,
        "characters": characters,
    }


def summary(readings: SetReadings) -> dict[str, Any]:
    """A set's row of the table of results; `evaluate_source` says what is in it."""
    exact, samples = scores(readings, "exact"), len(readings)
    return {
        "samples": samples,
        "unreadable": samples - int(np.count_nonzero(readings.readable)),
        "protocol": readings.protocol,
        "accuracy": int(np.count_nonzero(readings.right)) / samples,
        "exact": exact["accuracy"],
        "ned": exact["ned"],
        "cer": exact["cer"],
        "images_per_second": round(samples / readings.seconds, 1),
    }


def summaries(sets: Mapping[str, SetReadings]) -> dict[str, Any]:
    """The rows of sets by name, and their means: each set counting alike, or each word ("weighted_mean").

    Those of whose texts something is known tell it, and are no part of the means.
    """
    rows = [{"name": name, **readings.known, **summary(readings)} for name, readings in sets.items()]
    free = [row for row in rows if not sets[row["name"]].known]
    samples = [row["samples"] for row in free]
    keys = ("accuracy", "exact", "ned")
    return {
        "sets": rows,
        "mean": {key: sum(row[key] for row in free) / len(free) for key in keys},
        "weighted_mean": {key: float(np.average([row[key] for row in free], weights=samples)) for key in keys},
    }


def evaluate_source(model, source: Source, batch_size: int = 64, **known: Any) -> dict[str, Any]:
    """Reads every image of a source and compares texts.

    Args:
        model: a `TextRecognizer`, or what else has its `read_stream` and `tokenizer`.
        batch_size: images a step at most.
        known: of the texts, as for `read_set`.

    Returns:
        samples: the records; unreadable: how many of them hold no image (they count as read wrong, and are logged).
        accuracy: the share of words right by the `protocol` (`read_set` says which).
        exact: the share of words right as they stand, spaces aside.
        ned, cer: 1-NED and the character error rate (`scores`), of texts as "exact" compares them.
        images_per_second: of reading, decoding included.

    Raises:
        ValueError: as for `read_set`.
    """
    return summary(read_set(model, source, batch_size, **known))


def read_sets(
    model,
    sources: Mapping[str, Source],
    batch_size: int = 64,
    lexicon: Words = False,
    protocols: Mapping[str, str] | None = None,
    progress: bool = False,
    **known: Any,
) -> dict[str, SetReadings]:
    """`read_set` of sets by name: each as it stands, and once more where something is known of its texts.

    What is read so follows the set's own readings, and is called "NAME, 50 words".

    Args:
        lexicon: for every set a `Lexicon`, or a file of words, one a line; or True, for those sets that have a
            `lexicons.txt` beside them (`keras_textrec.reading.lexica`).
        protocols: of each set, by which texts are compared; None: those that are usual.
        progress: show a bar for each set, where standard error is a terminal.
        known: `orientations`, `allow` and `pattern`, as for `TextRecognizer.read`; None for what is not known.

    Raises:
        ValueError: no set has a lexicon, one has not as many lines as its set has records, or what is known makes no
            sense.
        TypeError: the sets have no names, or one is a path.
    """
    if not isinstance(sources, Mapping):
        raise TypeError(
            f"Sets have names: give what textrec.data.find_sources finds, or {{name: source}}, not "
            f"{type(sources).__name__}."
        )
    known = {name: value for name, value in known.items() if value is not None}
    lexica = {name: {"lexicon": words} for name, words in lexica_of(sources, lexicon).items()}
    known_of = {name: {**lexica.get(name, {}), **known} for name in sources}
    for name in sources:  # what makes no sense is told before hours of reading
        model.read_stream([], batch_size=batch_size, **known_of[name])
    sets = {}
    for name, source in sources.items():
        protocol = protocols and protocols[name]
        sets[name] = read_set(model, source, batch_size, protocol, progress)
        case = label_case(source)
        if case:
            logger.info("The labels of %s are all in %s case: compare by accuracy, which ignores case.", name, case)
        if known_of[name]:
            again = read_set(model, source, batch_size, protocol, progress, **known_of[name])
            sets[_called(name, again.known)] = again
    return sets


def evaluate_sets(
    model,
    sources: Mapping[str, Source],
    batch_size: int = 64,
    lexicon: Words = False,
    **known: Any,
) -> dict[str, Any]:
    """`evaluate_source` for sets by name, as `read_sets` reads them, and the means over them: `summaries`."""
    return summaries(read_sets(model, sources, batch_size, lexicon, **known))
