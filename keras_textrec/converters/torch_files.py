"""PyTorch's checkpoints (OpenOCR's `.pth`), without PyTorch: the zip format, and the one before 1.6."""

import dataclasses
import io
import math
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from keras_textrec.converters.arrays import item_size, to_array
from keras_textrec.converters.pickled_arrays import ArrayUnpickler

_ZIP = b"PK\x03\x04"
# The old format begins with a pickle of this number.
_MAGIC = 0x1950A86A20F9469CFC6C
_OLD = b"\x80\x02\x8a\x0a" + _MAGIC.to_bytes(10, "little")

_TYPES = {
    "FloatStorage": "f4",
    "DoubleStorage": "f8",
    "HalfStorage": "f2",
    "BFloat16Storage": "bf2",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
}


# What zipfile raises for damaged archives.
_ZIP_ERRORS = (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, struct.error, zlib.error)


@dataclasses.dataclass(frozen=True)
class _Kind:
    """A type of storage: the code of its numbers."""

    code: str


@dataclasses.dataclass(frozen=True)
class _Storage:
    key: str
    code: str
    count: int


@dataclasses.dataclass(frozen=True)
class _Tensor:
    """Where a tensor's numbers are, before they are read."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _TensorUnpickler(ArrayUnpickler):
    """Reads tensors as `_Tensor`; `storages` are those that the pickle speaks of, by key."""

    def __init__(self, data: bytes | memoryview):
        super().__init__(data)
        self.storages: dict[str, _Storage] = {}
        self.known |= {
            ("collections", "OrderedDict"): _empty_dict,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
            ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
            **{("torch", name): _Kind(code) for name, code in _TYPES.items()},
        }

    def build(self, thing: Any, state: Any) -> None:
        if not isinstance(thing, dict):  # the versions of modules, as an OrderedDict's attribute
            super().build(thing, state)

    def persistent(self, identity: Any) -> _Storage:
        match identity:
            case ("storage", _Kind(code=code), str(key), str(), int(count), *rest) if rest in ([], [None]):
                storage = _Storage(key, code, count)
                if self.storages.setdefault(key, storage) == storage:
                    return storage
        raise ValueError("it is damaged: a tensor's numbers are nowhere")


def is_torch(data: bytes) -> bool:
    """Whether a file is PyTorch's, of either format."""
    return data.startswith((_ZIP, _OLD))


def read_torch(data: bytes) -> dict[str, np.ndarray]:
    """The tensors of a state dict, or of the `state_dict` among other things; floats of 16 bits as float32.

    Raises:
        ValueError: the file is damaged, or asks for anything but tensors and plain values.
    """
    unpickler, content, read = _open_zip(data) if data.startswith(_ZIP) else _open_old(data)
    if isinstance(content, dict) and "state_dict" in content:
        content = content["state_dict"]
    if not isinstance(content, dict) or not all(isinstance(tensor, _Tensor) for tensor in content.values()):
        raise ValueError("it holds no state dict: tensors by their names, or under the name 'state_dict'")
    if not all(isinstance(name, str) for name in content):
        raise ValueError("it is damaged: a tensor has no name")
    storages: dict[str, np.ndarray] = {}
    tensors = {}
    for name, tensor in content.items():
        key, code, count = tensor.storage.key, tensor.storage.code, tensor.storage.count
        if key not in storages:
            storages[key] = to_array(read(key), code, (count,))
        unpickler.spend(item_size(code) * math.prod(tensor.shape))
        tensors[name] = _view(storages[key], tensor)
    return tensors


def _view(storage: np.ndarray, tensor: _Tensor) -> np.ndarray:
    """A copy of the tensor's numbers; they may be permuted in their storage, and share it with other tensors."""
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.strides, strict=True))
    if tensor.offset + last >= len(storage):
        raise ValueError("it is damaged: a tensor reaches beyond its numbers")
    strides = [stride * storage.itemsize for stride in tensor.strides]
    view = np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, strides, writeable=False)
    return np.array(view, order="C")


# How an open file hands out its content: the unpickler that read it, what it read, and the bytes of a storage by key.
_Opened = tuple[_TensorUnpickler, Any, Callable[[str], bytes | memoryview]]


def _open_zip(data: bytes) -> _Opened:
    """An archive of `NAME/data.pkl`, `NAME/data/KEY` for every storage, and `NAME/byteorder`."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except _ZIP_ERRORS as error:
        raise ValueError(f"it is damaged: its table of contents cannot be read ({error})") from error
    members = {info.filename: info for info in archive.infolist()}
    folders = [name.removesuffix("data.pkl") for name in members if name.endswith("/data.pkl")]
    if len(folders) != 1:
        raise ValueError("it is no checkpoint of PyTorch: it holds no data.pkl, or several")
    left = len(data)

    def read(name: str) -> bytes:
        nonlocal left
        info = members.get(folders[0] + name)
        if info is None:
            raise ValueError(f"it is damaged: {name[:200]!a} is missing")
        left -= info.file_size
        if info.compress_type != zipfile.ZIP_STORED or left < 0:  # PyTorch packs nothing
            raise ValueError(f"it is damaged: {name[:200]!a} is packed, or larger than the file")
        try:
            return archive.read(info)
        except _ZIP_ERRORS as error:
            raise ValueError(f"it is damaged: {name[:200]!a} cannot be read ({error})") from error

    if f"{folders[0]}byteorder" in members and read("byteorder") != b"little":
        raise ValueError("its numbers are big-endian, which is not read")
    unpickler = _TensorUnpickler(read("data.pkl"))
    # The numbers are outside the pickle.
    unpickler.budget += len(data)
    return unpickler, unpickler.load(), lambda key: read(f"data/{key}")


def _open_old(data: bytes) -> _Opened:
    """Five pickles (magic number, version, system, content, keys of storages), then of each storage: count, bytes."""
    unpickler = _TensorUnpickler(data)
    _, version, system, content, keys = [unpickler.load() for _ in range(5)]
    if version != 1001 or not isinstance(system, dict) or system.get("little_endian") is not True:
        raise ValueError("it is damaged, or its numbers are big-endian")
    if not isinstance(keys, list) or not all(isinstance(key, str) and key in unpickler.storages for key in keys):
        raise ValueError("it is damaged: the list of its storages is none")
    raw, position = {}, unpickler.position
    for key in keys:
        storage = unpickler.storages[key]
        start, position = position + 8, position + 8 + storage.count * item_size(storage.code)
        if not start <= position <= len(data) or data[start - 8 : start] != storage.count.to_bytes(8, "little"):
            raise ValueError("it is damaged or cut short: a storage has another size than its tensors")
        raw[key] = memoryview(data)[start:position]
    if position != len(data) or raw.keys() != unpickler.storages.keys():
        raise ValueError("it is damaged: it holds other storages than its tensors need")
    return unpickler, content, raw.__getitem__


def _empty_dict(*arguments: Any) -> dict:
    if arguments:
        raise ValueError("it is damaged: a dictionary begins with items")
    return {}


def _rebuild_tensor(*arguments: Any) -> _Tensor:
    match arguments:
        case (_Storage() as storage, int(offset), tuple(shape), tuple(strides), bool(), dict(), *rest) if (
            rest in ([], [None])
            and len(shape) == len(strides)
            and all(type(size) is int and 0 <= size < 2**40 for size in (offset, *shape, *strides))
        ):
            return _Tensor(storage, offset, shape, strides)
    raise ValueError("it is damaged: a tensor is none")


def _rebuild_parameter(*arguments: Any) -> _Tensor:
    match arguments:
        case (_Tensor() as tensor, bool(), dict()):
            return tensor
    raise ValueError("it is damaged: a parameter is none")
