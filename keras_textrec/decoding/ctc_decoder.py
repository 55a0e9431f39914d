"""Reading the probabilities of a CTC network within what is known of the texts."""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from keras_textrec.decoding.automaton import Automaton
from keras_textrec.decoding.constraint import Constraint
from keras_textrec.decoding.ctc import BLANK, CTCScorer, TextLattice, Viterbi, collapse
from keras_textrec.decoding.lexicons import CompiledLexicon, Lexicon
from keras_textrec.decoding.search import Found
from keras_textrec.text import CTCTokenizer, Reading

_MOST_NUMBERS = 1 << 14  # that Viterbi keeps of a frame: they are to stay in the processor's caches
_MOST_IMAGES = 32  # that are searched at a time


class CTCDecoder:
    """`CTCTokenizer.decode` within a constraint.

    Exact are `allow` (the best path of the allowed classes), `pattern` (the best path of a text that fits) and the
    probability of a text. Which texts are the most probable is a search: `keras_textrec.decoding.search`.

    Args:
        tokenizer: of the network.
        constraint: made for it.
    """

    def __init__(self, tokenizer: CTCTokenizer, constraint: Constraint):
        self.tokenizer = tokenizer
        self.constraint = constraint
        self._may_be = np.zeros(tokenizer.vocabulary_size)
        self._may_be[BLANK] = self._may_be[constraint.automaton.alphabet] = 1.0

    def decode(
        self, probabilities: np.ndarray, valid_ratio: np.ndarray, lexica: Sequence[Lexicon] | None = None
    ) -> list[Reading]:
        """The readings of probabilities, float (B, T, V).

        Args:
            valid_ratio: float (B,), the part of the input's width that each image fills.
            lexica: one for each image, where each has its own.

        Raises:
            ValueError: the array has another shape.
        """
        probabilities = self.tokenizer.checked(probabilities)
        ratios = np.asarray(valid_ratio).tolist()
        if self.constraint.lexica is not None:
            lexica = lexica or [self.constraint.lexica] * len(probabilities)
            compiled = [self.constraint.compiled(lexicon) for lexicon in lexica]
            return self._words(probabilities.astype("float64"), ratios, compiled)
        allowed = probabilities * self._may_be
        if self.constraint.alternatives:
            return self._texts(allowed, ratios)
        readings = map(self._reading, allowed, ratios, self._best_paths(allowed))
        return [self.constraint.told(reading) for reading in readings]

    def _best_paths(self, probabilities: np.ndarray) -> np.ndarray:
        """The best path of a text that fits, int (B, T), in each image; of blanks alone where there is none."""
        paths = probabilities.argmax(-1)
        if self.constraint.pattern is None:
            return paths
        # The best path of all is mostly one that fits; the others are found in the automaton.
        automaton = self.constraint.automaton
        others = [image for image, path in enumerate(paths) if automaton.end(collapse(path)) < 0]
        if others:
            viterbi = _viterbi(automaton, self.tokenizer.vocabulary_size)
            several = max(1, _MOST_NUMBERS // viterbi.size)
            for part in (others[start : start + several] for start in range(0, len(others), several)):
                paths[part] = viterbi.best_paths(probabilities[part])[0]
        return paths

    def _texts(self, probabilities: np.ndarray, ratios: list[float]) -> list[Reading]:
        known: list[list[Found]] = [[] for _ in probabilities]
        found = self._search(probabilities, self.constraint.automaton, known, self.constraint.count)
        paths = _paths(probabilities, found, probabilities.argmax(-1))
        readings = map(self._reading, probabilities, ratios, paths)
        return [self.constraint.told(*row) for row in zip(readings, found, strict=True)]

    def _words(
        self, probabilities: np.ndarray, ratios: list[float], lexica: list[CompiledLexicon | None]
    ) -> list[Reading]:
        if all(lexicon is not None and lexicon is lexica[0] for lexicon in lexica):
            folded = list(lexica[0].folded(probabilities))
        else:
            folded = [y if lexicon is None else lexicon.folded(y) for y, lexicon in zip(probabilities, lexica)]
        greedy = [y.argmax(-1) for y in folded]
        found = _greedy_words(folded, greedy, lexica)
        for image, text in _unlisted_texts(probabilities, found, lexica).items():
            found[image] = [text]
        searched: dict[CompiledLexicon, list[int]] = {}
        for image, (y, lexicon) in enumerate(zip(folded, lexica)):
            # What outweighs all others together need not be compared with them.
            if lexicon is None or (lexicon.settled(found[image]) and not self.constraint.alternatives):
                continue
            if lexicon.rows:
                unlisted = [text for text in found[image] if text.state < 0]
                found[image] = unlisted + _scored_words(y, lexicon, max(self.constraint.count, lexicon.candidates))
            else:
                searched.setdefault(lexicon, []).append(image)
        for lexicon, images in searched.items():
            y, known = np.stack([folded[image] for image in images]), [found[image] for image in images]
            count = max(self.constraint.count, lexicon.candidates)
            for image, texts in zip(images, self._search(y, lexicon.automaton, known, count), strict=True):
                found[image] = texts
        found = [lexicon.best(texts, self.constraint.count) if lexicon else [] for texts, lexicon in zip(found, lexica)]
        readings = []
        for image, (path, texts, lexicon) in enumerate(zip(_paths(folded, found, greedy), found, lexica)):
            y, letters = folded[image], None
            if texts and lexicon.open:
                y = probabilities[image]
                paths = _as_written(y, folded[image], path, texts, lexicon)
                texts = [dataclasses.replace(text, ids=collapse(path)) for text, path in zip(texts, paths)]
                path = paths[0]
            elif texts:
                letters = lexicon.letters(self.constraint.text(texts[0], lexicon))
            readings.append(self.constraint.told(self._reading(y, ratios[image], path, letters), texts, lexicon))
        return readings

    def _search(
        self, probabilities: np.ndarray, automaton: Automaton, known: list[list[Found]], count: int
    ) -> list[list[Found]]:
        """The most probable texts of an automaton in each image, where some are known."""
        found = []
        for start in range(0, len(probabilities), _MOST_IMAGES):
            y = probabilities[start : start + _MOST_IMAGES]
            scorer = CTCScorer(y, automaton.alphabet)
            found += self.constraint.search(scorer, automaton, y.shape[1], known[start : start + _MOST_IMAGES], count)
        return found

    def _reading(
        self, probabilities: np.ndarray, ratio: float, path: np.ndarray, letters: Sequence[str] | None = None
    ) -> Reading:
        values = probabilities[np.arange(len(path)), path].tolist()
        return self.tokenizer.read_path(path, values, ratio, letters)


@functools.lru_cache(maxsize=16)
def _viterbi(automaton: Automaton, classes: int) -> Viterbi:
    """Kept for the next images of the same pattern."""
    return Viterbi(automaton, classes)


def _greedy_words(
    folded: list[np.ndarray], greedy: list[np.ndarray], lexica: list[CompiledLexicon | None]
) -> list[list[Found]]:
    """The words that are read without the lexicon, where they are in it."""
    found: list[list[Found]] = [[] for _ in folded]
    texts = {}
    for image, (path, lexicon) in enumerate(zip(greedy, lexica)):
        ids = collapse(path)
        state = -1 if lexicon is None else lexicon.automaton.end(ids)
        if state >= 0:
            texts[image] = ids, state
    if texts:
        lattice = TextLattice([folded[image] for image in texts], [ids for ids, _ in texts.values()])
        for (image, (ids, state)), probability in zip(texts.items(), lattice.probabilities().tolist()):
            found[image] = [Found(probability, ids, state)]
    return found


def _unlisted_texts(
    probabilities: np.ndarray, found: list[list[Found]], lexica: list[CompiledLexicon | None]
) -> dict[int, Found]:
    """The free readings that no list has, of images whose lexicon is open; their ids are numbers of its `fold`."""
    texts = {}
    for image, (y, lexicon) in enumerate(zip(probabilities, lexica)):
        if lexicon is not None and lexicon.open and not found[image]:
            path = y.argmax(-1)
            numbers = collapse(lexicon.fold[path])
            if lexicon.automaton.end(numbers) < 0:
                texts[image] = numbers, collapse(path)
    written = {image: ids for image, (_, ids) in texts.items() if ids}
    chances = {image: float(probabilities[image, :, BLANK].prod()) for image in texts}
    if written:
        lattice = TextLattice([probabilities[image] for image in written], [*written.values()])
        chances |= zip(written, lattice.probabilities().tolist())
    places = {image: lexica[image].place_of_other(ids) for image, (_, ids) in texts.items()}
    return {image: Found(chances[image], numbers, places[image]) for image, (numbers, _) in texts.items()}


def _as_written(
    probabilities: np.ndarray,
    folded: np.ndarray,
    best: np.ndarray,
    texts: list[Found],
    lexicon: CompiledLexicon,
) -> list[np.ndarray]:
    """The paths of one image's texts of an open lexicon, with case and punctuation as they stand there, int (T,) each.

    Args:
        best: the first text's path over the numbers of `lexicon.fold`.
    """
    paths = {texts[0].ids: best}
    if words := [text.ids for text in texts[1:] if text.state >= 0]:
        paths |= zip(words, TextLattice(folded, words).paths())
    return [
        probabilities.argmax(-1) if text.state < 0 else lexicon.unfolded(paths[text.ids], probabilities)
        for text in texts
    ]


def _scored_words(probabilities: np.ndarray, lexicon: CompiledLexicon, count: int) -> list[Found]:
    """The best words of a short list that have a path, the best first."""
    chances = TextLattice(probabilities, lexicon.rows).probabilities()
    best = [place for place in np.argsort(-chances, kind="stable")[:count].tolist() if chances[place] > 0.0]
    rows = [lexicon.rows[place] for place in best]
    return [Found(*text) for text in zip(chances[best].tolist(), rows, map(lexicon.automaton.walk, rows))]


def _paths(probabilities: Sequence[np.ndarray], found: list[list[Found]], greedy: Sequence[np.ndarray]) -> np.ndarray:
    """The best path of the best text that was found in each image, int (B, T); blanks alone where none was.

    Args:
        greedy: int (T,), of each image the best path of all, which may be that text's.
    """
    paths = np.full((len(probabilities), len(probabilities[0])), BLANK)
    images = []
    for image, (texts, path) in enumerate(zip(found, greedy, strict=True)):
        if texts and collapse(path) == texts[0].ids:
            paths[image] = path
        elif texts and texts[0].ids:
            images.append(image)
    if images:
        texts = [found[image][0].ids for image in images]
        paths[images] = TextLattice([probabilities[image] for image in images], texts).paths()
    return paths
