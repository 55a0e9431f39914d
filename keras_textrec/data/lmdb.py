"""LMDB datasets in the layout of deep-text-recognition-benchmark.

Keys: `num-samples` (decimal text), `image-%09d` (an image file's bytes) and `label-%09d` (UTF-8), counted from 1.
"""

import glob
import os
import threading
from pathlib import Path
from typing import Self

# The name `lmdb` is this module's public function.
import lmdb as _lmdb

from keras_textrec.data.sources import ConcatSource, Source, check_index

COUNT_KEY = b"num-samples"

# This process' one environment per absolute path: LMDB forbids a second. The signature tells a replaced file.
_environments: dict[str, tuple[tuple[int, int], _lmdb.Environment]] = {}
_environments_lock = threading.Lock()


def lmdb(path: str | os.PathLike) -> Source:
    """Opens an LMDB folder, or every LMDB below a folder.

    Args:
        path: a folder that holds `data.mdb`, or one that has such folders below it at any depth.

    Returns:
        An `LMDBSource`, or a `ConcatSource` of all LMDBs below `path`, sorted by path.

    Raises:
        FileNotFoundError: there is no such folder, or no `data.mdb` in or below it.
        ValueError: a `data.mdb` is not an LMDB, or its records do not agree with its `num-samples`.
    """
    path = Path(path)
    if not path.is_dir():
        raise FileNotFoundError(f"There is no folder {path}; give an LMDB folder, or a folder with LMDBs below it.")
    if (path / "data.mdb").is_file():
        return LMDBSource(path)
    below = sorted(Path(found).parent for found in glob.glob(f"{glob.escape(str(path))}/**/data.mdb", recursive=True))
    if not below:
        raise FileNotFoundError(f"There is no data.mdb in {path} or below it; give an LMDB folder.")
    return ConcatSource([LMDBSource(folder) for folder in below])


class LMDBSource:
    """The records of one LMDB folder, by position.

    Args:
        path: the folder that holds `data.mdb`.

    Raises:
        FileNotFoundError: no `data.mdb` in the folder.
        ValueError: not an LMDB, no `num-samples`, a wrong count, or a missing image or label.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = str(path)
        self._absolute_path = os.path.abspath(path)
        if not os.path.isfile(os.path.join(self.path, "data.mdb")):
            raise FileNotFoundError(f"There is no data.mdb in {self.path}; give an LMDB folder.")
        environment = _environment(self._absolute_path, refresh=True)
        with environment.begin() as transaction:
            self._length = self._count(transaction)
            self._check(transaction, environment.stat()["entries"])

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> tuple[bytes, str]:
        """The image file's bytes and the text of record `index`; ValueError when one is missing or damaged."""
        number = check_index(index, self._length) + 1
        try:
            with _environment(self._absolute_path).begin() as transaction:
                image, label = map(transaction.get, _keys(number))
        except _lmdb.Error as error:
            raise ValueError(f"{self.path}/data.mdb is damaged at record {number}: {error}.") from error
        if image is None or label is None:
            raise ValueError(f"{self.path} has no {'image' if image is None else 'label'}-{number:09d}.")
        try:
            return image, label.decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"label-{number:09d} of {self.path} is not UTF-8.") from error

    def key(self, index: int) -> str:
        return f"{self.path}: image-{check_index(index, self._length) + 1:09d}"

    def _count(self, transaction: _lmdb.Transaction) -> int:
        count = transaction.get(COUNT_KEY)
        if count is None:
            raise ValueError(f"{self.path} has no num-samples: it is unfinished or of another layout; write it again.")
        if not count.isdigit():
            raise ValueError(f"num-samples of {self.path} is {count!r}, not a number; write the LMDB again.")
        return int(count)

    def _check(self, transaction: _lmdb.Transaction, entries: int) -> None:
        """Checks the ends of the numbering and the number of entries; looks at every key only when one is missing."""
        beyond = self._length + 1
        if transaction.get(b"image-%09d" % beyond) is not None:
            raise ValueError(
                f"num-samples of {self.path} is {self._length}, but image-{beyond:09d} exists; correct num-samples."
            )
        ends = {1, self._length} if self._length else set()
        missing = [key for number in ends for key in _keys(number) if transaction.get(key) is None]
        if not missing and entries < 2 * self._length + 1:
            numbers = range(1, self._length + 1)
            missing = [next(key for number in numbers for key in _keys(number) if transaction.get(key) is None)]
        if missing:
            raise ValueError(
                f"num-samples of {self.path} is {self._length}, but {min(missing).decode()} is missing; "
                f"write the LMDB again."
            )


class LMDBWriter:
    """Writes an LMDB folder; what is committed is a valid LMDB at every moment, however the writing ends.

    Use as a context manager. Records are committed a thousand at a time, each time with the right `num-samples`;
    leaving the block, also by an exception, commits the rest. A killed process loses at most the last thousand.

    Args:
        path: the folder, created when missing.

    Raises:
        FileExistsError: the folder holds an LMDB already.
    """

    records_per_commit = 1000

    def __init__(self, path: str | os.PathLike):
        self.path = str(path)
        if os.path.exists(os.path.join(self.path, "data.mdb")):
            raise FileExistsError(f"{self.path} holds an LMDB already; delete it or choose another folder.")
        os.makedirs(self.path, exist_ok=True)
        self._environment = _lmdb.open(self.path, map_size=64 << 20)
        self._committed = 0
        self._pending: list[tuple[bytes, str]] = []
        self.commit()

    def __len__(self) -> int:
        return self._committed + len(self._pending)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def append(self, image: bytes, text: str) -> None:
        """Adds one record: an image file's bytes and its text. ValueError for an empty image."""
        if not image:
            raise ValueError(f"Record {len(self) + 1} ({text!r}) for {self.path} has no image bytes.")
        self._pending.append((bytes(image), text))
        if len(self._pending) >= self.records_per_commit:
            self.commit()

    def commit(self) -> None:
        """Makes everything appended so far durable."""
        while True:
            try:
                with self._environment.begin(write=True) as transaction:
                    for number, (image, text) in enumerate(self._pending, self._committed + 1):
                        image_key, label_key = _keys(number)
                        transaction.put(image_key, image)
                        transaction.put(label_key, text.encode())
                    transaction.put(COUNT_KEY, str(len(self)).encode())
                break
            except _lmdb.MapFullError:
                self._environment.set_mapsize(2 * self._environment.info()["map_size"])
        self._committed += len(self._pending)
        self._pending.clear()

    def close(self) -> None:
        """Commits the rest and closes the file."""
        try:
            self.commit()
        finally:
            self._environment.close()


def _keys(number: int) -> tuple[bytes, bytes]:
    return b"image-%09d" % number, b"label-%09d" % number


def _environment(path: str, refresh: bool = False) -> _lmdb.Environment:
    """This process' environment of an absolute path; `refresh`: opened again if the file was replaced or grew."""
    entry = _environments.get(path)
    if entry is not None and not refresh:
        return entry[1]
    with _environments_lock:
        status = os.stat(os.path.join(path, "data.mdb"))
        signature = status.st_ino, status.st_size
        entry = _environments.get(path)
        if entry is None or entry[0] != signature:
            if entry is not None:
                entry[1].close()
            try:
                # No lock file: datasets may be on read-only disks. No read-ahead: training reads at random.
                environment = _lmdb.open(path, readonly=True, lock=False, readahead=False, meminit=False)
            except _lmdb.Error as error:
                raise ValueError(f"{path}/data.mdb is not a readable LMDB: {error}.") from error
            entry = _environments[path] = signature, environment
        return entry[1]


def _close_environments() -> None:
    """In a forked child: an inherited environment is not to be used, and while it is open, no new one opens."""
    global _environments_lock
    _environments_lock = threading.Lock()
    for _, environment in _environments.values():
        environment.close()
    _environments.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_environments)
