"""The most probable texts of an automaton in several images, by a network that gives the probability of a beginning.

Texts grow by one character at a time. The probability that a text begins in some way is never less than that of any
text which does; so a beginning less probable than the best text found is given up without loss (Graves' prefix search).
Of those that remain, the most probable are kept, `width` of them: what was given up for that is compared at the end,
and where it could have led to a better text, the search is made again, wider.
"""

import dataclasses
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from keras_textrec.decoding.automaton import Automaton


class Scorer(Protocol):
    """What a network says about texts in several images. It keeps some of their beginnings, those of an image together,
    in the order of the images."""

    def start(self, images: np.ndarray) -> np.ndarray:
        """Keeps the empty beginning of each of these images, int (N,), rising; the probabilities of the empty text."""

    def beginnings(self, places: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        """The probability that a text begins as the kept one at `places`, int (N,), and goes on with `symbols`."""

    def extend(self, places: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        """Keeps these beginnings instead; the probability of the text that each of them is, float (N,)."""


@dataclasses.dataclass(frozen=True)
class Found:
    """A text: its classes, the state of the automaton in which it ends, its probability, and those of its beginnings of
    one character and more."""

    probability: float
    ids: tuple[int, ...]
    state: int
    beginnings: tuple[float, ...] = ()


# The beginnings of one length: the place of what each goes on from, the class that it adds, its probability, (N,) each.
Step = tuple[np.ndarray, np.ndarray, np.ndarray]


def best_texts(
    scorer: Scorer,
    automaton: Automaton,
    count: int,
    widths: Sequence[int],
    longest: int,
    known: Sequence[Sequence[Found]],
) -> list[list[Found]]:
    """The most probable texts of each image, the best first; none has the probability 0.

    Args:
        count: how many, at most.
        widths: how many beginnings of one length are kept of an image at most; each is tried for the images where the
            one before was too few.
        longest: the most characters of a text.
        known: of each image, texts that are known to be good: its search is the shorter.
    """
    found = [{text.ids: text for text in texts} for texts in known]
    images = np.arange(len(found))
    for width in widths:
        lost = _search(scorer, automaton, count, width, longest, images, found)
        images = images[lost > [_least(found[image], count) for image in images]]
        if not len(images):
            break
    return [sorted(texts.values(), key=lambda text: -text.probability)[:count] for texts in found]


def _search(
    scorer: Scorer,
    automaton: Automaton,
    count: int,
    width: int,
    longest: int,
    images: np.ndarray,
    found: list[dict[tuple[int, ...], Found]],
) -> np.ndarray:
    """One search in some of the images; adds texts to `found`, and gives, float (images,), the probability of the most
    probable beginning that was given up in each because there were too many."""
    least, lost = np.array([_least(found[image], count) for image in images]), np.zeros(len(images))
    # Of each beginning that is kept: which of the images it is in, and where it stands in the automaton.
    owners, states = np.arange(len(images)), np.zeros(len(images), int)
    trail: list[Step] = []
    complete = scorer.start(images)
    for length in range(longest + 1):
        better = (automaton.accepting.take(states) & (complete > least.take(owners))).nonzero()[0]
        for place in better[(-complete.take(better)).argsort()].tolist():
            if complete[place] > least[owners[place]]:
                texts = found[images[owners[place]]]
                text = _traced(trail, place, float(complete[place]), int(states[place]))
                texts[text.ids] = text
                least[owners[place]] = _least(texts, count)
        if length == longest:
            break
        places, edges = automaton.leaving(states)
        symbols = automaton.symbols.take(edges)
        bounds = scorer.beginnings(places, symbols)
        kept = (bounds > least.take(owners).take(places)).nonzero()[0]
        if not len(kept):
            break
        places, bounds = places.take(kept), bounds.take(kept)
        owners = owners.take(places)
        counts = np.bincount(owners)
        if counts.max() > width:
            order = np.lexsort((-bounds, owners))
            rank = np.arange(len(order)) - (counts.cumsum() - counts).repeat(counts)
            given_up = order[rank == width]
            lost[owners[given_up]] = np.maximum(lost[owners[given_up]], bounds[given_up])
            order = order[rank < width]
            kept, places, bounds, owners = (each.take(order) for each in (kept, places, bounds, owners))
        symbols, states = symbols.take(kept), automaton.targets.take(edges.take(kept))
        trail.append((places, symbols, bounds))
        complete = scorer.extend(places, symbols)
    return lost


def _least(found: dict[tuple[int, ...], Found], count: int) -> float:
    """What a text has to be more probable than, to be one of the best `count`."""
    return sorted(text.probability for text in found.values())[-count] if len(found) >= count else 0.0


def _traced(trail: list[Step], place: int, probability: float, state: int) -> Found:
    """The text that stands at a place after the last step."""
    ids, chances = [], []
    for places, symbols, bounds in reversed(trail):
        ids.append(int(symbols[place]))
        chances.append(float(bounds[place]))
        place = places[place]
    return Found(probability, tuple(reversed(ids)), state, tuple(reversed(chances)))
