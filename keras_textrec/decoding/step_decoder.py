"""Reading by an attention decoder within what is known of the texts: each step sees what was written."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from keras_textrec.decoding.automaton import Automaton
from keras_textrec.decoding.constraint import Constraint
from keras_textrec.decoding.lexicons import FEW, CompiledLexicon, Lexicon
from keras_textrec.decoding.search import Found, best_texts
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
        automata: dict[Automaton, list[int]] = {}
        classes = functools.cache(self._classes)
        count = constraint.count
        for image, lexicon in enumerate(compiled):
            if lexicon is not None:
                automata.setdefault(classes(lexicon), []).append(image)
                count = max(count, lexicon.candidates)
            if given[image] is None or (lexicon is not None and lexicon.open):
                automata.setdefault(constraint.automaton, []).append(image)
        found: list[list[Found]] = [[] for _ in range(images)]
        several = max(1, _MOST_ROWS // self._rows)
        for automaton, those in automata.items():
            for start in range(0, len(those), several):
                group = those[start : start + several]
                for image, texts in zip(group, self._search(steps_of, automaton, group, count), strict=True):
                    found[image] += texts
        for image, lexicon in enumerate(compiled):
            if lexicon is not None:
                words, texts = classes(lexicon), {}
                for text in found[image]:
                    state = words.end(text.ids)
                    state = lexicon.place_of_other(text.ids) if state < 0 else state
                    texts[text.ids] = dataclasses.replace(text, state=state)
                found[image] = lexicon.best(texts.values(), constraint.count)
        readings = (self._reading(texts[0]) if texts else Reading("", 0.0) for texts in found)
        return [constraint.told(*row) for row in zip(readings, found, compiled, strict=True)]

    def _search(
        self, steps_of: Callable[[np.ndarray], Steps], automaton: Automaton, images: list[int], count: int
    ) -> list[list[Found]]:
        """The `count` most probable texts of an automaton in some images, all at the same step at a time."""
        longest = self.steps - len(self._first)
        steps = steps_of(np.repeat(np.resize(images, 1 << (len(images) - 1).bit_length()), self._rows))
        scorer = StepScorer(steps, self._first, self.tokenizer.end_id, self._rows)
        return best_texts(scorer, automaton, count, (self._rows,), longest, [[] for _ in images])

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
    """The probabilities of texts and their beginnings, a `Scorer`: products of what the steps say.

    Args:
        steps: the decoder, the first `rows` of whose rows are those of the first image.
        first: the symbols of the steps before the first character.
        end: the symbol that ends a text.
        rows: of each image: how many beginnings it can keep.
    """

    def __init__(self, steps: Steps, first: Sequence[int], end: int, rows: int):
        self._steps = steps
        self._first = first
        self._end = end
        self._rows = rows

    def start(self, images: np.ndarray) -> np.ndarray:
        self._states = self._steps.start()
        self._place = len(self._first) - 1
        for place, symbol in enumerate(self._first):
            before = np.full(len(self._states[0]), symbol, "int32")
            chances, self._states = self._steps(before, place, self._states)
        return self._keep(images * self._rows, np.ones(len(images)), chances)

    def beginnings(self, places: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        return self._begin[places] * self._next[places, symbols]

    def extend(self, places: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        begin, came_from = self.beginnings(places, symbols), self._at[places]
        first = came_from // self._rows * self._rows  # of the image's rows, which are filled from there on
        at = first + np.arange(len(first)) - np.searchsorted(first, first)
        before, origins = np.zeros(len(self._states[0]), "int32"), np.arange(len(self._states[0]))
        before[at], origins[at] = symbols, came_from  # other rows are not looked at
        self._place += 1
        chances, self._states = self._steps(before, self._place, [state[origins] for state in self._states])
        return self._keep(at, begin, chances)

    def _keep(self, at: np.ndarray, begin: np.ndarray, chances: np.ndarray) -> np.ndarray:
        """Keeps beginnings that stand at some rows; their probability as texts."""
        self._at, self._begin, self._next = at, begin, chances[at]
        return begin * self._next[:, self._end]
