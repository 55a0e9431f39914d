"""Writing an LMDB of any source, and on where a writing ended."""

import io
import logging
import resource

import lmdb
import numpy as np
import pytest
from PIL import Image

import keras_textrec.data as data
from keras_textrec.data.lmdb_source import close_environment
from keras_textrec.data.lmdb_writer import LMDBWriter
from keras_textrec.images.load import decode
from keras_textrec.images.size import shrink

pytestmark = pytest.mark.once


class Records(list):
    """A source of (bytes, text), or of what reading one raises."""

    def __getitem__(self, index):
        record = super().__getitem__(index)
        if isinstance(record, BaseException):
            raise record
        return record

    def key(self, index):
        return f"record {index}"


@pytest.fixture
def many(records):
    """Distinct records, and commits of twenty."""
    return Records([(image, f"{text} {turn}") for turn in range(3) for image, text in records])


@pytest.fixture(autouse=True)
def small_commits(monkeypatch):
    monkeypatch.setattr(LMDBWriter, "records_per_commit", 20)


def create(path, source, **options):
    return data.create_lmdb(path, source, progress=False, **options)


def interrupted(source, at):
    """The source; reading it is interrupted at a record."""
    return Records([*source[:at], KeyboardInterrupt(), *source[at + 1 :]])


def test_records_stay_as_they_are(tmp_path, write, records, many):
    source = data.ConcatSource([data.lmdb(write("words", records)), many])
    assert create(tmp_path / "out", source) == 0
    assert list(data.lmdb(tmp_path / "out")) == [*records, *many]
    close_environment(tmp_path / "out")
    with lmdb.open(str(tmp_path / "out"), readonly=True, lock=False) as environment:
        assert environment.stat()["entries"] == 2 * len(source) + 1  # the layout, and nothing else


def test_resuming(tmp_path, many):
    for at in (45, 46, 100):
        with pytest.raises(KeyboardInterrupt):
            create(tmp_path / "out", interrupted(many, at), resume=True)
        assert list(data.lmdb(tmp_path / "out")) == list(many)[:at]
    assert create(tmp_path / "out", many, resume=True) == 0
    assert list(data.lmdb(tmp_path / "out")) == list(many)


def test_what_is_complete_stays_as_it_is(tmp_path, many, caplog):
    create(tmp_path / "out", many)
    with pytest.raises(FileExistsError, match="holds an LMDB already"):
        create(tmp_path / "out", many)
    caplog.set_level(logging.INFO)
    assert create(tmp_path / "out", many, resume=True) == 0
    assert "is complete, with 111 records" in caplog.text


def test_unreadable_records_are_left_out(tmp_path, many, caplog):
    many[3], many[50], many[51] = FileNotFoundError("lost"), ValueError("damaged"), (b"", "no bytes")
    many[60] = (b"image", "half a character \ud83d")
    with pytest.raises(KeyboardInterrupt):
        create(tmp_path / "out", interrupted(many, 55))
    caplog.clear()
    assert create(tmp_path / "out", many, resume=True) == 4
    assert "Left out record 60" in caplog.text and "record 3:" not in caplog.text
    kept = [i for i in range(len(many)) if i not in (3, 50, 51, 60)]
    assert list(data.lmdb(tmp_path / "out")) == [many[i] for i in kept]


def test_another_source_is_refused(tmp_path, many):
    with pytest.raises(KeyboardInterrupt):
        create(tmp_path / "out", interrupted(many, 30))
    for other in (Records(many[:-1]), Records([*many[1:], many[0]])):
        with pytest.raises(ValueError, match="begun from another source, of 111 records"):
            create(tmp_path / "out", other, resume=True)
    assert len(data.lmdb(tmp_path / "out")) == 30
    with LMDBWriter(tmp_path / "rendered") as writer:
        writer.state = b"what another command notes"
    with pytest.raises(ValueError, match="begun by another command"):
        create(tmp_path / "rendered", many, resume=True)


def test_a_killed_process(tmp_path, many, monkeypatch):
    monkeypatch.setattr(
        LMDBWriter, "close", lambda writer: writer._environment.close()
    )  # nothing is committed at the end
    with pytest.raises(KeyboardInterrupt):
        create(tmp_path / "out", interrupted(many, 50))
    assert list(data.lmdb(tmp_path / "out")) == list(many)[:40]
    monkeypatch.undo()
    assert create(tmp_path / "out", many, resume=True) == 0
    assert list(data.lmdb(tmp_path / "out")) == list(many)


def test_no_room(tmp_path, many):
    """A limit on the size of files stands for the full disk."""
    many = Records([(20 * image, text) for image, text in many])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, limits[1]))
    try:
        with pytest.raises(OSError, match=r"out cannot be written on: .* It is valid and holds \d+ records"):
            create(tmp_path / "out", many)
        written = len(data.lmdb(tmp_path / "out"))
        assert 0 < written < len(many) and written % 20 == 0
        assert list(data.lmdb(tmp_path / "out")) == list(many)[:written]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert create(tmp_path / "out", many, resume=True) == 0
    assert list(data.lmdb(tmp_path / "out")) == list(many)


def test_a_writer_resumes(tmp_path, records):
    path = tmp_path / "words"
    with LMDBWriter(path, resume=True) as writer:  # begins where there is nothing
        writer.append(*records[0])
        writer.state = b"here"
    source = data.lmdb(path)
    with LMDBWriter(path, resume=True) as writer:
        assert (len(writer), writer.state) == (1, b"here")
        writer.append(*records[1])
        writer.state = None
    assert source[0] == records[0]
    assert list(data.lmdb(path)) == records[:2]
    with LMDBWriter(path, resume=True) as writer:
        assert writer.state is None


def test_an_error_before_the_first_record_leaves_nothing(tmp_path, records, many):
    with pytest.raises(KeyboardInterrupt):
        create(tmp_path / "out", interrupted(many, 0))
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(KeyboardInterrupt):
        create(tmp_path / "out", interrupted(many, 0))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
    create(tmp_path / "out", Records([]))  # done, and empty
    assert list(data.lmdb(tmp_path / "out")) == []
    with pytest.raises(KeyboardInterrupt), LMDBWriter(tmp_path / "out", resume=True):
        raise KeyboardInterrupt
    assert (tmp_path / "out" / "data.mdb").exists()


def test_decoded_images(tmp_path, records):
    """Every reader finds the pixels that decoding and shrinking give, upright, and nothing that cannot be read."""
    upright = np.random.default_rng(0).integers(0, 256, (90, 30, 3), "uint8")
    exif = Image.Exif()
    exif[0x0112] = 6  # the file holds the image turned by 90 degrees
    turned = io.BytesIO()
    Image.fromarray(np.rot90(upright)).save(turned, "PNG", exif=exif)
    words = Records([*records, (turned.getvalue(), "turned"), (b"no image", "none"), (records[0][0][:100], "cut off")])
    assert create(tmp_path / "out", words, decoded=20) == 2
    source = data.lmdb(tmp_path / "out")
    assert [text for _, text in source] == [text for _, text in words[:-2]]
    for (stored, _), (original, _) in zip(source, words):
        image = decode(original)
        assert stored.startswith(b"BM")
        np.testing.assert_array_equal(decode(stored), shrink(image, 20 / min(image.shape[:2])))
    assert {min(decode(stored).shape[:2]) for stored, _ in source} == {16, 17, 18, 19, 20}
    assert decode(source[len(source) - 1][0]).shape == (60, 20, 3)


def test_decoding_resumes(tmp_path, many):
    create(tmp_path / "whole", many, decoded=24)
    with pytest.raises(KeyboardInterrupt):
        create(tmp_path / "out", interrupted(many, 45), decoded=24)
    with pytest.raises(ValueError, match="begun with its images decoded at a height of 24; resume it so"):
        create(tmp_path / "out", many, decoded=32, resume=True)
    with pytest.raises(ValueError, match="decoded at a height of 24"):
        create(tmp_path / "out", many, resume=True)
    assert create(tmp_path / "out", many, decoded=24, resume=True) == 0
    assert list(data.lmdb(tmp_path / "out")) == list(data.lmdb(tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        create(tmp_path / "plain", interrupted(many, 45))
    with pytest.raises(ValueError, match="begun with its images as they are"):
        create(tmp_path / "plain", many, decoded=24, resume=True)
    assert list(data.lmdb(tmp_path / "plain")) == list(many)[:45]


def test_a_height_below_one(tmp_path, many):
    with pytest.raises(ValueError, match="at least 1 pixel, not 0"):
        create(tmp_path / "out", many, decoded=0)
    assert not (tmp_path / "out").exists()
