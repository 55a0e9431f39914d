"""Texts in the probabilities of a CTC network: float (T, V), class 0 the blank.

Graves et al., "Connectionist Temporal Classification" (2006). A path is a class for every frame; runs of one class are
one character, and blanks are left out. A text's probability is the sum over all its paths.
"""

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
        self._again = np.array([*own, len(edges)])

    @property
    def size(self) -> int:
        """How many numbers it keeps of a frame."""
        return len(self._symbol) + len(self._accepting)

    def best_paths(self, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For (B, T, V), the paths, int (B, T), and whether there is one, bool (B,): T frames may be too few."""
        images, frames, _ = probabilities.shape
        scores = np.log(np.maximum(probabilities, _FLOOR))
        blanks, scores = scores[:, :, BLANK, None], scores.take(self._symbol[:-1], axis=2)
        rows, states = np.arange(images)[:, None], np.arange(len(self._accepting))
        # (frames + 1, B, ...): the best path that ends in a node, in a state's blank.
        in_node = np.full((frames + 1, images, len(self._symbol)), -np.inf)
        in_blank = np.full((frames + 1, images, len(states)), -np.inf)
        in_blank[0, :, 0] = 0.0
        entering = np.empty((images, len(self._source) + 1))
        for frame in range(frames):
            inside = in_node[frame].take(self._nodes, axis=1)
            first = inside.argmax(2)
            best = inside[rows, states, first]
            either = np.maximum(best, in_blank[frame])
            entering[:, :-1] = either.take(self._source, axis=1)
            # The class of a state's best node comes again only after a blank, or after another node.
            inside[rows, states, first] = -np.inf
            again = self._again[self._nodes[states, first]]
            entering[rows, again] = np.maximum(np.maximum.reduce(inside, axis=2), in_blank[frame])
            following = in_node[frame + 1, :, :-1]
            arrivals = entering[:, :-1]
            if len(self._first) < len(self._source):
                arrivals = np.maximum.reduceat(arrivals, self._first, axis=1)
            np.maximum(arrivals, in_node[frame, :, :-1], out=following)
            following += scores[:, frame]
            np.add(either, blanks[:, frame], out=in_blank[frame + 1])
        at_end = np.maximum(in_blank[-1], in_node[-1][:, self._nodes].max(-1))
        at_end[:, ~self._accepting] = -np.inf
        fits = at_end.max(1) > -np.inf
        paths = np.zeros((images, frames), int)
        for image in np.flatnonzero(fits).tolist():
            paths[image] = self._trace(in_node[:, image], in_blank[:, image], int(at_end[image].argmax()))
        return paths, fits

    def _trace(self, in_node: np.ndarray, in_blank: np.ndarray, state: int) -> np.ndarray:
        """The path of one image, int (T,), that ends in a state; the arguments are what `best_paths` has of it."""
        path = np.zeros(len(in_node) - 1, int)
        node = None  # it stands in the state's blank
        for frame in range(len(path), -1, -1):
            # Where the path may stand after `frame` frames, so that it can go on as it does.
            options = [] if node is None else [(in_node[frame, node], node, state)]
            for origin in [state] if node is None else self._origins[node]:
                inside = self._nodes[origin]
                values = in_node[frame, inside]
                if node is not None:
                    values[self._symbol[inside] == self._symbol[node]] = -np.inf
                place = values.argmax()
                options.append((values[place], inside[place], origin))
                options.append((in_blank[frame, origin], None, origin))
            _, node, state = max(options, key=lambda option: option[0])
            if frame and node is not None:
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
        # A blank before, between and after the characters; places beyond a text's end do no harm. The texts are the
        # last axis everywhere: what all places do together then lies together in memory.
        self._symbols = np.full((2 * lengths.max() + 1, len(texts)), BLANK)
        for symbols, text in zip(self._symbols.T, texts):
            symbols[1 : 2 * len(text) : 2] = text
        if isinstance(probabilities, np.ndarray):
            self._written = probabilities[:, self._symbols]
        else:
            written = [y[:, symbols] for y, symbols in zip(probabilities, self._symbols.T, strict=True)]
            self._written = np.stack(written, axis=-1)
        self._may_skip = self._symbols[2:] != BLANK
        self._may_skip &= self._symbols[2:] != self._symbols[:-2]
        self._texts, self._last = np.arange(len(texts)), 2 * lengths - 1

    def probabilities(self) -> np.ndarray:
        """The probability of each text: the sum over its paths, float (B,)."""
        before = np.zeros(self._symbols.shape)
        before[:2] = self._written[0, :2]
        arrived = np.empty(before.shape)
        skipped, may_skip = np.empty(self._may_skip.shape), self._may_skip.astype("float64")
        for written in self._written[1:]:
            arrived[0] = before[0]
            np.add(before[1:], before[:-1], out=arrived[1:])
            np.multiply(may_skip, before[:-2], out=skipped)
            arrived[2:] += skipped
            np.multiply(arrived, written, out=before)
        return before[self._last, self._texts] + before[self._last + 1, self._texts]

    def paths(self) -> np.ndarray:
        """The most probable path of each text, int (B, T). Every text must have one."""
        frames = len(self._written)
        scores = np.log(np.maximum(self._written, _FLOOR))
        forbidden = np.where(self._may_skip, 0.0, -np.inf)
        steps = np.zeros(scores.shape, "int8")
        arrived = np.full((3, *self._symbols.shape), -np.inf)  # by staying, from one place before, from two before
        best = np.full(self._symbols.shape, -np.inf)
        best[:2] = scores[0, :2]
        for frame in range(1, frames):
            arrived[0] = best
            arrived[1, 1:] = best[:-1]
            np.add(best[:-2], forbidden, out=arrived[2, 2:])
            steps[frame] = arrived.argmax(0)
            best = arrived.max(0) + scores[frame]
        place = self._last + (best[self._last + 1, self._texts] > best[self._last, self._texts])
        paths = np.zeros((len(self._texts), frames), int)
        for frame in range(frames - 1, -1, -1):
            paths[:, frame] = self._symbols[place, self._texts]
            place = place - steps[frame, place, self._texts]
        return paths


class CTCScorer:
    """The probabilities of texts and their beginnings, a `Scorer`: exact sums over paths.

    Args:
        probabilities: (T, V).
        symbols: the classes that texts are made of.
    """

    def __init__(self, probabilities: np.ndarray, symbols: np.ndarray):
        mass = probabilities[:, symbols].sum(0)
        self.left_out = 0.0
        if len(symbols) > MOST_SYMBOLS:
            order = np.argsort(-mass, kind="stable")
            self.left_out = float(mass[order[MOST_SYMBOLS]])  # whoever has it in some frame is no more probable
            symbols = symbols[order[:MOST_SYMBOLS]]
        frames, classes = probabilities.shape
        self._column = np.full(classes, len(symbols))  # the last column is that of all others: never
        self._column[symbols] = np.arange(len(symbols))
        y = np.zeros((frames, len(symbols) + 1))
        y[:, :-1] = probabilities[:, symbols]
        blank = probabilities[:, BLANK]
        # What all paths together can have after each frame.
        after = np.append(np.cumprod((y.sum(1) + blank)[::-1])[-2::-1], 1.0)
        self._weighted = y * after[:, None]
        self._weighted_rows = np.ascontiguousarray(self._weighted.T)
        self._logs = np.zeros((len(symbols) + 1, frames + 1))
        np.cumsum(np.log(np.maximum(y.T, _FLOOR)), axis=1, out=self._logs[:, 1:])
        blank_logs = np.append(0.0, np.cumsum(np.log(np.maximum(blank, _FLOOR))))
        # The probability of blanks alone: in the first t frames, (T + 1,); from frame s on until frame t, (T, T + 1).
        self._blanks = np.exp(blank_logs)
        self._blank_runs = np.triu(np.exp(np.minimum(blank_logs - blank_logs[:-1, None], 0.0)), 1)

    def start(self) -> np.ndarray:
        # After 0, 1, ... frames: the probability of all paths of the beginning that end in a blank, in its last class.
        self._blank = self._blanks[None]
        self._last = np.zeros_like(self._blank)
        return self._prepare(np.array([len(self._weighted[0]) - 1]))

    def beginnings(self, places: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        return self._begin[places, self._column[symbols]]

    def extend(self, places: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        columns = self._column[symbols]
        before = self._last[places, :-1]
        before[columns == self._columns[places]] = 0.0  # the same class again: only after a blank
        before += self._blank[places, :-1]
        self._last = self._run(before, self._logs[columns])
        self._blank = self._last[:, :-1] @ self._blank_runs
        return self._prepare(columns)

    def _prepare(self, columns: np.ndarray) -> np.ndarray:
        self._columns = columns
        both = self._blank + self._last
        self._begin = both[:, :-1] @ self._weighted
        repeated = np.einsum("nt,nt->n", self._last[:, :-1], self._weighted_rows[columns])
        self._begin[np.arange(len(columns)), columns] -= repeated
        return both[:, -1]

    def _run(self, before: np.ndarray, logs: np.ndarray) -> np.ndarray:
        """What runs of one class for each row gather: `before` (N, T), what may start one at each frame -> (N, T + 1).

        By x(t + 1) = y(t) (x(t) + before(t)), all frames at once: with Y, the product of y, x / Y is a sum.
        """
        gathered = np.logaddexp.accumulate(np.log(before) - logs[..., :-1], axis=1)
        result = np.zeros((len(before), before.shape[1] + 1))
        np.exp(gathered + logs[..., 1:], out=result[:, 1:])
        return result
