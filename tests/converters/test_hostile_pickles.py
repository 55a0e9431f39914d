"""No pickle makes a reader run code, hang or reserve memory."""

import io
import os
import pickle
import struct
import zipfile

import pytest

from keras_textrec.converters.checkpoint import read_checkpoint
from tests.converters import files
from tests.converters.hostile import TENSORS, in_a_tar, little_memory, read_or_refuse

pytestmark = pytest.mark.once

GLOBALS = {
    "os system": b"cos\nsystem\n",
    "posix system": b"cposix\nsystem\n",
    "builtins eval": b"cbuiltins\neval\n",
    "builtins getattr": b"cbuiltins\ngetattr\n",
    "numpy load": b"cnumpy\nload\n",
    "numpy.core.multiarray fromfile": b"cnumpy.core.multiarray\nfromfile\n",
    "numpy.ndarray.tofile": b"\x8c\x05numpy\x8c\x0endarray.tofile\x93",
    "os.system on the stack": b"\x8c\x02os\x8c\x06system\x93",
    "os.system as an extension": b"\x82\x01",
    "os.system by INST": b"(\x8c\x10touch /tmp/hackedios\nsystem\n",
    "torch.load": b"ctorch\nload\n",
}


def payload(command: str, start: bytes) -> bytes:
    """A pickle that calls `start` with a command."""
    text = command.encode()
    return b"\x80\x04" + start + b"X" + struct.pack("<I", len(text)) + text + b"\x85R."


class Run:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("name", GLOBALS)
def test_no_code_is_run(name, tmp_path):
    marker, path = tmp_path / "hacked", tmp_path / "checkpoint"
    hostile = payload(f"touch {marker}", GLOBALS[name])
    zipped, info = io.BytesIO(), tmp_path / "inference.pdiparams.info"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("best/data.pkl", hostile)
    for content in (hostile, in_a_tar(hostile), zipped.getvalue(), files.pth(TENSORS, old=True)[:15] + hostile[2:]):
        path.write_bytes(content)
        assert not read_or_refuse(path)
    for other, content in (files.inference_model(TENSORS) | {info.name: hostile}).items():
        (tmp_path / other).write_bytes(content)
    assert not read_or_refuse(info)
    assert not marker.exists()


def test_genuine_arrays_beside_hostile_ones(tmp_path):
    marker, path = tmp_path / "hacked", tmp_path / "checkpoint"
    for protocol in (2, 3, 4):
        path.write_bytes(pickle.dumps({**TENSORS, "more": Run(marker)}, protocol))
        with pytest.raises(
            ValueError, match=r"it asks for 'posix.system'; only arrays of numbers are read, and nothing"
        ):
            read_checkpoint(path)
    assert not marker.exists()


def array_pickle(shape: bytes, raw: bytes, code: bytes = b"\x8c\x02f4") -> bytes:
    """{"x": an array} with any shape, type and content, each as steps of a pickle."""
    make = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R"
    kind = b"cnumpy\ndtype\n" + code + b"\x89\x88\x87R(K\x03\x8c\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"
    return b"\x80\x04}\x8c\x01x" + make + b"(K\x01" + shape + kind + b"\x89" + raw + b"tbs."


HUGE = b"\x8a\x06" + (2**39).to_bytes(6, "little")
LONGEST = b"\xff" * 7 + b"\x7f"  # 2**63 - 1
DOUBLED = b")" + b"".join(b"\x94h" + bytes([i]) + b"\x86" for i in range(100))  # a pair of a pair of …, 2**100 in all
CONGRUENT = b"".join(b"\x8a\x0b" + (i * (2**61 - 1)).to_bytes(11, "little") + b"N" for i in range(1000))
FOUR = b"C\x04abcd"
ONE = b"(K\x01t"
# 128 KB, as the numbers of the first array, and by the memo of all others.
SHARED = [array_pickle(b"(M\x00\x80t", raw) for raw in (b"B\0\0\2\0" + bytes(2**17) + b"\x94", *[b"h\0"] * 9)]
SHARED_ITEMS = b"".join(b"\x8c\x02x" + bytes([ord("a") + i]) + item[6:-2] for i, item in enumerate(SHARED))
NEVER_FILLED = b"\x80\x04}\x8c\x01xcnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87Rs."
ENCODE = b"\x80\x02c_codecs\nencode\n"
SHAPE, DAMAGED_KEYS = "an array has an impossible shape", "a dictionary has keys that are no names"
PICKLES = {
    "4 GB of bytes": (b"\x80\x04B\xff\xff\xff\xff.", "it is cut short"),
    "2**63 bytes": (b"\x80\x04\x8e" + LONGEST + b".", "it is cut short"),
    "2**63 characters": (b"\x80\x04\x8d" + LONGEST + b".", "it is cut short"),
    "a frame of 2**63 bytes": (b"\x80\x04\x95" + LONGEST + b"}.", "it holds no tensor"),
    "the last place of the memo": (b"\x80\x04}r\xff\xff\xff\xff.", "it holds no tensor"),
    "a shape of 2**39": (array_pickle(b"(" + HUGE + b"t", FOUR), "4 bytes are no f4 array"),
    "a shape of (2**39, 2**39, 0)": (array_pickle(b"(" + HUGE * 2 + b"K\0t", b"C\0"), SHAPE),
    "a negative shape": (array_pickle(b"(" + b"J\xff\xff\xff\xff" * 2 + b"t", FOUR), SHAPE),
    "a shape of strings": (array_pickle(b"(\x8c\x011t", FOUR), SHAPE),
    "a shape of shapes": (array_pickle(b"(" + DOUBLED + b"t", FOUR), SHAPE),
    "100 axes": (array_pickle(b"(" + b"K\x01" * 100 + b"t", FOUR), SHAPE),
    "pointers": (array_pickle(ONE, b"C\x08abcdefgh", b"\x8c\x02O8"), "it holds arrays of 'O8'"),
    "voids": (array_pickle(ONE, FOUR, b"\x8c\x0aV999999999"), "it holds arrays of 'V999999999'"),
    "a type of pairs of pairs": (array_pickle(ONE, FOUR, DOUBLED), "an array's type is not one"),
    "a list as numbers": (array_pickle(ONE, b"](K\x01e"), "an array's numbers are missing"),
    "an array filled twice": (array_pickle(ONE, FOUR)[:-2] + b"(K\x01)K\0tbs.", "it is damaged"),
    "an array never filled": (NEVER_FILLED, "its entry 'x' is no array"),
    "tuples in tuples": (b"\x80\x04}" + b"(" * 50_000 + b"t" * 50_000 + b"Ns.", DAMAGED_KEYS),
    "lists in lists": (b"\x80\x04}\x8c\x01x" + b"]" * 50_000 + b"a" * 49_999 + b"s.", "its entry 'x' is no array"),
    "pairs of pairs as a key": (b"\x80\x04}" + DOUBLED + b"Ns.", DAMAGED_KEYS),
    "keys of one remainder": (b"\x80\x04}(" + CONGRUENT + b"u.", DAMAGED_KEYS),
    "a list in itself": (b"\x80\x04]\x94h\0a.", "it holds no named arrays"),
    "a dictionary in itself": (b"\x80\x04}\x94\x8c\x01xh\0s.", "its entry 'x' is no array"),
    "a million dictionaries": (b"\x80\x04(" + b"}" * 1_000_000 + b"t.", "it takes more than 300,000 steps"),
    "nothing on the stack": (b"\x80\x04.", "a step needs what no step before made"),
    "marks": (b"\x80\x04((((((.", "it holds no named arrays"),
    "a name without an end": (b"\x80\x04c" + b"x" * 1000, "a name does not end"),
    "a name that is none": (b"\x80\x04}}\x93.", "it names an object by what is no name"),
    "arrays called": (b"\x80\x04cnumpy\nndarray\n)R.", "it calls what is no function"),
    "a type without arguments": (b"\x80\x04cnumpy\ndtype\n)R.", "an array's type is not one"),
    "bytes by another codec": (ENCODE + b"X\x04\0\0\0abcdX\x03\0\0\0zip\x86R.", "it encodes what is no array"),
    "bytes made again and again": (
        ENCODE + b"q\0X\0\0\x02\0" + b"a" * 2**17 + b"X\x06\0\0\0latin1\x86q\1" + b"h\0h\1R" * 2000 + b".",
        "its arrays would be larger than the file",
    ),
    "numbers used again and again": (b"\x80\x04}(" + SHARED_ITEMS + b"u.", "its arrays would be larger than the file"),
}


@pytest.mark.parametrize("name", PICKLES)
def test_pickles_that_ask_for_too_much(name, tmp_path):
    path, zipped = tmp_path / "checkpoint", io.BytesIO()
    content, reason = PICKLES[name]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=reason), little_memory():
        read_checkpoint(path)
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("best/data.pkl", content)
    path.write_bytes(zipped.getvalue())
    with little_memory():
        assert not read_or_refuse(path)
