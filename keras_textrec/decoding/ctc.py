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
        scores = np.log(np.maximum(self._written, _FLOOR))
        # After each frame, the best path that ends in each place; two places before the first: never.
        rows = np.full((len(scores), len(self._symbols) + 2, len(self._texts)), -np.inf)
        rows[0, 2:4] = scores[0, :2]
        barriers = np.full(self._symbols.shape, -np.inf)
        barriers[2:][self._may_skip] = 0.0
        for before, here, score in zip(rows, rows[1:, 2:], scores[1:]):
            np.add(before[:-2], barriers, out=here)
            np.maximum(here, before[1:-1], out=here)
            np.maximum(here, before[2:], out=here)
            here += score
        return np.array([self._trace(rows[..., text], text) for text in self._texts.tolist()])

    def _trace(self, rows: np.ndarray, text: int) -> np.ndarray:
        """The best path of one text, int (T,); `rows` (T, places + 2) is what `paths` has of it."""
        end, barred = self._last[text] + 2, [True, True, *~self._may_skip[:, text]]
        *earlier, row = rows.tolist()
        place = end if row[end] >= row[end + 1] else end + 1
        trail = [place - 2]
        for row in reversed(earlier):
            # Of equals, the first: it stayed, came from the place before, from two before.
            best = place if row[place] >= row[place - 1] else place - 1
            place = best if barred[place - 2] or row[best] >= row[place - 2] else place - 2
            trail.append(place - 2)
        return self._symbols[trail[::-1], text]


class CTCScorer:
    """The probabilities of texts and their beginnings in several images, a `Scorer`: exact sums over paths.

    Args:
        probabilities: (B, T, V).
        symbols: the classes that texts are made of.
    """

    def __init__(self, probabilities: np.ndarray, symbols: np.ndarray):
        images, frames, classes = probabilities.shape
        symbols = np.tile(symbols, (images, 1))
        if symbols.shape[1] > MOST_SYMBOLS:
            mass = np.take_along_axis(probabilities.sum(1), symbols, axis=1)
            order = np.argsort(-mass, axis=1, kind="stable")[:, :MOST_SYMBOLS]
            symbols = np.take_along_axis(symbols, order, axis=1)
        # An image's classes have a column each; the last one is that of all others: never.
        self._columns = symbols.shape[1] + 1
        self._column = np.full((images, classes), self._columns - 1)
        np.put_along_axis(self._column, symbols, np.arange(self._columns - 1)[None], axis=1)
        y = np.zeros((images, frames, self._columns))
        y[:, :, :-1] = np.take_along_axis(probabilities, symbols[:, None], axis=2)
        blank = probabilities[:, :, BLANK]
        # What all paths together can have after each frame.
        after = np.ones((images, frames))
        after[:, -2::-1] = (y.sum(2) + blank)[:, :0:-1].cumprod(axis=1)
        self._weighted = y * after[:, :, None]
        # By frames: what each column of each image has in it, what blanks have, and blanks alone before it.
        self._weighted_rows = self._weighted.swapaxes(0, 1).reshape(frames, -1)
        self._written = y.swapaxes(0, 1).reshape(frames, -1)
        self._blank = np.ascontiguousarray(blank.T)
        self._blanks = np.ones((frames + 1, images))
        self._blank.cumprod(axis=0, out=self._blanks[1:])

    # `take` and `put` below: a call of either takes half the time of an index, and arrays are small.

    def start(self, images: np.ndarray) -> np.ndarray:
        self._images = images
        blanks = self._blanks.take(images, axis=1)
        return self._keep(np.full(len(images), self._columns - 1), blanks, blanks)

    def beginnings(self, places: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        columns = self._column.take(self._images.take(places) * self._column.shape[1] + symbols)
        return self._begin.take(places * self._columns + columns)

    def extend(self, places: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        self._images = self._images.take(places)
        columns = self._column.take(self._images * self._column.shape[1] + symbols)
        # Before each frame and after the last: all paths of the beginning that went before, if a character can follow,
        # those of the new one that end in its last class, in a blank after that.
        paths = np.empty((len(self._both), 3, len(places)))
        self._both.take(places, axis=1, out=paths[:, 0])
        again = (columns == self._ended.take(places)).nonzero()[0]  # the same class again: only after a blank
        paths[:, 0, again] = self._in_blank.take(places.take(again), axis=1)
        paths[0, 1:] = 0.0
        factors = np.empty((len(self._blank), 2, len(places)))
        self._written.take(self._images * self._columns + columns, axis=1, out=factors[:, 0])
        self._blank.take(self._images, axis=1, out=factors[:, 1])
        for arriving, staying, after, factor in zip(paths[:, :2], paths[:, 1:], paths[1:, 1:], factors):
            np.add(arriving, staying, out=after)
            np.multiply(after, factor, out=after)
        return self._keep(columns, paths[:, 2], paths[:, 1] + paths[:, 2])

    def _keep(self, columns: np.ndarray, in_blank: np.ndarray, both: np.ndarray) -> np.ndarray:
        """Keeps what paths have, (T + 1, N), of those that end in a blank, and of all; the probability of the texts."""
        self._ended, self._in_blank, self._both = columns, in_blank, both
        self._begin = np.empty((len(columns), self._columns))
        counts, end = np.bincount(self._images, minlength=len(self._weighted)), 0
        for image in counts.nonzero()[0].tolist():
            start, end = end, end + int(counts[image])
            np.matmul(both[:-1, start:end].T, self._weighted[image], out=self._begin[start:end])
        weighted = self._weighted_rows.take(self._images * self._columns + columns, axis=1)
        again = np.arange(len(columns)) * self._columns + columns
        self._begin.put(again, np.einsum("tn,tn->n", in_blank[:-1], weighted))
        return both[-1]
