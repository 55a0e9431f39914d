import os
import signal
import subprocess
import sys
import threading

import pytest

from keras_textrec.system.whole_files import whole_file

pytestmark = pytest.mark.once


def test_a_file_is_replaced_when_it_is_whole(tmp_path):
    path = tmp_path / "record.json"
    with whole_file(path) as file:
        file.write(b"old")
    with whole_file(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["record.json"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_file_that_is_not_finished_leaves_nothing(tmp_path, error):
    path = tmp_path / "record.json"
    path.write_bytes(b"old")
    with pytest.raises(error), whole_file(path) as file:
        file.write(b"half of the n")
        raise error
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["record.json"]


def test_where_nothing_can_be_written(tmp_path):
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "missing" / "record.json"):
        pass


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows cannot kill a process so")
def test_a_process_that_is_killed_leaves_the_old_file(tmp_path):
    path = tmp_path / "record.json"
    path.write_bytes(b"old")
    code = """
import os, pathlib, signal, sys
from keras_textrec.system.whole_files import whole_file
with whole_file(pathlib.Path(sys.argv[1])) as file:
    file.write(b"half of the n")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code, str(path)]).returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"


def test_several_writers(tmp_path):
    path, contents = tmp_path / "record.json", [bytes([i]) * 100_000 for i in range(8)]

    def write(content):
        for _ in range(10):
            with whole_file(path) as file:
                file.write(content)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in contents and os.listdir(tmp_path) == ["record.json"]
