"""Sets of texts as automata over a network's classes: what constrained reading walks through."""

import bisect
import dataclasses
import functools
import itertools
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Automaton:
    """A deterministic finite automaton; state 0 is the start. From every state an accepting one can be reached.

    The edges are sorted by the state that they leave: those of state s are `first[s]` to
    `first[s + 1]` - 1, sorted by what they write.

    Attributes:
        first: int (states + 1,).
        symbols: int (edges,), the class that is written.
        targets: int (edges,), the state that an edge leads to.
        accepting: bool (states,), whether a text may end there.
    """

    first: np.ndarray
    symbols: np.ndarray
    targets: np.ndarray
    accepting: np.ndarray

    @property
    def states(self) -> int:
        return len(self.accepting)

    @functools.cached_property
    def sources(self) -> np.ndarray:
        """The state that each edge leaves: int (edges,)."""
        return np.repeat(np.arange(self.states), self._counts)

    @functools.cached_property
    def alphabet(self) -> np.ndarray:
        """The classes that its texts are made of, each once: int (N,)."""
        return np.unique(self.symbols)

    @functools.cached_property
    def _counts(self) -> np.ndarray:
        """How many edges leave each state: int (states,)."""
        return np.diff(self.first)

    def leaving(self, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All edges that leave some states: the place of each one's state among them, and the edge, int (N,) each."""
        counts = self._counts.take(states)
        places = np.arange(len(states)).repeat(counts)
        offsets = self.first.take(states) - counts.cumsum() + counts
        return places, np.arange(len(places)) + offsets.take(places)

    def walk(self, symbols: Sequence[int]) -> int:
        """The state to which a text leads from the start; -1 if none does."""
        state = 0
        for symbol in symbols:
            first, last = self.first[state], self.first[state + 1]
            edge = bisect.bisect_left(self.symbols, symbol, first, last)
            if edge == last or self.symbols[edge] != symbol:
                return -1
            state = int(self.targets[edge])
        return state

    def end(self, symbols: Sequence[int]) -> int:
        """The state in which a text of the automaton ends; -1 of any other text."""
        state = self.walk(symbols)
        return state if state >= 0 and self.accepting[state] else -1

    @classmethod
    def of_edges(cls, sources: np.ndarray, symbols: np.ndarray, targets: np.ndarray, accepting: np.ndarray):
        """The automaton of edges in any order."""
        order = np.lexsort((symbols, sources))
        first = np.searchsorted(sources[order], np.arange(len(accepting) + 1))
        return cls(first, symbols[order], targets[order], accepting)


def any_text(symbols: np.ndarray) -> Automaton:
    """All texts of these classes."""
    symbols = np.unique(symbols)
    return Automaton(np.array([0, len(symbols)]), symbols, np.zeros(len(symbols), int), np.array([True]))


def trie(words: Sequence[tuple[int, ...]]) -> tuple[Automaton, dict[tuple[int, ...], int]]:
    """The automaton of a list of words, each the ids of one class or more, and the state in which each word ends."""
    words = sorted(set(words))
    lengths = np.fromiter(map(len, words), int, len(words))
    rows = np.full((len(words), lengths.max()), -1)
    rows[np.arange(rows.shape[1]) < lengths[:, None]] = np.fromiter(itertools.chain.from_iterable(words), int)
    # A word has a state of its own for each of its beginnings that the word before it does not share.
    new = np.ones(rows.shape, bool)
    new[1:] = np.logical_or.accumulate(rows[1:] != rows[:-1], axis=1)
    new &= rows >= 0
    column, row = np.nonzero(new.T)
    state = np.zeros(rows.shape, int)
    state[row, column] = np.arange(1, len(row) + 1)
    state = np.maximum.accumulate(state, axis=0)
    sources = np.where(column > 0, state[row, column - 1], 0)
    ends = state[np.arange(len(rows)), lengths - 1]
    accepting = np.zeros(len(row) + 1, bool)
    accepting[ends] = True
    # Shorter beginnings come first, and within a length words are sorted: so are the edges.
    first = np.searchsorted(sources, np.arange(len(accepting) + 1))
    automaton = Automaton(first, rows[row, column], np.arange(1, len(row) + 1), accepting)
    return automaton, dict(zip(words, ends.tolist()))
