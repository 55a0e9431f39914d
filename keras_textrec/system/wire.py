"""Protobuf messages as pairs of field number and value. Two formats here need it, of a few fields each."""

from collections.abc import Iterator

# The programs of these networks have 20,000 fields.
MAX_FIELDS = 1_000_000

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5


class Message:
    """A message in a file's bytes; its parts share one count of fields, so that no file can keep a reader for hours.

    Iterating gives (number, value): an int (0 <= value < 2**64) or, for texts, bytes and nested messages, a memoryview.

    Raises (while iterating):
        ValueError: it is damaged, or takes too many fields.
    """

    def __init__(self, data: bytes | memoryview):
        self.view = memoryview(data)
        self._left = [MAX_FIELDS]

    def part(self, view: memoryview) -> "Message":
        """A message nested in this one."""
        message = Message(view)
        message._left = self._left
        return message

    def __iter__(self) -> Iterator[tuple[int, int | memoryview]]:
        view, position = self.view, 0
        while position < len(view):
            self._left[0] -= 1
            if self._left[0] < 0:
                raise ValueError(f"it has more than {MAX_FIELDS:,} fields")
            key, position = read_varint(view, position)
            number, kind = key >> 3, key & 7
            if kind == VARINT:
                value, position = read_varint(view, position)
                yield number, value
                continue
            if kind == LENGTH:
                size, position = read_varint(view, position)
            elif kind in (FIXED64, FIXED32):
                size = 8 if kind == FIXED64 else 4
            else:
                raise ValueError("it is damaged: it has a field of an unknown kind")
            if number == 0 or position + size > len(view):
                raise ValueError("it is damaged or cut short: a field reaches beyond its end")
            yield number, view[position : position + size]
            position += size


def read_varint(view: memoryview, position: int) -> tuple[int, int]:
    """An integer of seven bits a byte, and the position behind it; ValueError when it has no end."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(view):
            break
        byte, position = view[position], position + 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (2**64 - 1), position
    raise ValueError("it is damaged or cut short: a number has no end")


def read_text(value: int | memoryview) -> str:
    """A field's text; ValueError when it is none."""
    if isinstance(value, int):
        raise ValueError("it is damaged: a text is a number")
    try:
        return str(value, "utf-8")
    except UnicodeDecodeError as error:
        raise ValueError("it is damaged: a text is not UTF-8") from error


def read_numbers(value: int | memoryview) -> list[int]:
    """A repeated field's numbers, whether each has a field of its own or all share one."""
    if isinstance(value, int):
        return [value]
    numbers, position = [], 0
    while position < len(value):
        number, position = read_varint(value, position)
        numbers.append(number)
    return numbers


def begins_with(data: bytes, start: bytes) -> bool:
    """Whether a message's first field is number 1, and is itself a message that begins with the bytes `start`."""
    if data[:1] != b"\n":
        return False
    _, position = read_varint(memoryview(data[:16]), 1)
    return data[position : position + len(start)] == start
