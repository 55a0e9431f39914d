"""No archive makes a reader write, look elsewhere, hang or unpack far more than there is."""

import gzip
import io
import os
import struct
import tarfile
import zipfile

import numpy as np
import pytest

from keras_textrec.converters.checkpoint import read_checkpoint
from tests.converters import files
from tests.converters.hostile import (
    CHECKPOINT,
    END,
    TENSORS,
    in_a_tar,
    little_memory,
    member,
    read_or_refuse,
    tar_header,
)

pytestmark = pytest.mark.once

BOMB = gzip.compress(bytes(2**26))
TARS = {
    "outside, above": (member("net/../../etc/passwd", b"x"), "lies outside"),
    "outside, from the root": (member("/etc/passwd", b"x"), "lies outside"),
    "outside, on another drive": (member("C:\\net\\x", b"x"), "lies outside"),
    "outside, the other slash": (member("..\\x", b"x"), "lies outside"),
    "outside, by a long name": (member("@", b"net/" * 40 + b"../x\0", b"L") + member("x", b"x"), "lies outside"),
    "outside, by a record": (member("@", b"15 path=/etc/x\n", b"x") + member("x", b"x"), "lies outside"),
    "a folder outside": (tar_header("../x", 0, b"5"), "lies outside"),
    "symbolic link": (tar_header("best_accuracy.pdparams", 0, b"2", "/etc/passwd"), "is a symbolic link"),
    "hard link": (tar_header("best_accuracy.pdparams", 0, b"1", "/etc/passwd"), "is a hard link"),
    "device": (tar_header("best_accuracy.pdparams", 0, b"3"), "is a device"),
    "pipe": (tar_header("best_accuracy.pdparams", 0, b"6"), "is a pipe"),
    "sparse": (tar_header("best_accuracy.pdparams", 0, b"S"), "is a sparse file"),
    "sparse, by a record": (member("@", b"22 GNU.sparse.major=1\n", b"x") + member("x", b"x"), "sparse"),
    "unknown": (tar_header("best_accuracy.pdparams", 0, b"Z"), "is a special file"),
    "8 GB": (tar_header("best_accuracy.pdparams", 2**33 - 1), "it is cut short"),
    "2**88 bytes": (tar_header("best_accuracy.pdparams", b"\x80" + b"\xff" * 11), "it is cut short"),
    "a negative size": (tar_header("best_accuracy.pdparams", b"\xff" * 12), "a number in a header"),
    "a name of 1 GB": (tar_header("@", 2**30, b"L"), "a file's name has no end"),
    "a record without a length": (member("@", b"0 path=x\n", b"x"), "a record of a header"),
    "a record that is too long": (member("@", b"99999 path=x\n", b"x"), "a record of a header"),
    "long names without a file": (member("@", b"x", b"L") * 2000, "it holds no .pdparams|far more"),
    "twice": (member("x", b"x") * 2, "holds 'x' twice"),
    "no end": (member("x", b"x")[:-512], "it is cut short"),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", TARS)
def test_hostile_archives(name, packed, tmp_path):
    path = tmp_path / "x.tar"
    content, reason = TARS[name]
    content += b"" if name == "no end" else in_a_tar(CHECKPOINT) if "without a file" not in name else END
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(ValueError, match=reason), little_memory():
        read_checkpoint(path)
    assert os.listdir(tmp_path) == ["x.tar"]


def test_archives_that_unpack_to_far_more(tmp_path):
    path = tmp_path / "x.tar.gz"
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        entry = tarfile.TarInfo("best_accuracy.pdparams")
        entry.size = 2**26
        archive.addfile(entry, io.BytesIO(bytes(2**26)))
    for content in (stream.getvalue(), BOMB, gzip.compress(BOMB)):
        path.write_bytes(content)
        with little_memory():
            assert not read_or_refuse(path)


def pth_of(edit) -> bytes:
    """A .pth of changed storages: `edit(name, content)` gives what `ZipFile.writestr` takes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(files.pth(TENSORS))) as old, zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(*(edit(name, content) if "/data/" in name else (name, content)))
    return stream.getvalue()


def overlapping() -> bytes:
    """40 storages of 64 KB, of which only the first one's bytes are there."""
    content = files.pth({f"{i}": np.zeros(2**14, "f4") for i in range(40)})
    end = content.rindex(b"PK\x05\x06")
    table = content[int.from_bytes(content[end + 16 : end + 20], "little") : end]
    first = content.index(b"best/data/0") - 30
    head = content[: first + 30 + len(b"best/data/0") + 2**16]
    entries = [b"PK\x01\x02" + entry for entry in table.split(b"PK\x01\x02")[1:]]
    place = struct.pack("<I", first)
    entries = [entry[:42] + place + entry[46:] if b"best/data/" in entry else entry for entry in entries]
    table = b"".join(entries)
    return head + table + content[end : end + 12] + struct.pack("<II", len(table), len(head)) + content[end + 20 :]


ZIPS = {
    "packed": lambda: pth_of(lambda name, content: (name, content, zipfile.ZIP_DEFLATED)),
    "a bomb": lambda: pth_of(lambda name, content: (name, content + bytes(2**22), zipfile.ZIP_DEFLATED)),
    "too long": lambda: pth_of(lambda name, content: (name, content + b"0000")),
    "outside": lambda: pth_of(lambda name, content: (name.replace("best/data/0", "../data/0"), content)),
    "encrypted": lambda: files.pth(TENSORS).replace(b"PK\x01\x02\x14\x03\x14\0\0", b"PK\x01\x02\x14\x03\x14\0\1"),
    "big-endian": lambda: files.pth(TENSORS).replace(b"little", b"bigbig"),
    "another content": lambda: files.pth(TENSORS).replace(b"\0\0\x80?", b"\0\0\x80@"),
    "overlapping": overlapping,
}


@pytest.mark.parametrize("name", ZIPS)
def test_hostile_zips(name, tmp_path):
    path = tmp_path / "x.pth"
    content = ZIPS[name]()
    assert content != files.pth(TENSORS)
    path.write_bytes(content)
    with little_memory():
        assert not read_or_refuse(path)
