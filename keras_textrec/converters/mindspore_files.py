"""MindSpore's checkpoints (MindOCR's `.ckpt`): a protobuf message of repeated {tag, tensor}.

Fields, from MindSpore's checkpoint.proto: Checkpoint.value 1; Value.tag 1, .tensor 2; TensorProto.dims 1,
.tensor_type 2, .tensor_content 3. A large tensor is cut into neighbours of one tag, each with the whole's dims.
"""

import zlib

import numpy as np

from keras_textrec.converters.arrays import to_array
from keras_textrec.system.wire import Message, begins_with, read_numbers, read_text

# A file may end with this and ten bytes of a CRC-32.
_CHECKSUM = b"crc_num"

_TYPES = {
    "Float16": "f2",
    "BFloat16": "bf2",
    "Float32": "f4",
    "Float64": "f8",
    "Int8": "i1",
    "Int16": "i2",
    "Int32": "i4",
    "Int64": "i8",
    "UInt8": "u1",
}


def is_mindspore(data: bytes) -> bool:
    """Whether a file is MindSpore's: its first field is a value, whose first field is a text."""
    return begins_with(data, b"\n")


def read_mindspore(data: bytes) -> dict[str, np.ndarray]:
    """Every tensor by its name; Float16 and BFloat16 as float32.

    Raises:
        ValueError: the file is damaged, or holds a tensor of no known type.
    """
    view = memoryview(data)
    if data[-17:-10] == _CHECKSUM:
        view = view[:-17]
        if zlib.crc32(view) != int.from_bytes(data[-10:], "big"):
            raise ValueError("it is damaged: its checksum is another")
    message = Message(view)
    parts: dict[str, list[memoryview]] = {}
    facts: dict[str, tuple[str, tuple[int, ...]]] = {}
    last = ""
    for number, value in message:
        if number != 1 or isinstance(value, int):
            raise ValueError("it is damaged: it has a field that MindSpore does not write")
        name, kind, shape, content = _read_value(message.part(value))
        if kind == "str":
            continue  # a note beside the tensors
        if facts.setdefault(name, (kind, shape)) != (kind, shape) or (name in parts and name != last):
            raise ValueError(f"it is damaged: {name[:200]!a} is there twice")
        parts.setdefault(name, []).append(content)
        last = name
    return {name: _join(name, parts[name], *facts[name]) for name in parts}


def _read_value(message: Message) -> tuple[str, str, tuple[int, ...], memoryview]:
    """(tag, tensor_type, dims, tensor_content) of a value."""
    name, tensor = "", memoryview(b"")
    for number, value in message:
        match number, value:
            case 1, _:
                name = read_text(value)
            case 2, memoryview():
                tensor = value
            case _:
                raise ValueError("it is damaged, or holds tables; only tensors are read")
    kind, shape, content = "", [], memoryview(b"")
    for number, value in message.part(tensor):
        match number, value:
            case 1, _:
                shape += read_numbers(value)
            case 2, _:
                kind = read_text(value)
            case 3, memoryview():
                content = value
            case _:
                raise ValueError("it is damaged: a tensor has a field that MindSpore does not write")
    return name, kind, tuple(shape), content


def _join(name: str, parts: list[memoryview], kind: str, shape: tuple[int, ...]) -> np.ndarray:
    if kind not in _TYPES:
        raise ValueError(f"{name[:200]!a} holds {kind[:40]!a}, which are no numbers that are read")
    # A single number has no dims, or the one size 0.
    return to_array(b"".join(parts), _TYPES[kind], () if shape == (0,) else shape)
