"""Thousands of damaged files of every format: each is read, or refused by the one error there is."""

import gzip
import random
import zlib

import pytest

from tests.converters import files
from tests.converters.hostile import CHECKPOINT, TENSORS, in_a_tar, little_memory, read_or_refuse

pytestmark = pytest.mark.once

COUNT = 400  # damaged files of each format


def damaged(content: bytes, count: int, seed: int):
    """The content cut short, with bits turned, bytes replaced, lengths made huge, pieces taken out or doubled."""
    rng = random.Random(seed)
    for cut in rng.sample(range(len(content)), min(len(content), count // 3)):
        yield content[:cut]
    for _ in range(count - count // 3):
        data = bytearray(content)
        for _ in range(rng.choice((1, 1, 2, 8))):
            place = rng.randrange(len(data))
            match rng.randrange(6):
                case 0 | 1:
                    data[place] ^= 1 << rng.randrange(8)
                case 2:
                    data[place] = rng.randrange(256)
                case 3:
                    data[place : place + 4] = rng.choice((b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", bytes(4)))
                case 4:
                    del data[place : place + rng.randrange(1, 9)]
                case 5:
                    data[place:place] = data[place : place + rng.randrange(1, 40)]
        yield bytes(data)


SINGLE = {
    "pdparams": CHECKPOINT,
    "pdparams, protocol 2": files.pdparams(TENSORS, 2),
    "ckpt": files.ckpt(TENSORS, 16),
    "ckpt, checksum": files.ckpt(TENSORS, checksum=True),
    "pth": files.pth(TENSORS),
    "old pth": files.pth(TENSORS, old=True),
    "tar": in_a_tar(CHECKPOINT),
    "tar.gz": gzip.compress(in_a_tar(CHECKPOINT), mtime=0),
}


@pytest.mark.parametrize("name", SINGLE)
def test_damaged_files(name, tmp_path):
    path = tmp_path / "checkpoint"
    path.write_bytes(SINGLE[name])
    assert read_or_refuse(path)
    read = 0
    with little_memory():
        for content in damaged(SINGLE[name], COUNT, seed=zlib.crc32(name.encode())):
            path.write_bytes(content)
            read += read_or_refuse(path)
    assert read < COUNT


@pytest.mark.parametrize(
    "name", ["inference.pdmodel", "inference.json", "inference.pdiparams", "inference.pdiparams.info"]
)
def test_damaged_inference_models(name, tmp_path):
    members = files.inference_model(TENSORS, new=name == "inference.json")
    for other, content in members.items():
        (tmp_path / other).write_bytes(content)
    path = tmp_path / name
    assert read_or_refuse(path)
    assert read_or_refuse(tmp_path)
    with little_memory():
        for content in damaged(members[name], COUNT // 2, seed=zlib.crc32(name.encode())):
            path.write_bytes(content)
            read_or_refuse(path)
            read_or_refuse(tmp_path)
