"""What an image library raises is one error, counted and logged, wherever labelled images go."""

import struct
import zlib

import numpy as np
import pytest

from keras_textrec import Charset, CTCTokenizer, ImageConverter, Reading
from keras_textrec.data import create_lmdb
from keras_textrec.data.batches import Batches
from keras_textrec.data.preview import readable
from keras_textrec.doctor import inspect
from keras_textrec.reading import read_stream
from keras_textrec.reading.evaluate import evaluate_source
from tests.tiny import draw, png

pytestmark = pytest.mark.once


def chunk(name, content):
    """A chunk of a PNG file."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


GOOD = png(draw("cat"))
TRANSPARENT = png(np.dstack([draw("owl"), np.full(draw("owl").shape[:2], 9, "uint8")])[..., [2, 1, 0, 3]])
DAMAGED = {
    "EXIF": TRANSPARENT[:33] + chunk(b"eXIf", bytes(6)) + TRANSPARENT[33:],
    "no height": GOOD[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", 50, 0, 8, 2, 0, 0, 0)) + GOOD[33:],
    "no width": GOOD[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", 0, 20, 8, 6, 0, 0, 0)) + GOOD[33:],
    "a JPEG's head without a height": b"\xff\xd8\xff\xc0\x00\x0b\x08\x00\x00\x00\x09\x01\x01\x11\x00\xff\xd9",
    "half": GOOD[: len(GOOD) // 2],
    "no bytes": b"",
}


class Files(list):
    """A source of files."""

    def __getitem__(self, index):
        return super().__getitem__(index), "cat"

    def key(self, index):
        return f"file {index}"


@pytest.fixture
def source():
    return Files([GOOD, *DAMAGED.values(), GOOD])


@pytest.mark.parametrize("canvases", [None, [(32, 64), (32, 128)]])
@pytest.mark.parametrize("training", [True, False])
def test_batches(source, canvases, training, caplog):
    tokenizer = CTCTokenizer(Charset.named("alphanumeric"))
    batches = Batches(source, ImageConverter(32, 64), tokenizer, 8, length=4, canvases=canvases, training=training)
    passes = 32 if training else 1  # with canvases, the records of 32 batches are sorted together
    assert sum(batches.batch(number)[2].sum() for number in range(passes)) == 2 * passes
    assert set(batches.unreadable) == {f"file {i}" for i in range(1, 1 + len(DAMAGED))}
    assert caplog.text.count("Skipped an unreadable record") == len(DAMAGED)


def test_create_lmdb(source, tmp_path, caplog):
    assert create_lmdb(tmp_path / "decoded", source, decoded=16, progress=False) == len(DAMAGED)
    assert caplog.text.count("Left out file") == len(DAMAGED)


def test_the_doctor(source):
    (finding,) = [finding for finding in inspect(source, progress=False).findings if finding.name == "unreadable"]
    assert list(finding.positions) == list(range(1, 1 + len(DAMAGED)))
    assert all(finding.note(k) for k in range(len(DAMAGED)))


def test_evaluation(source, caplog):
    class Recognizer:
        converter = ImageConverter(32, 64)
        tokenizer = CTCTokenizer(Charset.named("alphanumeric"))

        def read_stream(self, images, batch_size):
            return read_stream(images, self.converter, lambda x, ratio: [Reading("cat", 1.0)] * len(x), batch_size)

    result = evaluate_source(Recognizer(), source)
    assert (result["unreadable"], result["accuracy"]) == (len(DAMAGED), 2 / len(source))
    assert caplog.text.count("An unreadable record counts as wrong") == len(DAMAGED)


def test_looking_at_records(source):
    assert len(readable(source, range(len(source)))) == 2
