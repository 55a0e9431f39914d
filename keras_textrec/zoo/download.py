"""Downloads of publishers' files: resumed where they broke off, checked, whole or not there.

huggingface_hub's `http_get` goes on without asking whether the file is still the same one, and forgets what it has when
the process ends; so this is the standard library's client.
"""

import contextlib
import http.client
import json
import logging
import os
import pathlib
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

from huggingface_hub.utils import are_progress_bars_disabled
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from keras_textrec.system.terminal import progress_bar
from keras_textrec.system.whole_files import whole_file
from keras_textrec.version import __version__

logger = logging.getLogger(__name__)

TIMEOUT = 30.0  # seconds without a byte
ATTEMPTS = 4  # in a row that bring nothing new
WAIT = 1.0  # seconds before the second of them, doubled each time
CHUNK = 1 << 20
TRANSIENT = {408, 425, 429, 500, 502, 503, 504}


class _BrokenError(Exception):
    """An attempt that failed, where the next one may not."""


def download(url: str, path: pathlib.Path) -> None:
    """Downloads a file to `path`; an earlier call that was broken off, or killed, is continued.

    What has come so far is in PATH.partial; PATH.partial.json says of which file on the server, so that parts of two
    versions of a file are never joined. A progress bar is drawn on standard error where that is a terminal.

    Raises:
        OSError: the server refuses, cannot be reached or breaks off again and again; what has come is kept.
    """
    partial = path.with_name(path.name + ".partial")
    best = failures = 0
    logger.info("Downloading %s", url)
    with _progress(path.name) as show:
        while not _is_complete(partial, url):
            try:
                _fetch(url, partial, show)
            except _BrokenError as error:
                size = _size(partial)
                failures, best = (1, size) if size > best else (failures + 1, best)
                if failures == ATTEMPTS:
                    raise OSError(f"{url} cannot be downloaded: {error}.") from error
                logger.warning("%s: %s; trying again.", url, error)
                time.sleep(WAIT * 2 ** (failures - 1))
    os.replace(partial, path)
    _notes_path(partial).unlink()


def _fetch(url: str, partial: pathlib.Path, show: Callable[[int, int | None], None]) -> None:
    """One attempt: asks for the rest of the file, or for all of it where there is nothing to go on with."""
    headers = {"User-Agent": f"keras_textrec/{__version__}", "Accept-Encoding": "identity"}
    have, notes = _size(partial), _read_notes(partial)
    if have and notes["url"] == url and notes["version"]:
        # If-Range: the rest if the file is still this version of it, or else all of the new one.
        headers |= {"Range": f"bytes={have}-", "If-Range": notes["version"]}
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        answer = " ".join(f"the server answers {error.code} {error.reason}".split())
        if error.code == 416:  # what is here is no part of what is there
            partial.unlink(missing_ok=True)
        elif error.code not in TRANSIENT:
            raise OSError(f"{url} cannot be downloaded: {answer}.") from error
        raise _BrokenError(answer) from error
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenError(str(getattr(error, "reason", error)) or type(error).__name__) from error
    with response:
        # A weak ETag, W/"...", may stand for files that differ in their bytes.
        etag = response.headers["ETag"] or ""
        version = etag if etag.startswith('"') else response.headers["Last-Modified"] or ""
        resumed = response.status == 206
        if resumed and not (
            version == notes["version"] and (response.headers["Content-Range"] or "").startswith(f"bytes {have}-")
        ):
            partial.unlink(missing_ok=True)
            raise _BrokenError("the server sends another part, or of another file, than was asked for")
        if not resumed:
            have = 0
        total = None if response.length is None else have + response.length
        with open(partial, "ab" if resumed else "wb") as file:
            _write_notes(partial, url, version, total)
            for chunk in _chunks(response):
                file.write(chunk)
                have += len(chunk)
                show(have, total)
    if total is None:
        _write_notes(partial, url, version, have)
    elif have != total:
        raise _BrokenError(f"the connection broke off after {have:,} of {total:,} bytes")


def _chunks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """What comes, as it comes."""
    while True:
        try:
            chunk = response.read1(CHUNK)
        except (OSError, http.client.HTTPException) as error:
            raise _BrokenError(str(error) or type(error).__name__) from error
        if not chunk:
            return
        yield chunk


def _is_complete(partial: pathlib.Path, url: str) -> bool:
    notes = _read_notes(partial)
    return partial.is_file() and notes["url"] == url and notes["size"] == _size(partial)


def _size(partial: pathlib.Path) -> int:
    return partial.stat().st_size if partial.is_file() else 0


def _notes_path(partial: pathlib.Path) -> pathlib.Path:
    return partial.with_name(partial.name + ".json")


def _write_notes(partial: pathlib.Path, url: str, version: str, size: int | None) -> None:
    with whole_file(_notes_path(partial)) as file:
        file.write(json.dumps({"url": url, "version": version, "size": size}).encode())


def _read_notes(partial: pathlib.Path) -> dict:
    """`url`, `version` (the server's ETag or date) and `size` (bytes) of the file that `partial` is the start of."""
    nothing = {"url": None, "version": None, "size": None}
    try:
        notes = json.loads(_notes_path(partial).read_bytes())
    except (FileNotFoundError, ValueError):  # none, or damaged
        return nothing
    return nothing | notes if isinstance(notes, dict) else nothing


@contextlib.contextmanager
def _progress(name: str) -> Iterator[Callable[[int, int | None], None]]:
    """A function that shows (bytes so far, bytes in all)."""
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with progress_bar(TextColumn(name, markup=False), *columns, show=not are_progress_bars_disabled()) as progress:
        task = progress.add_task(name, total=None)
        yield lambda have, total: progress.update(task, completed=have, total=total)
