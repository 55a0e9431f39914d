"""Small checkpoints in every published format, written by rule; none of the frameworks is needed."""

import io
import json
import pickle
import struct
import zipfile
import zlib

import numpy as np

NUMBERS = {"float32": 5, "int64": 3, "float16": 4, "uint16": 22}  # Paddle's numbers of types; 22 is bfloat16


def tensors() -> dict[str, np.ndarray]:
    """A few small tensors under names of PaddleOCR's."""
    rng = np.random.default_rng(0)
    shapes = {
        "backbone.conv1.conv.weight": (4, 3, 2, 2),
        "backbone.conv1.bn._mean": (4,),
        "neck.encoder.lstm.weight_ih_l0_reverse": (8, 2),
        "head.fc.weight": (2, 5),
    }
    return {name: rng.normal(size=shape).astype("float32") for name, shape in shapes.items()}


def pdparams(arrays, protocol: int = 4, **more) -> bytes:
    """A PaddleOCR training checkpoint."""
    names = {name: f"parameter_{i}.w_0" for i, name in enumerate(arrays)}
    return pickle.dumps({**arrays, **more, "StructuredToParameterName@@": names}, protocol=protocol)


# --- Protobuf ---


def varint(number: int) -> bytes:
    number, out = number & (2**64 - 1), b""
    while number >= 0x80:
        number, out = number >> 7, out + bytes([number & 0x7F | 0x80])
    return out + bytes([number])


def field(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def ckpt(arrays, part_size: int = 1000, checksum: bool = False) -> bytes:
    """A MindSpore checkpoint; tensors of more than `part_size` bytes are cut."""
    out = b""
    for name, array in arrays.items():
        raw = array.tobytes()
        kind = array.dtype.name.title()
        for start in range(0, len(raw), part_size):
            facts = b"".join(field(1, size) for size in array.shape or (0,)) + field(2, kind)
            tensor = facts + field(3, raw[start : start + part_size])
            out += field(1, field(1, name) + field(2, tensor))
    return out + b"crc_num" + zlib.crc32(out).to_bytes(10, "big") if checksum else out


# --- Paddle's inference models ---


def internal_names(arrays) -> dict[str, str]:
    """Structured name -> internal name; their orders differ."""
    return {name: f"linear_{len(arrays) - i}.w_0" for i, name in enumerate(arrays)}


def pdiparams(arrays) -> bytes:
    out = b""
    for _, array in sorted((internal, arrays[name]) for name, internal in internal_names(arrays).items()):
        description = field(1, NUMBERS[array.dtype.name]) + b"".join(field(2, size) for size in array.shape)
        out += struct.pack("<IQIi", 0, 0, 0, len(description)) + description + array.tobytes()
    return out


def pdmodel(arrays) -> bytes:
    def variable(name, kind, persistable):
        return field(3, field(1, name) + field(2, field(1, kind)) + field(3, persistable))

    variables = variable("feed", 9, 1) + variable("fetch", 10, 1) + variable("x", 7, 0)
    variables += b"".join(variable(name, 7, 1) for name in internal_names(arrays).values())
    block = field(1, 0) + field(2, -1) + variables + field(4, field(3, "matmul_v2"))
    return field(1, block) + field(4, field(1, 2_006_002))


def pdmodel_json(arrays) -> bytes:
    operations = [{"#": "p", "A": [0, 1, 1, name]} for name in internal_names(arrays).values()]
    operations += [{"#": "p", "A": [0, 0, 1, "c__non_persistable"]}, {"#": "1.data", "A": []}]
    return json.dumps({"base_code": {}, "program": {"regions": [{"blocks": [{"ops": operations}]}]}}).encode()


def pdiparams_info(arrays) -> bytes:
    facts = {i: {"structured_name": name, "stop_gradient": False} for name, i in internal_names(arrays).items()}
    return pickle.dumps(facts, protocol=2)


def inference_model(arrays, new: bool = False, info: bool = True) -> dict[str, bytes]:
    """The files of a PaddleOCR inference model, of Paddle 2 or Paddle 3."""
    files = {"inference.pdiparams": pdiparams(arrays)}
    files |= {"inference.json": pdmodel_json(arrays)} if new else {"inference.pdmodel": pdmodel(arrays)}
    return files | ({"inference.pdiparams.info": pdiparams_info(arrays)} if info else {})


# --- PyTorch ---


class Named:
    """Something of a module, by its name."""

    def __init__(self, module: str, name: str):
        self.name = f"{module}\n{name}\n".encode()


class _Rebuilt:
    def __init__(self, key: str, array: np.ndarray):
        self.key, self.array = key, array

    def __reduce_ex__(self, protocol):
        strides = tuple(stride // self.array.itemsize for stride in self.array.strides)
        return Named("torch._utils", "_rebuild_tensor_v2"), (_Storage(self), 0, self.array.shape, strides, False, {})


class _Storage:
    def __init__(self, tensor: _Rebuilt):
        self.key, self.count = tensor.key, tensor.array.size


class _Pickler(pickle._Pickler):
    """Writes names without importing what they name."""

    dispatch = pickle._Pickler.dispatch.copy()

    def save_named(self, named):
        self.write(pickle.GLOBAL + named.name)

    dispatch[Named] = save_named

    def save_reduce(self, func, args, *rest, obj=None):
        self.save(func)
        self.save(args)
        self.write(pickle.REDUCE)

    def persistent_id(self, obj):
        if isinstance(obj, _Storage):
            more = (None,) if self.old else ()  # what part of another storage it is
            return "storage", Named("torch", "FloatStorage"), obj.key, "cpu", obj.count, *more
        return None


def _pickled(content, old: bool) -> bytes:
    stream = io.BytesIO()
    pickler = _Pickler(stream, protocol=2)
    pickler.old = old
    pickler.dump(content)
    return stream.getvalue()


def pth(arrays, old: bool = False, **more) -> bytes:
    """An OpenOCR checkpoint of float32 arrays, in PyTorch's zip format or the one before."""
    state = {name: _Rebuilt(str(i), array) for i, (name, array) in enumerate(arrays.items())}
    content = {"state_dict": state, "epoch": 3, **more}
    if old:
        system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
        keys = [str(i) for i in range(len(arrays))]
        out = b"".join(_pickled(part, old) for part in (0x1950A86A20F9469CFC6C, 1001, system, content, keys))
        return out + b"".join(struct.pack("<q", array.size) + array.tobytes() for array in arrays.values())
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("best/data.pkl", _pickled(content, old))
        archive.writestr("best/byteorder", b"little")
        for i, array in enumerate(arrays.values()):
            archive.writestr(f"best/data/{i}", array.tobytes())
        archive.writestr("best/version", b"3\n")
    return stream.getvalue()
