"""Pickles read without Python's `pickle`: a machine that can make numbers, texts and containers, and no objects.

Checkpoints come from strangers. Python's own unpickler, with `find_class` refusing every name, takes 4 GB for a file of
9 bytes (a place of its memo), never ends with one of 407 (pairs of pairs of … as a key), and ends the process with one
of 10 MB (tuples in tuples as a key); `pickletools` sees the steps beforehand, but not what becomes a key (Python 3.11).
Here a name is looked up in a short table and nothing is imported; all lengths are checked against the file; what is
made cannot outgrow the file; and the steps are counted.
"""

import pickle
import struct
from typing import Any

# Checkpoints of these networks take 10,000 to 100,000 steps. These take a second, and 100 MB at most.
MAX_STEPS = 300_000

_MARK = object()


class Unpickler:
    """Reads one pickle (protocols 2 to 4) at a time.

    What comes out is made of None, bool, int, float, str, memoryview (bytes), list, tuple, dict with names or small
    integers as keys, and what a subclass makes: by the functions of `known`, in `build` and in `persistent`. Containers
    may hold each other, at any depth: look at their items, never print, compare or hash them.

    Args:
        data: the file's bytes.
        start: where in `data` the pickle begins.
    """

    def __init__(self, data: bytes | memoryview, start: int = 0):
        self.view = memoryview(data)
        self.position = start
        # How many bytes may be made of those in the file: each is used for an array once, and decoded once before.
        self.budget = 2 * len(self.view)
        self.steps = MAX_STEPS
        # What a pickle may name: functions, which it may call, and other things, which it may hand to them.
        self.known: dict[tuple[str, str], Any] = {}

    def load(self) -> Any:
        """The pickle at `position`, which is then behind it.

        Raises:
            ValueError: the pickle is damaged, or names what is not in `known`.
        """
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        try:
            while (opcode := bytes(self._take(1))) != pickle.STOP:
                self.steps -= 1
                if self.steps < 0:
                    raise ValueError(f"it takes more than {MAX_STEPS:,} steps")
                self._step(opcode)
            return self.stack.pop()
        except (IndexError, KeyError) as error:  # a stack run empty, a memo never filled
            raise ValueError("it is damaged: a step needs what no step before made") from error

    def persistent(self, identity: Any) -> Any:
        """What the pickle keeps outside itself; plain pickles have no such thing."""
        raise ValueError("it refers to data outside itself")

    def build(self, thing: Any, state: Any) -> None:
        """Gives a thing that a function of `known` made its state."""
        raise ValueError("it is damaged: it changes what is no object")

    def spend(self, size: int) -> None:
        """Notes that `size` bytes are made of what the file holds; ValueError when that is more than there is."""
        self.budget -= size
        if self.budget < 0:
            raise ValueError("it is damaged: its arrays would be larger than the file")

    def _step(self, opcode: bytes) -> None:
        stack, memo = self.stack, self.memo
        match opcode:
            # What is used again.
            case pickle.MEMOIZE:
                memo[len(memo)] = stack[-1]
            case pickle.BINPUT:
                memo[self._number("<B")] = stack[-1]
            case pickle.LONG_BINPUT:
                memo[self._number("<I")] = stack[-1]
            case pickle.BINGET:
                stack.append(memo[self._number("<B")])
            case pickle.LONG_BINGET:
                stack.append(memo[self._number("<I")])
            # Plain values.
            case pickle.BININT1:
                stack.append(self._number("<B"))
            case pickle.BININT2:
                stack.append(self._number("<H"))
            case pickle.BININT:
                stack.append(self._number("<i"))
            case pickle.BINFLOAT:
                stack.append(self._number(">d"))
            case pickle.LONG1:
                stack.append(int.from_bytes(self._counted("<B"), "little", signed=True))
            case pickle.NONE:
                stack.append(None)
            case pickle.NEWTRUE | pickle.NEWFALSE:
                stack.append(opcode == pickle.NEWTRUE)
            case pickle.SHORT_BINUNICODE:
                stack.append(_text(self._counted("<B")))
            case pickle.BINUNICODE:
                stack.append(_text(self._counted("<I")))
            case pickle.BINUNICODE8:
                stack.append(_text(self._counted("<Q")))
            case pickle.SHORT_BINBYTES:
                stack.append(self._counted("<B"))
            case pickle.BINBYTES:
                stack.append(self._counted("<I"))
            case pickle.BINBYTES8:
                stack.append(self._counted("<Q"))
            # Containers.
            case pickle.MARK:
                stack.append(_MARK)
            case pickle.TUPLE:
                stack.append(tuple(self._pop_to_mark()))
            case pickle.EMPTY_TUPLE:
                stack.append(())
            case pickle.TUPLE1 | pickle.TUPLE2 | pickle.TUPLE3:
                count = 1 + opcode[0] - pickle.TUPLE1[0]
                stack.append(tuple([stack.pop() for _ in range(count)][::-1]))
            case pickle.EMPTY_LIST:
                stack.append([])
            case pickle.APPEND:
                _extend(stack[-2], [stack.pop()])
            case pickle.APPENDS:
                items = self._pop_to_mark()
                _extend(stack[-1], items)
            case pickle.EMPTY_DICT:
                stack.append({})
            case pickle.SETITEM:
                value, key = stack.pop(), stack.pop()
                _update(stack[-1], [key, value])
            case pickle.SETITEMS:
                items = self._pop_to_mark()
                _update(stack[-1], items)
            # Objects: by functions of the table `known`, and no others.
            case pickle.GLOBAL:
                stack.append(self._find(self._line(), self._line()))
            case pickle.STACK_GLOBAL:
                name, module = stack.pop(), stack.pop()
                stack.append(self._find(module, name))
            case pickle.REDUCE:
                arguments, function = stack.pop(), stack.pop()
                if not callable(function) or not isinstance(arguments, tuple):
                    raise ValueError("it is damaged: it calls what is no function")
                stack.append(function(*arguments))
            case pickle.BUILD:
                self.build(stack[-2], stack.pop())
            case pickle.BINPERSID:
                stack.append(self.persistent(stack.pop()))
            # The rest.
            case pickle.PROTO:
                if (version := self._number("<B")) > 4:
                    raise ValueError(f"it is a pickle of protocol {version}; 2 to 4 are read")
            case pickle.FRAME:
                self._number("<Q")  # how much to read at once
            case _:
                raise ValueError(f"it is damaged, or no checkpoint: it holds the step {opcode!r}")

    def _take(self, count: int) -> memoryview:
        end = self.position + count
        if end > len(self.view):
            raise ValueError("it is cut short")
        taken, self.position = self.view[self.position : end], end
        return taken

    def _number(self, kind: str) -> Any:
        return struct.unpack(kind, self._take(struct.calcsize(kind)))[0]

    def _counted(self, kind: str) -> memoryview:
        return self._take(self._number(kind))

    def _line(self) -> str:
        line, end, _ = bytes(self.view[self.position : self.position + 200]).partition(b"\n")
        if not end:
            raise ValueError("it is damaged: a name does not end")
        self.position += len(line) + 1
        return _text(memoryview(line))

    def _pop_to_mark(self) -> list[Any]:
        start = len(self.stack) - 1
        while start >= 0 and self.stack[start] is not _MARK:
            start -= 1
        if start < 0:
            raise ValueError("it is damaged: a container has no beginning")
        items = self.stack[start + 1 :]
        del self.stack[start:]
        return items

    def _find(self, module: Any, name: Any) -> Any:
        if not isinstance(module, str) or not isinstance(name, str):
            raise ValueError("it is damaged: it names an object by what is no name")
        if (module, name) not in self.known:
            named = ascii(f"{module[:80]}.{name[:80]}")
            raise ValueError(f"it asks for {named}; only arrays of numbers are read, and nothing is run")
        return self.known[module, name]


def _text(raw: memoryview) -> str:
    try:
        return str(raw, "utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise ValueError("it is damaged: a text is not UTF-8") from error


def _extend(thing: Any, items: list[Any]) -> None:
    if not isinstance(thing, list):
        raise ValueError("it is damaged: it extends what is no list")
    thing.extend(items)


def _update(thing: Any, items: list[Any]) -> None:
    keys, values = items[::2], items[1::2]
    if not isinstance(thing, dict) or len(keys) != len(values):
        raise ValueError("it is damaged: a dictionary's items are not pairs")
    # A tuple of tuples of … takes forever to hash, and so do many large integers of one remainder.
    if not all(isinstance(key, str) or (isinstance(key, int) and 0 <= key < 2**31) for key in keys):
        raise ValueError("it is damaged: a dictionary has keys that are no names")
    thing.update(zip(keys, values, strict=True))
