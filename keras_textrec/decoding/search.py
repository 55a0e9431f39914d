"""The most probable texts of an automaton, by a network that gives the probability of a text's beginning.

Texts grow by one character at a time. The probability that a text begins in some way is never less than that of any
text which does; so a beginning less probable than the best text found is given up without loss (Graves' prefix search).
Of those that remain, the most probable are kept, `width` of them: what was given up for that is compared at the end,
and where it could have led to a better text, the search is made again, wider.
"""

import dataclasses
from collections.abc import Generator, Sequence
from typing import Protocol

import numpy as np

from keras_textrec.decoding.automaton import Automaton


class Beginnings(Protocol):
    """What one image's network says about the beginnings of texts.

    Attributes:
        left_out: no text with a class that the scorer leaves out is more probable than this.
    """

    left_out: float

    def beginnings(self, places: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        """The probability that the text begins as the kept one at `places`, int (N,), and goes on with `symbols`."""


class Scorer(Beginnings, Protocol):
    """A network that takes one image at a time."""

    def start(self) -> np.ndarray:
        """Goes to the empty beginning; the probability of the empty text, float (1,)."""

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


# The beginnings that a search wants to keep, as `Scorer.extend` takes them; None: the empty one.
Request = tuple[np.ndarray, np.ndarray] | None
# The beginnings of one length: the place of what each goes on from, the class that it adds, its probability, (N,) each.
Step = tuple[np.ndarray, np.ndarray, np.ndarray]


def best_texts(
    scorer: Scorer,
    automaton: Automaton,
    count: int,
    widths: Sequence[int],
    longest: int,
    known: Sequence[Found] = (),
) -> tuple[list[Found], bool]:
    """The most probable texts, the best first; none has the probability 0.

    Args:
        count: how many, at most.
        widths: how many beginnings of one length are kept at most; each is tried where the one before was too few.
        longest: the most characters of a text.
        known: texts that are known to be good: the search is the shorter.

    Returns:
        The texts, and whether it is certain that there are no better ones.
    """
    search = searching(scorer, automaton, count, widths, longest, known)
    with np.errstate(divide="ignore"):  # the logarithm of 0
        request = next(search)
        while True:
            complete = scorer.start() if request is None else scorer.extend(*request)
            try:
                request = search.send(complete)
            except StopIteration as end:
                return end.value


def searching(
    scorer: Beginnings,
    automaton: Automaton,
    count: int,
    widths: Sequence[int],
    longest: int,
    known: Sequence[Found] = (),
) -> Generator[Request, np.ndarray, tuple[list[Found], bool]]:
    """`best_texts` for who scores several images at once: it yields what the scorer is to keep, and is sent what
    `Scorer.start` and `Scorer.extend` give."""
    found = {text.ids: text for text in known}
    for width in widths:
        lost = max(scorer.left_out, (yield from _search(scorer, automaton, count, width, longest, found)))
        best = sorted(found.values(), key=lambda text: -text.probability)[:count]
        certain = lost <= (best[-1].probability if len(best) == count else 0.0)
        if certain:
            break
    return best, certain


def _search(
    scorer: Beginnings, automaton: Automaton, count: int, width: int, longest: int, found: dict
) -> Generator[Request, np.ndarray, float]:
    """One search; adds texts to `found`, and gives the probability of the most probable beginning that was given up
    because there were too many."""
    states, lost, least = np.array([0]), 0.0, _least(found, count)
    trail: list[Step] = []
    complete = yield None
    for length in range(longest + 1):
        better = automaton.accepting.take(states) & (complete > least)
        for place in better.nonzero()[0].tolist():
            text = _traced(trail, place, float(complete[place]), int(states[place]))
            found[text.ids] = text
            least = _least(found, count)
        if length == longest:
            break
        places, edges = automaton.leaving(states)
        symbols = automaton.symbols.take(edges)
        bounds = scorer.beginnings(places, symbols)
        kept = (bounds > least).nonzero()[0]
        if len(kept) > width:
            order = (-bounds.take(kept)).argsort(kind="stable")
            lost = max(lost, float(bounds[kept[order[width]]]))
            kept = kept.take(order[:width])
        if not len(kept):
            break
        places, symbols, states = places.take(kept), symbols.take(kept), automaton.targets.take(edges.take(kept))
        trail.append((places, symbols, bounds.take(kept)))
        complete = yield places, symbols
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
