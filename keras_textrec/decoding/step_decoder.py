"""Reading by an attention decoder within what is known of the texts: each step sees what was written."""

import itertools
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from keras_textrec.decoding.automaton import Automaton
from keras_textrec.decoding.constraint import Constraint
from keras_textrec.decoding.lexicons import FEW, CompiledLexicon, Lexicon
from keras_textrec.decoding.search import Found, Request, searching
from keras_textrec.text import Character, Reading, SequenceTokenizer

BEGINNINGS = 8  # of one length that are kept for a pattern or alternatives
_MOST_ROWS = 128  # of a step: of RobustScanner, 80 MB


class Steps(Protocol):
    """A decoder at work on some rows, each with an image of its own or one that several share."""

    def start(self) -> list[np.ndarray]:
        """The states before the first step, (rows, ...) each."""

    def __call__(
        self, symbols: np.ndarray, place: int, states: list[np.ndarray]
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """The step at `place`, from 0: the symbol before, int32 (rows,) -> the probabilities of the next symbol, float
        (rows, V), and the states."""


class StepDecoder:
    """`SequenceTokenizer.decode` within a constraint.

    `allow` is greedy: the most probable allowed symbol, step by step. The others are a beam search over beginnings; of
    a lexicon of up to 64 words it is exact, for it then scores all.

    Args:
        tokenizer: of the network.
        constraint: made for it.
        steps: S, the most symbols that are written, the end included.
        free_running: whether the first step writes the start (`RARE`).
    """

    def __init__(self, tokenizer: SequenceTokenizer, constraint: Constraint, steps: int, free_running: bool = False):
        self.tokenizer = tokenizer
        self.constraint = constraint
        self.steps = steps
        self._first = [tokenizer.start_id] * (1 + free_running)
        several = 2 * (constraint.alternatives or 1)
        least = BEGINNINGS if constraint.lexica is None else FEW
        self._rows = max(least, 1 << (several - 1).bit_length())  # a power of two: few shapes are compiled

    def decode(
        self, steps_of: Callable[[np.ndarray], Steps], images: int, lexica: Sequence[Lexicon] | None = None
    ) -> list[Reading]:
        """The readings of a batch.

        Args:
            steps_of: the decoder for rows of these images of the batch, int (rows,).
            images: how many there are.
            lexica: one for each, where each has its own.
        """
        constraint = self.constraint
        if constraint.lexica is None and constraint.pattern is None and not constraint.alternatives:
            rows = 1 << (images - 1).bit_length()
            return [constraint.told(reading) for reading in self._greedy(steps_of(np.arange(rows) % images))[:images]]
        given = [constraint.lexica] * images if lexica is None else lexica
        compiled = [None if lexicon is None else constraint.compiled(lexicon) for lexicon in given]
        automata = {
            image: constraint.automaton if compiled[image] is None else self._classes(compiled[image])
            for image in range(images)
            if given[image] is None or compiled[image] is not None
        }
        found: list[list[Found]] = [[] for _ in range(images)]
        several = max(1, _MOST_ROWS // self._rows)
        for start in range(0, len(automata), several):
            group = dict(itertools.islice(automata.items(), start, start + several))
            for image, texts in zip(group, self._search(steps_of, group)):
                found[image] = texts
        readings = (self._reading(texts[0]) if texts else Reading("", 0.0) for texts in found)
        return [constraint.told(*row) for row in zip(readings, found, compiled, strict=True)]

    def _search(self, steps_of: Callable[[np.ndarray], Steps], automata: dict[int, Automaton]) -> list[list[Found]]:
        """The best texts of some images, all at the same step at a time."""
        count, longest = self.constraint.alternatives or 1, self.steps - len(self._first)
        images, rows = len(automata), self._rows
        steps = steps_of(np.repeat(np.resize([*automata], 1 << (images - 1).bit_length()), rows))
        scorers = [StepScorer(self.tokenizer.end_id) for _ in automata]
        searches = [
            searching(scorer, automaton, count, (rows,), longest)
            for scorer, automaton in zip(scorers, automata.values())
        ]
        wanted = {image: next(search) for image, search in enumerate(searches)}
        found: list[list[Found]] = [[] for _ in automata]
        states = steps.start()
        for place, symbol in enumerate(self._first):
            chances, states = steps(np.full(len(states[0]), symbol, "int32"), place, states)
        while True:
            for image, request in list(wanted.items()):
                try:
                    ends = scorers[image].keep(request, chances[image * rows : (image + 1) * rows])
                    wanted[image] = searches[image].send(ends)
                except StopIteration as end:
                    found[image], _ = end.value
                    del wanted[image]
            if not wanted:
                return found
            place += 1
            before, origins = np.zeros(len(chances), "int32"), np.arange(len(chances))  # other rows are not looked at
            for image, (places, symbols) in wanted.items():
                block = slice(image * rows, image * rows + len(places))
                before[block], origins[block] = symbols, image * rows + places
            chances, states = steps(before, place, [state[origins] for state in states])

    def _reading(self, found: Found) -> Reading:
        chances = np.divide(found.beginnings, (1.0, *found.beginnings[:-1])).tolist()
        entries = [self.tokenizer.charset.characters[id - self.tokenizer.first_id] for id in found.ids]
        return self.tokenizer.reading([Character(*pair) for pair in zip(entries, chances, strict=True)])

    def _classes(self, lexicon: CompiledLexicon) -> Automaton:
        """A lexicon over the network's classes, of which each step writes one."""
        fold, first = lexicon.fold, self.tokenizer.first_id
        order = np.argsort(fold, kind="stable")
        start = np.searchsorted(fold[order], np.arange(fold.max() + 2))
        words = lexicon.automaton
        counts = np.diff(start)[words.symbols]
        offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        sources, targets = np.repeat(words.sources, counts), np.repeat(words.targets, counts)
        symbols = order[np.repeat(start[words.symbols], counts) + offsets]
        if lexicon.lexicon.ignore_punctuation:
            entries = np.array([bool(entry) for entry in self.tokenizer.charset])
            ignored = np.flatnonzero(entries & (fold[first : first + len(entries)] == 0)) + first
            states = np.repeat(np.arange(words.states), len(ignored))
            sources, targets = np.append(sources, states), np.append(targets, states)
            symbols = np.append(symbols, np.tile(ignored, words.states))
        return Automaton.of_edges(sources, symbols, targets, words.accepting)

    def _greedy(self, steps: Steps) -> list[Reading]:
        """Every step writes the most probable of the allowed symbols and the end."""
        tokenizer = self.tokenizer
        symbols = np.sort(np.append(self.constraint.automaton.alphabet, tokenizer.end_id))
        states, before = steps.start(), None
        written, chances = [], []
        for place in range(self.steps):
            if place < len(self._first):
                before = np.full(len(states[0]), self._first[place], "int32")
            probabilities, states = steps(before, place, states)
            if place < len(self._first) - 1:
                continue
            best = probabilities[:, symbols].argmax(1)
            before = symbols[best].astype("int32")
            written.append(before)
            chances.append(probabilities[np.arange(len(before)), before])
            if (np.array(written) == tokenizer.end_id).any(0).all():
                break
        readings = []
        for ids, values in zip(np.array(written).T.tolist(), np.array(chances, "float64").T.tolist()):
            end = ids.index(tokenizer.end_id) if tokenizer.end_id in ids else len(ids)
            entries = [tokenizer.charset.characters[id - tokenizer.first_id] for id in ids[:end]]
            readings.append(tokenizer.reading([Character(*pair) for pair in zip(entries, values)]))
        return readings


class StepScorer:
    """The probabilities of one image's texts and their beginnings, for `searching`: products of what the steps say.

    Args:
        end: the symbol that ends a text.
    """

    left_out = 0.0

    def __init__(self, end: int):
        self._end = end

    def beginnings(self, places: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        return self._begin[places] * self._next[places, symbols]

    def keep(self, request: Request, chances: np.ndarray) -> np.ndarray:
        """Keeps these beginnings instead; the probability of the text that each of them is, float (N,).

        Args:
            chances: float (rows, V), of the symbols that follow each.
        """
        self._begin = np.ones(1) if request is None else self.beginnings(*request)
        self._next = chances
        return self._begin * chances[: len(self._begin), self._end]
