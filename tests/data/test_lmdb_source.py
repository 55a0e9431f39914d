import multiprocessing
import os
import pickle
import shutil
import subprocess
import sys

import lmdb as lmdb_package
import pytest

import keras_textrec.data as data
from keras_textrec.data.lmdb_source import LMDBSource, close_environment
from keras_textrec.data.lmdb_writer import LMDBWriter

pytestmark = pytest.mark.once


def change(path, **values):
    """Puts or, with None, deletes keys of an LMDB; `num_samples` stands for num-samples."""
    with lmdb_package.open(str(path)) as environment, environment.begin(write=True) as transaction:
        for key, value in values.items():
            key = key.replace("_", "-").encode()
            if value is None:
                assert transaction.delete(key)
            else:
                transaction.put(key, value)


# === Reading ===


def test_round_trip(write, records):
    path = write("words", records)
    source = data.lmdb(path)
    assert list(source) == records  # also: IndexError at the end, and no earlier
    assert len(source) == len(records)
    assert source[-1] == records[-1]
    assert source.key(0) == f"{path}: image-000000001"
    assert isinstance(source, data.Source)


def test_layout(write):
    path = write("words", [(b"first", "Café"), (b"second", "")])
    with lmdb_package.open(str(path), readonly=True, lock=False) as environment, environment.begin() as transaction:
        assert dict(transaction.cursor()) == {
            b"num-samples": b"2",
            b"image-000000001": b"first",
            b"image-000000002": b"second",
            b"label-000000001": "Café".encode(),
            b"label-000000002": b"",
        }


def test_several_below_one_root(write, records, tmp_path):
    write("root/b/deep", records[20:])
    write("root/a", records[:5])
    write("root/b/also", records[5:20])
    source = data.lmdb(tmp_path / "root")
    assert isinstance(source, data.ConcatSource)
    assert list(source) == records
    assert source.key(5) == f"{tmp_path / 'root/b/also'}: image-000000001"
    assert source[-1] == records[-1]
    with pytest.raises(IndexError):
        source[len(records)]


def test_photographs(shared):
    assert len(data.lmdb(shared / "data" / "validation")) == 6725


def test_sources_pickle(write, records):
    one = data.lmdb(write("one", records[:4]))
    source = data.ConcatSource([one, data.lmdb(write("two", records[4:]))])
    assert list(pickle.loads(pickle.dumps(source))) == list(source) == records


def texts_of(source):
    return [text for _, text in source]


def test_sources_work_in_spawned_workers(write, records, light_children):
    source = data.lmdb(write("words", records))
    source[0]  # the environment is open when the worker starts
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply_async(texts_of, (source,)).get(timeout=120) == [text for _, text in records]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_sources_work_in_forked_processes(write, records, light_children):
    code = (
        "import os, sys\n"
        "from keras_textrec.data.lmdb_source import lmdb\n"
        "source = lmdb(sys.argv[1])\n"
        "records = list(source)\n"
        "child = os.fork()\n"
        "if child == 0: os._exit(0 if list(source) == records else 1)\n"
        "sys.exit(os.waitpid(child, 0)[1])\n"
    )
    subprocess.run([sys.executable, "-c", code, str(write("words", records))], check=True, timeout=120)


def test_one_environment_for_two_sources(write, records):
    path = write("words", records)
    first, second = data.lmdb(path), data.lmdb(path)
    assert first[3] == second[3] == records[3]


def test_a_folder_written_again_is_read_again(write, records):
    path = write("words", records)
    source = data.lmdb(path)
    shutil.rmtree(path)
    write("words", records[::-1])
    assert list(data.lmdb(path)) == records[::-1]
    assert source[0] == records[-1]


# === Bad input ===


def test_nothing_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder .*missing"):
        data.lmdb(tmp_path / "missing")
    with pytest.raises(FileNotFoundError, match=r"no data\.mdb in"):
        data.lmdb(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no data\.mdb in"):
        LMDBSource(tmp_path)
    (tmp_path / "data.mdb").write_bytes(b"not an LMDB" * 1000)
    with pytest.raises(ValueError, match="not a readable LMDB"):
        data.lmdb(tmp_path)


@pytest.mark.parametrize(
    "changes,message",
    [
        ({"num_samples": None}, "no num-samples"),
        ({"num_samples": b"many"}, "b'many', not a number"),
        ({"num_samples": b"40"}, "num-samples of .*words is 40, but image-000000040 is missing"),
        ({"num_samples": b"30"}, "num-samples of .*words is 30, but image-000000031 exists"),
        ({"label-000000001": None}, "label-000000001 is missing"),
        ({"label-000000037": None}, "label-000000037 is missing"),
        ({"label-000000017": None}, "label-000000017 is missing"),
        ({"image-000000020": None}, "image-000000020 is missing"),
    ],
)
def test_a_damaged_lmdb_does_not_open(write, records, changes, message):
    path = write("words", records)
    change(path, **changes)
    with pytest.raises(ValueError, match=message):
        data.lmdb(path)


def test_no_half_copied_lmdb_opens(write, records, tmp_path, light_children):
    """In a process of its own: LMDB is killed by a page that is not there, SIGBUS."""
    path = write("words", records)
    whole = (path / "data.mdb").read_bytes()
    lengths = [*range(0, 8193, 1024), *range(8192 + 1365, len(whole), 9 * 1365), len(whole) - 1]
    for length in lengths:
        (tmp_path / f"cut{length}").mkdir()
        (tmp_path / f"cut{length}" / "data.mdb").write_bytes(whole[:length])
    code = (
        "import sys\n"
        "from keras_textrec.data import LMDBWriter, open_source\n"
        "for path in sys.argv[1:]:\n"
        "    for opening in (open_source, lambda path: LMDBWriter(path, resume=True)):\n"
        "        try: opening(path)\n"
        "        except ValueError as error: print(error)\n"
    )
    cut = [str(tmp_path / f"cut{length}") for length in lengths]
    done = subprocess.run([sys.executable, "-c", code, *cut], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    messages = done.stdout.splitlines()
    assert len(messages) == 2 * len(lengths)
    for length, message in zip(lengths, messages[::2], strict=True):
        expected = f"is cut off: it has {length:,} bytes of {len(whole):,}; copy it again." if length >= 5120 else ""
        assert message.endswith(expected or "File is not an LMDB file.") or length < 152, message


def test_a_copy_that_ends_in_zeros_does_not_open(write, records):
    path = write("words", records)
    whole = (path / "data.mdb").read_bytes()
    (path / "data.mdb").write_bytes(whole[:8192] + bytes(len(whole) - 8192))
    with pytest.raises(ValueError, match=r"words/data\.mdb is damaged: .*page was wrong type"):
        data.lmdb(path)


@pytest.mark.parametrize("count", [36, 37])
def test_keys_may_count_from_0(write, records, count):
    """Whoever counts from 0 writes the number of records, or that of the last one."""
    path = write("words", records)
    numbered = {f"{name}-{len(records):09d}": None for name in ("image", "label")}
    for number, (image, text) in enumerate(records):
        numbered |= {f"image-{number:09d}": image, f"label-{number:09d}": text.encode()}
    change(path, num_samples=str(count).encode(), **numbered)
    source = data.lmdb(path)
    assert list(source) == records
    assert [source.text(0), source.text(-1)] == [records[0][1], records[-1][1]]
    assert source.key(0) == f"{path}: image-000000000"
    assert list(pickle.loads(pickle.dumps(source))) == records
    with pytest.raises(ValueError, match="counts its records from 0"):
        LMDBWriter(path, resume=True)
    close_environment(path)
    change(path, **{"label-000000000": None})
    with pytest.raises(ValueError, match="label-000000000 is missing"):
        data.lmdb(path)


def test_a_missing_label_behind_a_foreign_key_is_found_when_read(write, records):
    path = write("words", records)
    change(path, **{"label-000000017": None, "wh-000000017": b"20_60"})
    source = data.lmdb(path)
    assert source[15] == records[15]
    with pytest.raises(ValueError, match="has no label-000000017"):
        source[16]


def test_a_label_that_is_not_utf8(write, records):
    path = write("words", records)
    change(path, **{"label-000000002": "Café".encode("latin-1")})
    with pytest.raises(ValueError, match=r"label-000000002 of .* not UTF-8"):
        data.lmdb(path)[1]


def test_no_sources():
    with pytest.raises(ValueError, match="at least one"):
        data.ConcatSource([])


# === Writing ===


def test_an_exception_leaves_a_valid_lmdb(tmp_path, records):
    with pytest.raises(KeyboardInterrupt), LMDBWriter(tmp_path / "words") as writer:
        for number, (image, text) in enumerate(records):
            if number == 20:
                raise KeyboardInterrupt
            writer.append(image, text)
    assert list(data.lmdb(tmp_path / "words")) == records[:20]


def test_a_killed_process_leaves_a_valid_lmdb(tmp_path, light_children):
    code = (
        "import os, signal, sys\n"
        "from keras_textrec.data.lmdb_writer import LMDBWriter\n"
        "LMDBWriter.records_per_commit = 50\n"
        "writer = LMDBWriter(sys.argv[1])\n"
        "for i in range(120): writer.append(bytes(1000), str(i))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path / "words")], timeout=120)
    assert killed.returncode != 0
    assert [text for _, text in data.lmdb(tmp_path / "words")] == [str(i) for i in range(100)]


def test_an_lmdb_is_valid_while_it_is_written(tmp_path):
    def records_on_disk():
        copy = tmp_path / f"copy{len(writer)}"
        shutil.copytree(tmp_path / "words", copy)
        return len(data.lmdb(copy))

    with LMDBWriter(tmp_path / "words") as writer:
        assert records_on_disk() == 0
        for i in range(1, 2101):
            writer.append(b"image", str(i))
            if i in (999, 1000, 2100):
                assert records_on_disk() == i // 1000 * 1000
        assert len(writer) == 2100
    assert data.lmdb(tmp_path / "words")[2099][1] == "2100"


def test_the_map_grows(tmp_path):
    big = bytes(range(256)) * 4096 * 10
    with LMDBWriter(tmp_path / "words") as writer:
        for i in range(16):  # 160 MB into a map of 64
            writer.append(big, str(i))
    source = data.lmdb(tmp_path / "words")
    assert len(source) == 16 and source[15] == (big, "15")


def test_the_writer_refuses(write, records):
    path = write("words", records)
    with pytest.raises(FileExistsError, match="holds an LMDB already"):
        LMDBWriter(path)
    with LMDBWriter(path / "new") as writer, pytest.raises(ValueError, match=r"Record 1 .*no image bytes"):
        writer.append(b"", "text")
