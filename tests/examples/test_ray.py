"""examples/read_with_ray.py: its parts by themselves, and all of it where Ray is installed (CI has none: 500 MB)."""

import os
import runpy
import subprocess
import sys

import pytest

from keras_textrec.text import Reading
from tests.examples.programs import EXAMPLES, run
from tests.tiny import WORDS, crnn, draw, png, write_lmdb

SCRIPT = EXAMPLES / "read_with_ray.py"
EXAMPLE = runpy.run_path(str(SCRIPT))


class Backwards:
    """Reads how many bytes an image has, the last image first."""

    def read_stream(self, images):
        for position, image in reversed([*enumerate(images)]):
            yield position, image if isinstance(image, ValueError) else Reading(f"{len(image)}", 0.5)


@pytest.mark.once
def test_a_part_is_loaded_and_read_in_its_order():
    class Source:
        def key(self, index):
            return f"image {index}"

        def __getitem__(self, index):
            if index == 4:
                raise OSError("image 4 is lost")
            return b"x" * index, ""

    part = EXAMPLE["load"]({"part": 7, "start": 3, "stop": 6}, Source())
    assert part.pop("part") == 7
    assert EXAMPLE["read"](Backwards(), **part) == {
        "image": ["image 3", "image 4", "image 5"],
        "text": ["3", None, "5"],
        "confidence": [0.5, None, 0.5],
        "error": [None, "image 4 is lost", None],
    }


@pytest.mark.once
def test_what_is_written_is_not_read_again(tmp_path):
    begin, parts_to_read, part_file = (EXAMPLE[name] for name in ("begin", "parts_to_read", "part_file"))
    output = tmp_path / "deep" / "output"
    for _ in range(2):
        begin(output, {"images": "here", "count": 10, "part": 4})
    first, _, last = parts_to_read(output, 10, 4)
    assert (first, last) == ({"part": 0, "start": 0, "stop": 4}, {"part": 2, "start": 8, "stop": 10})
    part_file(output, 1).touch()
    assert parts_to_read(output, 10, 4) == [first, last]
    with pytest.raises(ValueError, match="count 10, not 11"):
        begin(output, {"images": "here", "count": 11, "part": 4})


@pytest.mark.once
def test_what_lies_at_a_path(tmp_path):
    open_images = EXAMPLE["open_images"]
    write_lmdb(tmp_path / "lmdb", WORDS[:3])
    assert len(open_images(tmp_path / "lmdb")) == 3
    for name in ("b.png", "a.JPG", "deep/c.png", "notes.txt"):
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / name).write_bytes(name.encode())
    files = open_images(tmp_path / "images")
    assert [files[k][0] for k in range(len(files))] == [b"a.JPG", b"b.png", b"deep/c.png"]
    assert files.key(2) == str(tmp_path / "images/deep/c.png")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no image file, no .parquet file and no data.mdb"):
        open_images(tmp_path / "empty")


@pytest.mark.once
def test_parquet(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    values = [b"0", b"1", None, b"3", b"4"]
    parquet.write_table(pyarrow.table({"image": values}), tmp_path / "a.parquet", row_group_size=2)
    nested = [{"bytes": value, "path": None} for value in (b"5", b"6")]
    parquet.write_table(pyarrow.table({"image": nested}), tmp_path / "b.parquet")
    images = EXAMPLE["open_images"](tmp_path)
    assert len(images) == 7
    assert [images[k][0] for k in (0, 1, 3, 4, 5, 6, 0)] == [b"0", b"1", b"3", b"4", b"5", b"6", b"0"]
    assert images.key(6) == f"{tmp_path / 'b.parquet'}:1"
    with pytest.raises(ValueError, match="a.parquet:2 holds no bytes of an image"):
        images[2]
    with pytest.raises(ValueError, match="no column picture"):
        EXAMPLE["open_images"](tmp_path, "picture")


@pytest.mark.slow
@pytest.mark.one_backend
def test_with_ray(tmp_path):
    pytest.importorskip("ray")
    parquet = pytest.importorskip("pyarrow.parquet")
    crnn().save_to_preset(tmp_path / "tiny")
    (tmp_path / "images").mkdir()
    for word in WORDS[:5]:
        (tmp_path / "images" / f"{word}.png").write_bytes(png(draw(word)))
    (tmp_path / "images" / "bad.png").write_text("no image")
    names = sorted(map(str, (tmp_path / "images").iterdir()))

    def read() -> subprocess.CompletedProcess:
        options = ["--model", tmp_path / "tiny", "--part", 4, "--actors", 1]
        return run(sys.executable, SCRIPT, tmp_path / "images", tmp_path / "out", *options, timeout=550)

    answer = read()
    assert answer.returncode == 1, answer.stderr
    assert "bad.png: The image is not an image" in answer.stderr and "of which 1 could not be read" in answer.stdout
    rows = parquet.read_table(tmp_path / "out").to_pylist()
    assert [row["image"] for row in rows] == names
    readings = {word: crnn().read(draw(word)).text for word in WORDS[:5]}
    assert {os.path.basename(row["image"])[:-4]: row["text"] for row in rows} == {**readings, "bad": None}

    first, second = (tmp_path / "out" / f"part-00000{k}.parquet" for k in range(2))
    written = first.stat().st_mtime_ns
    second.unlink()
    assert "6 images, 4 of them read before." in read().stdout
    assert first.stat().st_mtime_ns == written
    assert parquet.read_table(tmp_path / "out").to_pylist() == rows
