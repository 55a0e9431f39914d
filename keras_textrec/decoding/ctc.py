"""Texts in the probabilities of a CTC network: float (T, V), class 0 the blank.

Graves et al., "Connectionist Temporal Classification" (2006). A path is a class for every frame; runs of one class are
one character, and blanks are left out. A text's probability is the sum over all its paths.
"""

import itertools
from collections.abc import Sequence

import numpy as np

from keras_textrec.decoding.automaton import Automaton

BLANK = 0
MOST_SYMBOLS = 256  # of one image, by their probabilities: in large charsets, most have none anywhere
_FLOOR = 1e-30  # so that logarithms are finite


class Viterbi:
    """The most probable path among those of an automaton's texts, exactly.

    The state, the last class and the frame are all that a path's future depends on. A node is a state with the class by
    which it was entered; a state's blank follows any of its nodes.

    Args:
        automaton: over the network's classes.
        classes: V.
    """

    def __init__(self, automaton: Automaton, classes: int):
        keys, node_of = np.unique(automaton.targets * classes + automaton.symbols, return_inverse=True)
        state, symbol = np.divmod(keys, classes)
        order = np.argsort(node_of, kind="stable")
        sources, symbols = automaton.sources[order], automaton.symbols[order]
        self._accepting = automaton.accepting
        self._symbol = np.append(symbol, -1)  # of each node; the last node is none, and is never reached
        # The nodes of every state, filled up with the last one.
        counts = np.bincount(state, minlength=automaton.states)
        self._nodes = np.full((automaton.states, max(1, counts.max(initial=0))), len(keys))
        self._nodes[np.arange(self._nodes.shape[1]) < counts[:, None]] = np.arange(len(keys))
        # The edges, sorted by the node that they lead to: the state that each leaves, and the first to each node.
        self._source = sources
        self._first = np.searchsorted(node_of[order], np.arange(len(keys)))
        self._origins = [part.tolist() for part in np.split(sources, self._first[1:])]
        # Of each node, the edge that leaves its state by its own class; the number of edges where there is none.
        edges = {pair: edge for edge, pair in enumerate(zip(sources.tolist(), symbols.tolist()))}
        own = [edges.get(pair, len(edges)) for pair in zip(state.tolist(), symbol.tolist())]
        self._again = np.array([*own, len(edges)])[self._nodes]

    @property
    def size(self) -> int:
        """How many numbers it keeps of a frame."""
        return len(self._symbol) + len(self._accepting)

    def best_paths(self, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For (B, T, V), the paths, int (B, T), and whether there is one, bool (B,): T frames may be too few."""
        images, frames, _ = probabilities.shape
        scores = np.log(np.maximum(probabilities, _FLOOR))
        blanks, scores = scores[:, :, BLANK, None], scores.take(self._symbol[:-1], axis=2)
        states, most = self._nodes.shape
        # (frames + 1, B, ...): the best path that ends in a node, in any node of a state, in a state's blank.
        in_node = np.full((frames + 1, images, len(self._symbol)), -np.inf)
        in_state = np.full((frames + 1, images, states), -np.inf)
        in_blank = np.full((frames + 1, images, states), -np.inf)
        in_blank[0, :, 0] = 0.0
        entering = np.empty((images, len(self._source) + 1))
        row_of_again = np.arange(images)[:, None] * entering.shape[1]
        row_of_state = np.arange(states) * most
        row_of_node = np.arange(images)[:, None] * states * most + row_of_state
        for frame in range(frames):
            inside = in_node[frame].take(self._nodes, axis=1)
            first = inside.argmax(2)
            place = first + row_of_node
            in_state[frame] = inside.take(place)
            either = np.maximum(in_state[frame], in_blank[frame])
            entering[:, :-1] = either.take(self._source, axis=1)
            # The class of a state's best node comes again only after a blank, or after another node.
            inside.put(place, -np.inf)
            again = self._again.take(first + row_of_state) + row_of_again
            entering.put(again, np.maximum(np.maximum.reduce(inside, axis=2), in_blank[frame]))
            following = in_node[frame + 1, :, :-1]
            arrivals = entering[:, :-1]
            if len(self._first) < len(self._source):
                arrivals = np.maximum.reduceat(arrivals, self._first, axis=1)
            np.maximum(arrivals, in_node[frame, :, :-1], out=following)
            following += scores[:, frame]
            np.add(either, blanks[:, frame], out=in_blank[frame + 1])
        in_state[-1] = in_node[-1].take(self._nodes, axis=1).max(2)
        at_end = np.maximum(in_blank[-1], in_state[-1])
        at_end[:, ~self._accepting] = -np.inf
        fits = at_end.max(1) > -np.inf
        paths = np.zeros((images, frames), int)
        for image in np.flatnonzero(fits).tolist():
            values = in_node[:, image], in_state[:, image], in_blank[:, image], scores[image]
            paths[image] = self._trace(*values, int(at_end[image].argmax()))
        return paths, fits

    def _trace(
        self, in_node: np.ndarray, in_state: np.ndarray, in_blank: np.ndarray, scores: np.ndarray, state: int
    ) -> np.ndarray:
        """The path of one image, int (T,), that ends in a state; the arguments are what `best_paths` has of it."""
        path = np.zeros(len(scores), int)
        node = None  # it stands in the state's blank
        for frame in range(len(path), 0, -1):
            # Where the path may stand after `frame` frames, so that it can go on as it does.
            if node is None:
                if in_state[frame, state] >= in_blank[frame, state]:
                    inside = self._nodes[state]
                    node = inside[in_node[frame, inside].argmax()]
            elif in_node[frame, node] + scores[frame, node] < in_node[frame + 1, node]:
                options = []
                for origin in self._origins[node]:
                    inside = self._nodes[origin]
                    values = in_node[frame, inside]
                    values[self._symbol[inside] == self._symbol[node]] = -np.inf
                    place = values.argmax()
                    options.append((values[place], inside[place], origin))
                    options.append((in_blank[frame, origin], None, origin))
                _, node, state = max(options, key=lambda option: option[0])
            if node is not None:
                path[frame - 1] = self._symbol[node]
        return path


def collapse(path: np.ndarray) -> tuple[int, ...]:
    """The text of a path, int (T,)."""
    starts = path != BLANK
    starts[1:] &= path[1:] != path[:-1]
    return tuple(path[starts].tolist())


class TextLattice:
    """One text in each of several images, or several in one: all their paths.

    Args:
        probabilities: (T, V) of each image; V may differ. Or the (T, V) of one image that all texts are in.
        texts: the ids of each, at least one.
    """

    def __init__(self, probabilities: Sequence[np.ndarray] | np.ndarray, texts: Sequence[tuple[int, ...]]):
        lengths = np.array([len(text) for text in texts])
        longest = lengths.max()
        written = np.full((len(texts), longest), BLANK)
        written[np.arange(longest) < lengths[:, None]] = list(itertools.chain.from_iterable(texts))
        # A blank before, between and after the characters; places beyond a text's end do no harm. The texts are the
        # last axis everywhere: what all places do together then lies together in memory.
        self._symbols = np.full((2 * longest + 1, len(texts)), BLANK)
        self._symbols[1::2] = written.T
        if isinstance(probabilities, np.ndarray):
            self._written = probabilities.take(self._symbols, axis=1)
        else:
            self._written = np.empty((len(probabilities[0]), *self._symbols.shape))
            for text, (y, symbols) in enumerate(zip(probabilities, self._symbols.T, strict=True)):
                self._written[..., text] = y.take(symbols, axis=1)
        self._may_skip = self._symbols[2:] != BLANK
        self._may_skip &= self._symbols[2:] != self._symbols[:-2]
        self._texts, self._last = np.arange(len(texts)), 2 * lengths - 1

    def probabilities(self) -> np.ndarray:
        """The probability of each text: the sum over its paths, float (B,)."""
        padded = np.zeros((len(self._symbols) + 2, len(self._texts)))  # two places before the first: never
        skipped, from_before, here = padded[:-2], padded[1:-1], padded[2:]
        here[:2] = self._written[0, :2]
        may_skip = np.zeros(here.shape)
        may_skip[2:] = self._may_skip
        arrived, by_skip = np.empty(here.shape), np.empty(here.shape)
        for written in self._written[1:]:
            np.add(here, from_before, out=arrived)
            np.multiply(may_skip, skipped, out=by_skip)
            np.add(arrived, by_skip, out=arrived)
            np.multiply(arrived, written, out=here)
        return here[self._last, self._texts] + here[self._last + 1, self._texts]

    def paths(self) -> np.ndarray:
        """The most probable path of each text, int (B, T). Every text must have one."""
        return np.array([self._path(text, last) for text, last in enumerate(self._last.tolist())])

    def _path(self, text: int, last: int) -> np.ndarray:
        # In Python, which for one text takes half the time of arrays.
        never = float("-inf")
        scores = np.log(np.maximum(self._written[:, : last + 2, text], _FLOOR)).tolist()
        barriers = [never, never, *np.where(self._may_skip[:last, text], 0.0, never).tolist()]
        # After each frame, the best path that ends in each place.
        rows = [[*scores[0][:2], *[never] * last]]
        for written in scores[1:]:
            before, row = rows[-1], []
            origins = zip(before, [never, *before], [never, never, *before], barriers, written)
            for best, stepped, skipped, barrier, score in origins:
                if stepped > best:
                    best = stepped
                if skipped + barrier > best:
                    best = skipped
                row.append(best + score)
            rows.append(row)
        place = last if rows[-1][last] >= rows[-1][last + 1] else last + 1
        trail = [place]
        for row in rows[-2::-1]:
            # Of equals, the first: it stayed, came from the place before, from two before.
            origins = [place, place - 1, place - 2][: place + 1]
            if barriers[place]:
                origins = origins[:2]
            place = max(origins, key=row.__getitem__)
            trail.append(place)
        return self._symbols[trail[::-1], text]


class CTCScorer:
    """The probabilities of texts and their beginnings, a `Scorer`: exact sums over paths.

    Args:
        probabilities: (T, V).
        symbols: the classes that texts are made of.
    """

    def __init__(self, probabilities: np.ndarray, symbols: np.ndarray):
        self.left_out = 0.0
        if len(symbols) > MOST_SYMBOLS:
            mass = probabilities[:, symbols].sum(0)
            order = np.argsort(-mass, kind="stable")
            self.left_out = float(mass[order[MOST_SYMBOLS]])  # whoever has it in some frame is no more probable
            symbols = symbols[order[:MOST_SYMBOLS]]
        frames, classes = probabilities.shape
        self._column = np.full(classes, len(symbols))  # the last column is that of all others: never
        self._column[symbols] = np.arange(len(symbols))
        y = np.zeros((frames, len(symbols) + 1))
        y[:, :-1] = probabilities.take(symbols, axis=1)
        blank = probabilities[:, BLANK]
        # What all paths together can have after each frame.
        after = np.ones(frames)
        after[-2::-1] = (y.sum(1) + blank)[:0:-1].cumprod()
        self._weighted = y * after[:, None]
        self._weighted_rows = np.ascontiguousarray(self._weighted.T)
        self._logs = np.zeros((len(symbols) + 1, frames + 1))
        np.log(np.maximum(y.T, _FLOOR)).cumsum(axis=1, out=self._logs[:, 1:])
        blank_logs = np.zeros(frames + 1)
        np.log(np.maximum(blank, _FLOOR)).cumsum(out=blank_logs[1:])
        # The probability of blanks alone: in the first t frames, (T + 1,); from frame s on until frame t, (T, T + 1).
        self._blanks = np.exp(blank_logs)
        self._blank_runs = np.triu(np.exp(np.minimum(blank_logs - blank_logs[:-1, None], 0.0)), 1)

    # `take` and `put` below: a call of either takes half the time of an index, and arrays are small.

    def start(self) -> np.ndarray:
        # Before frame 0, 1, ... and after the last, (N, T + 1): the probability of all paths of the beginning that end
        # in a blank, in its last class.
        self._blank = self._blanks[None]
        self._last = np.zeros_like(self._blank)
        return self._prepare(np.array([len(self._weighted_rows) - 1]))

    def beginnings(self, places: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        return self._begin.take(places * self._begin.shape[1] + self._column.take(symbols))

    def extend(self, places: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        columns = self._column.take(symbols)
        before = self._last.take(places, axis=0)
        before[columns == self._columns.take(places)] = 0.0  # the same class again: only after a blank
        before += self._blank.take(places, axis=0)
        self._last = self._run(before[:, :-1], self._logs.take(columns, axis=0))
        self._blank = self._last[:, :-1] @ self._blank_runs
        return self._prepare(columns)

    def _prepare(self, columns: np.ndarray) -> np.ndarray:
        self._columns = columns
        both = self._blank + self._last
        self._begin = both[:, :-1] @ self._weighted
        repeated = np.einsum("nt,nt->n", self._last[:, :-1], self._weighted_rows.take(columns, axis=0))
        again = np.arange(len(columns)) * self._begin.shape[1] + columns
        self._begin.put(again, self._begin.take(again) - repeated)
        return both[:, -1]

    def _run(self, before: np.ndarray, logs: np.ndarray) -> np.ndarray:
        """What runs of one class for each row gather: `before` (N, T), what may start one at each frame -> (N, T + 1).

        By x(t + 1) = y(t) (x(t) + before(t)), all frames at once: with Y, the product of y, x / Y is a sum.
        """
        gathered = np.log(before)
        gathered -= logs[:, :-1]
        np.logaddexp.accumulate(gathered, axis=1, out=gathered)
        gathered += logs[:, 1:]
        result = np.zeros(logs.shape)
        np.exp(gathered, out=result[:, 1:])
        return result
