"""Regular expressions as automata over a network's classes.

Python's own parser reads the expression, and Python's own matcher says which characters each part of it takes; so
`\\d`, `[^a-f]`, `(?i)` and the like mean what they mean in `re`.
"""

import logging
import re
import unicodedata
from collections.abc import Sequence
from re import _compiler, _constants, _parser

import numpy as np

from keras_textrec.decoding.automaton import Automaton

logger = logging.getLogger(__name__)

MOST_STATES = 2000  # a pattern that needs more is refused: it would be read for seconds

_ONE_CHARACTER = {_constants.LITERAL, _constants.NOT_LITERAL, _constants.ANY, _constants.IN}
_BEGINNINGS = {_constants.AT_BEGINNING, _constants.AT_BEGINNING_STRING}
_ENDS = {_constants.AT_END, _constants.AT_END_STRING}
# Why a part of an expression cannot be an automaton's.
_REFUSED = {
    _constants.ASSERT: "looks ahead or behind",
    _constants.ASSERT_NOT: "looks ahead or behind",
    _constants.GROUPREF: "refers back to a group",
    _constants.GROUPREF_EXISTS: "asks whether a group took part",
    _constants.ATOMIC_GROUP: "has an atomic group",
    _constants.POSSESSIVE_REPEAT: "has a possessive repeat",
    _constants.AT: "has an anchor other than ^ at its beginning and $ at its end",
}


def pattern_automaton(pattern: str, charset: Sequence[str], first_id: int, right_to_left: bool = False) -> Automaton:
    """The texts that a regular expression fits wholly, as `re.fullmatch` has it.

    Args:
        charset: the texts of the classes, in order. Only those of one code point can be written.
        first_id: the id of the first class.
        right_to_left: the classes are written in the order in which a picture shows them, from left to right, and the
            expression describes texts in logical order.

    Raises:
        ValueError: it is no expression, not regular, too large, or allows no text in this charset; in a charset of
            right-to-left letters, that the order in the picture does not follow from the expression.
    """
    try:
        parsed = _parser.parse(unicodedata.normalize("NFC", pattern))
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"The pattern {pattern!r} is no regular expression: {error}.") from error
    network = _Network(pattern, charset)
    sequence = list(parsed)
    while sequence and sequence[0][0] is _constants.AT and sequence[0][1] in _BEGINNINGS:
        del sequence[0]
    while sequence and sequence[-1][0] is _constants.AT and sequence[-1][1] in _ENDS:
        del sequence[-1]
    end = network.add(sequence, 0, parsed.state.flags)
    automaton = network.automaton(end, first_id)
    if network.missing:
        logger.warning(
            "The charset does not hold all that the pattern %r names: %s.", pattern, " ".join(sorted(network.missing))
        )
    if right_to_left and _turns(pattern, {charset[id - first_id] for id in automaton.symbols.tolist()}):
        network = _Network(pattern, charset, backwards=True)
        automaton = network.automaton(network.add(sequence, 0, parsed.state.flags), first_id)
    return automaton


def _turns(pattern: str, characters: set[str]) -> bool:
    """Whether a picture shows all texts of these characters in the reverse order. ValueError: of some only."""
    directions = {unicodedata.bidirectional(character) for character in characters}
    if not directions & {"R", "AL"}:
        return False
    if directions & {"L", "EN", "AN"} or any(unicodedata.mirrored(character) for character in characters):
        raise ValueError(
            f"The pattern {pattern!r} mixes right-to-left letters with digits, brackets or letters of other scripts: "
            "their order in a picture depends on the text. Give a lexicon, or a pattern of one direction."
        )
    return True


class _Network:
    """A nondeterministic automaton under construction: Thompson's."""

    def __init__(self, pattern: str, charset: Sequence[str], backwards: bool = False):
        self.pattern = pattern
        self.charset = charset
        self.backwards = backwards
        self.free: list[list[int]] = [[]]  # where each state leads without a character
        self.edges: list[list[tuple[int, int]]] = [[]]  # and with one: (its set, target)
        self.sets: dict[bytes, int] = {}
        self.missing: set[str] = set()  # characters that stand in the expression and not in the charset

    def state(self) -> int:
        if len(self.free) > 20 * MOST_STATES:
            raise ValueError(self._too_large())
        self.free.append([])
        self.edges.append([])
        return len(self.free) - 1

    def _too_large(self) -> str:
        return f"The pattern {self.pattern!r} needs more than {MOST_STATES} states; make its repeats smaller."

    def add(self, sequence, start: int, flags: int) -> int:
        """Adds parts that follow each other, from a state on; the state after them."""
        for operation, value in reversed(sequence) if self.backwards else sequence:
            start = self._add_part(operation, value, start, flags)
        return start

    def _add_part(self, operation, value, start: int, flags: int) -> int:
        if operation in _ONE_CHARACTER:
            end = self.state()
            self.edges[start].append((self._set_of(operation, value, flags), end))
        elif operation is _constants.SUBPATTERN:
            _, added, removed, inner = value
            end = self.add(list(inner), start, (flags | added) & ~removed)
        elif operation is _constants.BRANCH:
            end = self.state()
            for inner in value[1]:
                self.free[self.add(list(inner), start, flags)].append(end)
        elif operation in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
            end = self._repeat(*value, start, flags)
        else:
            reason = _REFUSED.get(operation, "has a part that is not regular")
            raise ValueError(f"The pattern {self.pattern!r} {reason}; what is read must be a regular language.")
        return end

    def _repeat(self, least: int, most, inner, start: int, flags: int) -> int:
        for _ in range(least):
            start = self.add(list(inner), start, flags)
        end = self.state()
        if most is _constants.MAXREPEAT:
            loop = self.state()
            self.free[start].append(loop)
            self.free[self.add(list(inner), loop, flags)].append(loop)
            self.free[loop].append(end)
            return end
        for _ in range(most - least):
            self.free[start].append(end)
            start = self.add(list(inner), start, flags)
        self.free[start].append(end)
        return end

    def _set_of(self, operation, value, flags: int) -> int:
        """The number of the set of characters that one part takes: bool (charset,) as bytes."""
        literals = [(operation, value)] if operation is _constants.LITERAL else []
        if operation is _constants.IN and value[0][0] is not _constants.NEGATE:
            literals = [item for item in value if item[0] is _constants.LITERAL]
        self.missing.update(chr(literal[1]) for literal in literals if not self._taken(*literal, flags).any())
        return self.sets.setdefault(self._taken(operation, value, flags).tobytes(), len(self.sets))

    def _taken(self, operation, value, flags: int) -> np.ndarray:
        state = _parser.State()
        state.flags = flags
        matches = _compiler.compile(_parser.SubPattern(state, [(operation, value)]), flags).fullmatch
        return np.array([len(entry) == 1 and bool(matches(entry)) for entry in self.charset])

    def automaton(self, end: int, first_id: int) -> Automaton:
        """The deterministic automaton, by subset construction over groups of characters that all sets take alike."""
        taken = np.array([np.frombuffer(key, bool) for key in self.sets]).reshape(len(self.sets), len(self.charset))
        groups, group_of = np.unique(taken, axis=1, return_inverse=True)
        group_of = group_of.ravel()
        numbers = {start: 0 for start in [self._closure({0})]}
        waiting, arcs = list(numbers), []
        while waiting:
            subset = waiting.pop()
            for group in range(groups.shape[1]):
                reached = {goal for state in subset for kind, goal in self.edges[state] if groups[kind, group]}
                if not reached:
                    continue
                target = self._closure(reached)
                if target not in numbers:
                    if len(numbers) == MOST_STATES:
                        raise ValueError(self._too_large())
                    numbers[target] = len(numbers)
                    waiting.append(target)
                arcs.append((numbers[subset], group, numbers[target]))
        accepting = np.array([end in subset for subset in numbers])
        arcs = np.array(arcs, int).reshape(-1, 3)
        alive, before = accepting, None
        while before is None or (alive != before).any():
            before, alive = alive, alive.copy()
            alive[arcs[alive[arcs[:, 2]], 0]] = True
        if not alive[0] or not accepting.any():
            raise ValueError(self._impossible())
        arcs = arcs[alive[arcs[:, 0]] & alive[arcs[:, 2]]]
        number = np.cumsum(alive) - 1
        arc, entry = np.nonzero(arcs[:, 1, None] == group_of)
        sources, targets = number[arcs[arc, 0]], number[arcs[arc, 2]]
        return Automaton.of_edges(sources, entry + first_id, targets, accepting[alive])

    def _closure(self, states: set[int]) -> frozenset[int]:
        """The states that can be reached without a character."""
        waiting, closure = list(states), set(states)
        while waiting:
            for state in self.free[waiting.pop()]:
                if state not in closure:
                    closure.add(state)
                    waiting.append(state)
        return frozenset(closure)

    def _impossible(self) -> str:
        reason = f"it fits no text of the charset's {len(self.charset)} characters"
        if self.missing:
            shown = ", ".join(map(repr, sorted(self.missing)[:10]))
            reason = f"the charset of {len(self.charset)} characters does not hold {shown}"
        hint = ""
        if not any(entry != entry.lower() for entry in self.charset):
            hint = " The charset has no upper case: (?i) ignores case."
        return f"The pattern {self.pattern!r} allows no text that this network can write: {reason}.{hint}"
