import os
import signal
import subprocess
import sys

import lmdb as lmdb_package
import numpy as np
import pytest
import yaml

from keras_textrec.data.lmdb_source import close_environment, lmdb
from keras_textrec.data.lmdb_writer import LMDBWriter
from keras_textrec.images.load import decode
from keras_textrec.synthesis import WordRenderer, load_config, synthesize, writer
from keras_textrec.system.workers import Workers, WorkersFailed

pytestmark = pytest.mark.once

WORDS = ["Hotel", "street", "open", "bakery"]


def records(path):
    source = lmdb(path)
    return [source[index] for index in range(len(source))]


def rendered(renderer, indices):
    return [tuple(renderer.render_jpeg(index)[:2]) for index in indices]


def test_lmdb_is_the_renderer_in_order(tmp_path, fonts):
    path = tmp_path / "words"
    synthesize(path, 30, seed=2, fonts=fonts, words=WORDS, processes=1, start=5, boxes=True, progress=False)
    renderer = WordRenderer(fonts, WORDS, seed=2)
    assert records(path) == rendered(renderer, range(5, 35))
    image, text = records(path)[0]
    assert decode(image).shape[2] == 3 and isinstance(text, str)
    close_environment(path)
    with lmdb_package.open(str(path), readonly=True, lock=False).begin() as transaction:
        boxes = np.frombuffer(transaction.get(b"boxes-000000003"), "<f4").reshape(-1, 4, 2)
        assert transaction.stat()["entries"] == 3 * 30 + 1
    assert np.array_equal(boxes, renderer.render(7).boxes)
    assert load_config(path / "synthesis.yaml") == renderer.values
    assert (path / "fonts.txt").read_text().splitlines() == [f"{font.family}\t{font.path}" for font in fonts]


def test_processes_change_nothing(tmp_path, fonts, monkeypatch, light_children):
    monkeypatch.setattr(writer, "CHUNK", 16)
    arguments = {"count": 40, "fonts": fonts, "words": WORDS, "progress": False}
    synthesize(tmp_path / "one", processes=1, **arguments)
    synthesize(tmp_path / "two", processes=2, **arguments)
    assert records(tmp_path / "one") == records(tmp_path / "two")


def test_count_must_be_positive(tmp_path, fonts):
    with pytest.raises(ValueError, match="count is 0"):
        synthesize(tmp_path / "none", 0, fonts=fonts)
    assert not (tmp_path / "none").exists()


class Interrupted(Exception):
    pass


@pytest.fixture
def interrupted(tmp_path, fonts, monkeypatch):
    """An LMDB whose writing ended after 20 of 30 images."""
    monkeypatch.setattr(writer, "CHUNK", 10)
    monkeypatch.setattr(LMDBWriter, "records_per_commit", 10)
    real = WordRenderer.render_jpeg
    with monkeypatch.context() as patch, pytest.raises(Interrupted):

        def interrupt(self, index):
            if index == 25:
                raise Interrupted
            return real(self, index)

        patch.setattr(WordRenderer, "render_jpeg", interrupt)
        synthesize(tmp_path / "words", 30, fonts=fonts, words=WORDS, processes=1, progress=False)
    assert len(records(tmp_path / "words")) == 20
    return tmp_path / "words"


def test_resume_goes_on(interrupted, fonts):
    with pytest.raises(FileExistsError):
        synthesize(interrupted, 30, fonts=fonts, words=WORDS, processes=1, progress=False)
    arguments = {"fonts": fonts, "words": WORDS, "processes": 1, "progress": False, "resume": True}
    synthesize(interrupted, 30, **arguments)
    assert records(interrupted) == rendered(WordRenderer(fonts, WORDS), range(30))
    synthesize(interrupted, 30, **arguments)  # complete: stays
    assert len(records(interrupted)) == 30


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"words": ["other"]}, {"layout.arc.p": 0.5}, {"start": 3}, {"boxes": True}]
)
def test_resume_refuses_another_beginning(interrupted, fonts, change):
    with pytest.raises(ValueError, match="was begun with another configuration, fonts, words or --boxes"):
        arguments = {"words": WORDS, **change}
        synthesize(interrupted, 30, fonts=fonts, processes=1, progress=False, resume=True, **arguments)
    assert len(records(interrupted)) == 20


def test_a_full_disk_loses_nothing(tmp_path, fonts, monkeypatch):
    """Nothing can be written past some size: LMDB cannot tell that from a full disk."""
    code = (
        "import resource, sys, pickle\n"
        "from keras_textrec.data.lmdb_writer import LMDBWriter\n"
        "from keras_textrec.synthesis import synthesize\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "LMDBWriter.records_per_commit = 20\n"
        "fonts = pickle.loads(bytes.fromhex(sys.argv[2]))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (120_000, 120_000))\n"
        "try:\n"
        "    synthesize(sys.argv[1], 120, fonts=fonts, words=['Hotel'], processes=1, progress=False)\n"
        "except OSError as error:\n"
        "    print(error)\n"
    )
    import pickle

    argument = pickle.dumps(fonts[:1]).hex()
    environment = {**os.environ, "KERAS_BACKEND": "numpy"}
    run = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "words", argument], env=environment, capture_output=True, text=True
    )
    assert "cannot be written on" in run.stdout and "It is valid" in run.stdout, run.stderr
    kept = records(tmp_path / "words")
    assert 0 < len(kept) < 120 and len(kept) % 20 == 0
    synthesize(tmp_path / "words", 120, fonts=fonts[:1], words=["Hotel"], processes=1, progress=False, resume=True)
    assert records(tmp_path / "words") == rendered(WordRenderer(fonts[:1], ["Hotel"]), range(120))


def test_a_killed_worker_is_replaced(tmp_path, fonts, monkeypatch, caplog, light_children, new_processes):
    monkeypatch.setattr(writer, "CHUNK", 10)
    append = writer.LMDBWriter.append

    def kill_at_twenty(self, *arguments, **others):
        append(self, *arguments, **others)
        if len(self) == 20:
            os.kill(new_processes()[0].pid, signal.SIGKILL)

    monkeypatch.setattr(writer.LMDBWriter, "append", kill_at_twenty)
    synthesize(tmp_path / "words", 300, fonts=fonts, words=WORDS, processes=2, progress=False)
    assert records(tmp_path / "words") == rendered(WordRenderer(fonts, WORDS), range(300))
    assert caplog.text.count("A process was killed") == 1


def test_processes_that_cannot_start_leave_nothing(tmp_path, fonts, monkeypatch):
    def fail(self, processes):
        raise WorkersFailed("The script has no guard.")

    monkeypatch.setattr(WordRenderer, "workers", fail)
    with pytest.raises(WorkersFailed, match="^The script has no guard.$"):
        synthesize(tmp_path / "words", 300, fonts=fonts, words=WORDS, processes=2, progress=False)
    assert not (tmp_path / "words").exists()


def test_workers_that_are_always_killed_are_told_and_nothing_is_lost(tmp_path, fonts, monkeypatch):
    monkeypatch.setattr(writer, "CHUNK", 10)

    def kill_after_two(self, chunks):
        for number, indices in enumerate(chunks):
            if number == 2:
                raise WorkersFailed("3 processes were killed.")
            yield WordRenderer(fonts, WORDS).render_jpegs(indices)

    monkeypatch.setattr(Workers, "in_order", kill_after_two)
    with pytest.raises(
        WorkersFailed, match=r"processes were killed.*is valid and keeps its 20 images; resume to go on"
    ):
        synthesize(tmp_path / "words", 300, fonts=fonts, words=WORDS, processes=2, progress=False)
    assert records(tmp_path / "words") == rendered(WordRenderer(fonts, WORDS), range(20))
    assert yaml.safe_load((tmp_path / "words" / "synthesis.yaml").read_text())["seed"] == 0
