"""What tests of hostile files share: small checkpoints, headers of our own making, and what a reader may do."""

import contextlib
import os
import time

import numpy as np
import pytest

from keras_textrec.converters.checkpoint import read_checkpoint
from tests.converters import files

TENSORS = {
    "fc.weight": np.arange(6, dtype="f4").reshape(2, 3),
    "neck.lstm.weight_ih_l0": np.full((4, 1), 0.5, "f4"),
    "fc.bias": np.ones(3, "f4"),
}
MEMORY = 128 * 2**20


def tar_header(name: str, size: int | bytes, kind: bytes = b"0", link: str = "") -> bytes:
    """A header of our own making, with a right checksum."""
    size = size if isinstance(size, bytes) else f"{size:011o}\0".encode()
    mode = b"0000644\0" + b"0000000\0" * 2
    header = name.encode().ljust(100, b"\0") + mode + size + b"00000000000\0" + b" " * 8 + kind
    header = (header + link.encode().ljust(100, b"\0") + b"ustar\00000").ljust(512, b"\0")
    return header[:148] + f"{sum(header):06o}\0 ".encode() + header[156:]


def member(name: str, content: bytes, kind: bytes = b"0") -> bytes:
    return tar_header(name, len(content), kind) + content + bytes(-len(content) % 512)


END = bytes(1024)
CHECKPOINT = files.pdparams(TENSORS)


@contextlib.contextmanager
def little_memory():
    """Fails what reserves more than `MEMORY` over what the process has."""
    resource = pytest.importorskip("resource")
    old = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, old)


def read_or_refuse(path) -> bool:
    """Whether it was read; it may be refused by a ValueError that names the file, on one line, within a second."""
    start = time.perf_counter()
    try:
        tensors = read_checkpoint(path).tensors
    except ValueError as error:
        assert str(error).startswith(f"{path} "), error
        assert "\n" not in str(error)
        return False
    finally:
        assert time.perf_counter() - start < 5
    assert tensors
    assert all(isinstance(name, str) and isinstance(array, np.ndarray) for name, array in tensors.items())
    assert all(array.dtype.kind in "fiu" for array in tensors.values())
    return True


def in_a_tar(content: bytes) -> bytes:
    return member("net/train.log", b"epoch 1") + member("net/best_accuracy.pdparams", content) + END
