"""PaddleOCR's inference models: a program (`.pdmodel`, or `.json` since Paddle 3), and the tensors that it names.

`.pdiparams` holds tensors without names, in the order of the sorted names of the program's persistent variables. Those
are Paddle's internal names (`conv2d_0.w_0`); the old format's `.pdiparams.info` tells the structured ones.

Fields, from Paddle's framework.proto: ProgramDesc.blocks 1; BlockDesc.vars 3; VarDesc.name 1, .type 2, .persistable 3;
VarType.type 1 (7: a tensor); TensorDesc.data_type 1, .dims 2.
"""

import json
import math
import struct
from typing import Any

import numpy as np

from keras_textrec.converters.archives import Folder, Tar
from keras_textrec.converters.arrays import item_size, to_array
from keras_textrec.converters.pickled_arrays import ArrayUnpickler
from keras_textrec.system.wire import Message, begins_with, read_numbers, read_text

SUFFIXES = {".info": ".pdiparams.info", ".weights": ".pdiparams", ".old": ".pdmodel", ".new": ".json"}

# Before each tensor: version, count of levels of detail, version, size of its description. The first three are 0.
_HEADER = struct.Struct("<IQIi")
_TYPES = {1: "i2", 2: "i4", 3: "i8", 4: "f2", 5: "f4", 6: "f8", 20: "u1", 21: "i1", 22: "bf2"}
_MAX_JSON = 16 * 2**20


def is_program(data: bytes) -> bool:
    """Whether a file is a `.pdmodel`: its first field is a block, whose first field is its number 0."""
    return begins_with(data, b"\x08\x00")


def is_parameters(data: bytes) -> bool:
    """Whether a file is a `.pdiparams`."""
    return len(data) > _HEADER.size and data[:16] == bytes(16)


def read_inference_model(files: Folder | Tar, name: str) -> tuple[dict[str, np.ndarray], bool]:
    """An inference model, from whichever of its files is named.

    Returns:
        (tensors, whether their names are the structured ones).

    Raises:
        ValueError: a file is missing, damaged, or they do not belong together.
    """
    stem = name
    for suffix in SUFFIXES.values():
        stem = stem.removesuffix(suffix)
    weights, info = stem + SUFFIXES[".weights"], stem + SUFFIXES[".info"]
    programs = [program for program in (stem + SUFFIXES[".old"], stem + SUFFIXES[".new"]) if program in files.names]
    if weights not in files.names or not programs:
        raise ValueError(f"an inference model is {stem!a} with .pdmodel or .json, and .pdiparams; one is missing")
    program = files.read(name if name in programs else programs[0])
    names = _names_in_json(program) if program[:1] == b"{" else _names_in_program(program)
    tensors = dict(zip(names, _read_tensors(files.read(weights), len(names)), strict=True))
    if info not in files.names:
        return tensors, False
    return _rename(tensors, files.read(info)), True


def _names_in_program(data: bytes) -> list[str]:
    program = Message(data)
    names = []
    for number, block in program:
        if number != 1:
            continue
        for part, variable in program.part(_message(block)):
            if part == 3:
                facts = dict(program.part(_message(variable)))
                kind = dict(program.part(_message(facts.get(2, b"")))).get(1)
                if facts.get(3) and kind == 7:  # feeds and fetches are persistent too, and of other kinds
                    names.append(read_text(facts.get(1, 0)))
    return _sorted(names)


def _message(value: int | memoryview | bytes) -> memoryview:
    if isinstance(value, int):
        raise ValueError("it is damaged: a number stands where a message should")
    return memoryview(value)


def _names_in_json(data: bytes) -> list[str]:
    if len(data) > _MAX_JSON:
        raise ValueError("its program is larger than any; it is damaged")
    try:
        program = json.loads(data)
        blocks = [block for region in program["program"]["regions"] for block in region["blocks"]]
        names = [step["A"][3] for block in blocks for step in block["ops"] if step["#"] == "p"]
    except (RecursionError, KeyError, TypeError, IndexError, ValueError) as error:
        raise ValueError("its program is damaged, or none of Paddle's") from error
    if not all(isinstance(name, str) for name in names):
        raise ValueError("its program is damaged: a parameter has no name")
    return _sorted([name for name in names if not name.endswith("__non_persistable")])


def _sorted(names: list[str]) -> list[str]:
    if len(set(names)) != len(names):
        raise ValueError("its program is damaged: it names a tensor twice")
    return sorted(names)


def _read_tensors(data: bytes, count: int) -> list[np.ndarray]:
    view, position, tensors = memoryview(data), 0, []
    while position < len(view):
        if len(tensors) == count:
            raise ValueError(f"its weights hold more than the {count} tensors that its program names")
        if len(view) - position < _HEADER.size:
            raise ValueError("its weights are cut short")
        *zeros, size = _HEADER.unpack_from(view, position)
        start = position + _HEADER.size
        if any(zeros) or not 0 <= size <= len(view) - start:
            raise ValueError("its weights are damaged: a tensor has no header")
        code, shape = _describe(view[start : start + size])
        start += size
        position = start + item_size(code) * math.prod(shape)
        tensors.append(to_array(view[start:position], code, shape))
    if len(tensors) != count:
        raise ValueError(f"its program names {count} tensors, and its weights hold {len(tensors)}")
    return tensors


def _describe(view: memoryview) -> tuple[str, tuple[int, ...]]:
    kind, shape = None, []
    for number, value in Message(view):
        if number == 1:
            kind = value
        elif number == 2:
            shape += read_numbers(value)
    if kind not in _TYPES or len(shape) > 8:
        raise ValueError("its weights are damaged, or of a type that is not read")
    return _TYPES[kind], tuple(shape)


def _rename(tensors: dict[str, np.ndarray], info: bytes) -> dict[str, np.ndarray]:
    """Structured names for internal ones, by a pickle of {internal name: {"structured_name": …}}."""
    content: Any = ArrayUnpickler(info).load()
    names = {}
    for internal in tensors:
        match content:
            case dict() if isinstance(facts := content.get(internal), dict):
                names[internal] = facts.get("structured_name")
    if len(names) != len(tensors) or not all(isinstance(name, str) for name in names.values()):
        raise ValueError("its .pdiparams.info does not tell the names of all tensors")
    if len(set(names.values())) != len(names):
        raise ValueError("its .pdiparams.info gives a name twice")
    return {names[internal]: array for internal, array in tensors.items()}
