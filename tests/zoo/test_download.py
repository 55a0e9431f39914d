"""Downloads over a loopback server that breaks off, lies about lengths, ignores ranges and changes its mind."""

import logging
import os

import numpy as np
import pytest
from huggingface_hub.utils import disable_progress_bars, enable_progress_bars

from keras_textrec.zoo import download as module
from keras_textrec.zoo.download import download
from tests.serving import FileServer, serving

pytestmark = pytest.mark.once

CONTENT = np.random.default_rng(0).bytes(3_000_000)
NAME = "/models/a.tar"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(module, "WAIT", 0.0)
    with serving(FileServer({NAME: CONTENT})) as server:
        yield server


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.tar"


def ranges(server) -> list[str | None]:
    """What each request asked for: "bytes=N-", or None for the whole file."""
    return [line.split(" ")[2] if "bytes=" in line else None for line in server.log]


def check(path):
    """The file is there, right and alone."""
    assert path.read_bytes() == CONTENT
    assert os.listdir(path.parent) == [path.name]


def test_a_file_comes_whole_and_silently(server, path, capfd):
    download(server.url + NAME, path)
    check(path)
    assert ranges(server) == [None]
    assert capfd.readouterr() == ("", "")


def test_a_terminal_shows_progress(server, path, capfd, monkeypatch):
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    download(server.url + NAME, path)
    output, errors = capfd.readouterr()
    assert output == "" and "a.tar" in errors and "3.0/3.0 MB" in errors
    disable_progress_bars()
    try:
        download(server.url + NAME, path)
    finally:
        enable_progress_bars()
    assert "a.tar" not in capfd.readouterr().err


def test_it_goes_on_where_the_connection_broke(server, path, caplog):
    server.faults = [1_000_000, 500_000]
    with caplog.at_level(logging.WARNING):
        download(server.url + NAME, path)
    check(path)
    assert ranges(server) == [None, "bytes=1000000-", "bytes=1500000-"]
    assert "broke off after 1,000,000 of 3,000,000 bytes; trying again" in caplog.text


def test_it_gives_up_and_a_later_call_goes_on(server, path):
    server.faults = [1_000_000, 0, 0, 0]
    with pytest.raises(OSError, match=r"a.tar cannot be downloaded: .* broke off after 1,000,000 of 3,000,000 bytes"):
        download(server.url + NAME, path)
    assert not path.exists()
    server.log.clear()
    download(server.url + NAME, path)
    check(path)
    assert ranges(server) == ["bytes=1000000-"]


def test_progress_is_what_counts_as_an_attempt_that_failed(server, path):
    """Any number of interruptions is fine as long as each brings something."""
    server.faults = [300_000] * 9
    download(server.url + NAME, path)
    check(path)


@pytest.mark.parametrize("etags", [True, False])
def test_another_version_of_the_file_starts_over(server, path, etags):
    """Without an ETag nobody knows whether it is another version."""
    server.etags, server.files = etags, {NAME: b"x" * len(CONTENT)}
    server.faults = [1_000_000, 0, 0, 0]
    with pytest.raises(OSError, match="cannot be downloaded"):
        download(server.url + NAME, path)
    server.files = {NAME: CONTENT}
    download(server.url + NAME, path)
    check(path)


def test_the_same_file_at_another_address_starts_over(server, path):
    server.files["/b"] = b"x" * len(CONTENT)
    server.faults = [1_000_000, 0, 0, 0]
    with pytest.raises(OSError, match="cannot be downloaded"):
        download(server.url + "/b", path)
    download(server.url + NAME, path)
    check(path)
    assert ranges(server)[-1] is None


@pytest.mark.parametrize("fault", [("whole", None), ("other", None), ("status", 503), ("status", 429), ("status", 416)])
def test_it_bears_what_servers_do(server, path, fault):
    server.faults = [1_000_000, fault]
    download(server.url + NAME, path)
    check(path)


def test_a_slow_server_is_left_and_asked_again(server, path, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT", 0.2)
    server.faults = [("slow", 0.6)]
    download(server.url + NAME, path)
    check(path)
    assert ranges(server) == [None, "bytes=1500000-"]


def test_a_wrong_length_is_no_file(server, path):
    server.faults = [("length", len(CONTENT) + 10)] * 10
    with pytest.raises(OSError, match="cannot be downloaded"):
        download(server.url + NAME, path)
    assert not path.exists() and len(server.log) == module.ATTEMPTS


def test_a_missing_file_is_asked_for_once(server, path):
    with pytest.raises(OSError, match=r"http://127.0.0.1:\d+/b cannot be downloaded: the server answers 404 Not Found"):
        download(server.url + "/b", path)
    assert len(server.log) == 1
    assert os.listdir(path.parent) == []


def test_redirects(server, path):
    server.faults = [("redirect", NAME), 1_000_000, ("redirect", NAME)]
    download(server.url + "/old/a.tar", path)
    check(path)
    assert server.log[-1] == f"GET {NAME} bytes=1000000-"
    server.faults = [("redirect", "/old/a.tar")] * 20
    with pytest.raises(OSError, match=r"cannot be downloaded: the server answers 302 .* infinite loop") as error:
        download(server.url + "/old/a.tar", path)
    assert "\n" not in str(error.value)


def test_what_was_whole_when_the_process_was_killed(server, path, monkeypatch):
    """After the last byte, before the file had its name."""
    replace = os.replace

    def kill(old, new):
        if new == path:
            raise KeyboardInterrupt
        replace(old, new)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "replace", kill)
        download(server.url + NAME, path)
    assert not path.exists()
    download(server.url + NAME, path)
    check(path)
    assert len(server.log) == 1


@pytest.mark.parametrize("notes", ['{"url": "http', "", "3", "[]"])
def test_damaged_notes_start_over(server, path, notes):
    server.faults = [1_000_000, 0, 0, 0]
    with pytest.raises(OSError, match="cannot be downloaded"):
        download(server.url + NAME, path)
    path.with_name("a.tar.partial.json").write_text(notes)
    download(server.url + NAME, path)
    check(path)


def test_nobody_there(path, monkeypatch):
    monkeypatch.setattr(module, "WAIT", 0.0)
    with serving(FileServer({})) as server:
        pass
    with pytest.raises(OSError, match="cannot be downloaded: .*[Cc]onnection refused"):
        download(server.url + NAME, path)
