"""LMDB datasets in the layout of deep-text-recognition-benchmark.

Keys: `num-samples` (decimal text), `image-%09d` (an image file's bytes) and `label-%09d` (UTF-8), counted from 1, or
from 0 where there is an `image-000000000`.
"""

import os
import threading
from pathlib import Path

# The name `lmdb` is this module's public function.
import lmdb as _lmdb

from keras_textrec.data.benchmarks import check_benchmark
from keras_textrec.data.folders import walk
from keras_textrec.data.lmdb_pages import check_whole
from keras_textrec.data.sources import ConcatSource, Source, check_index

COUNT_KEY = b"num-samples"

# This process' one environment per real path: LMDB forbids a second, through a link too. The signature tells a replaced
# file.
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
        ValueError: a `data.mdb` is not an LMDB or is cut off, or its records do not agree with its `num-samples`.
    """
    path = Path(path)
    if not path.is_dir():
        raise FileNotFoundError(f"There is no folder {path}; give an LMDB folder, or a folder with LMDBs below it.")
    if (path / "data.mdb").is_file():
        return LMDBSource(path)
    below = []
    for folder, files, folders in walk(path):
        if "data.mdb" in files:
            folders.clear()
            below.append(folder)
    if not below:
        raise FileNotFoundError(f"There is no data.mdb in {path} or below it; give an LMDB folder.")
    return ConcatSource([LMDBSource(folder) for folder in sorted(below)])


class LMDBSource:
    """The records of one LMDB folder, by position.

    Args:
        path: the folder that holds `data.mdb`.

    Attributes:
        first: the number of the first record: 1, or 0.

    A folder that is called as a known dataset (`keras_textrec.data.benchmarks`) and is not it is warned of.

    Raises:
        FileNotFoundError: no `data.mdb` in the folder.
        ValueError: not an LMDB or one cut off, no `num-samples`, a wrong count, or a missing image or label.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = str(path)
        self._real_path = os.path.realpath(path)
        if not os.path.isfile(os.path.join(self.path, "data.mdb")):
            raise FileNotFoundError(f"There is no data.mdb in {self.path}; give an LMDB folder.")
        environment = _environment(self._real_path, refresh=True)
        try:
            with environment.begin() as transaction:
                self.first, self._length = self._count(transaction)
                self._check(transaction, environment.stat()["entries"])
        except _lmdb.Error as error:
            raise ValueError(f"{self.path}/data.mdb is damaged: {error}.") from error
        check_benchmark(path, self._length)

    def __repr__(self) -> str:
        return f"LMDBSource({len(self):,} records in {self.path})"

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> tuple[bytes, str]:
        """The image file's bytes and the text of record `index`; ValueError when one is missing or damaged."""
        number = check_index(index, self._length) + self.first
        image, label = self._get(number, *record_keys(number))
        return image, self._decode(label, number)

    def text(self, index: int) -> str:
        number = check_index(index, self._length) + self.first
        (label,) = self._get(number, record_keys(number)[1])
        return self._decode(label, number)

    def key(self, index: int) -> str:
        return f"{self.path}: image-{check_index(index, self._length) + self.first:09d}"

    def _get(self, number: int, *keys: bytes) -> list[bytes]:
        try:
            with _environment(self._real_path).begin() as transaction:
                values = [transaction.get(key) for key in keys]
        except _lmdb.Error as error:
            raise ValueError(f"{self.path}/data.mdb is damaged at record {number}: {error}.") from error
        if None in values:
            raise ValueError(f"{self.path} has no {keys[values.index(None)].decode()}.")
        return values

    def _decode(self, label: bytes, number: int) -> str:
        try:
            return label.decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"label-{number:09d} of {self.path} is not UTF-8.") from error

    def _count(self, transaction: _lmdb.Transaction) -> tuple[int, int]:
        """The number of the first record, and how many there are."""
        count = transaction.get(COUNT_KEY)
        if count is None:
            raise ValueError(f"{self.path} has no num-samples: it is unfinished or of another layout; write it again.")
        if not count.isdigit():
            raise ValueError(f"num-samples of {self.path} is {count!r}, not a number; write the LMDB again.")
        first, length = 1, int(count)
        if transaction.get(record_keys(0)[0]) is not None:
            first = 0
            # What counted them may have written the last one's number.
            length += transaction.get(record_keys(length)[0]) is not None
        return first, length

    def _check(self, transaction: _lmdb.Transaction, entries: int) -> None:
        """Checks the ends of the numbering and the number of entries; looks at every key only when one is missing."""
        numbers = range(self.first, self.first + self._length)
        beyond, _ = record_keys(numbers.stop)
        if transaction.get(beyond) is not None:
            raise ValueError(
                f"num-samples of {self.path} is {self._length}, but {beyond.decode()} exists; correct num-samples."
            )
        ends = {*numbers[:1], *numbers[-1:]}
        missing = [key for number in ends for key in record_keys(number) if transaction.get(key) is None]
        if not missing and entries < 2 * self._length + 1:
            missing = [next(key for number in numbers for key in record_keys(number) if transaction.get(key) is None)]
        if missing:
            raise ValueError(
                f"num-samples of {self.path} is {self._length}, but {min(missing).decode()} is missing; "
                f"write the LMDB again."
            )


def record_keys(number: int) -> tuple[bytes, bytes]:
    """The keys of the image and the label of a record, by its number (not its position)."""
    return b"image-%09d" % number, b"label-%09d" % number


def _environment(path: str, refresh: bool = False) -> _lmdb.Environment:
    """This process' environment of a real path; `refresh`: opened again if the file was replaced or grew."""
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
            check_whole(os.path.join(path, "data.mdb"))
            try:
                # No lock file: datasets may be on read-only disks. No read-ahead: training reads at random.
                environment = _lmdb.open(path, readonly=True, lock=False, readahead=False, meminit=False)
            except _lmdb.Error as error:
                raise ValueError(f"{path}/data.mdb is not a readable LMDB: {error}.") from error
            entry = _environments[path] = signature, environment
        return entry[1]


def close_environment(path: str | os.PathLike) -> None:
    """Closes what this process reads of an LMDB folder, so that it can be written; sources open it again."""
    with _environments_lock:
        entry = _environments.pop(os.path.realpath(path), None)
        if entry is not None:
            entry[1].close()


def _close_environments() -> None:
    """In a forked child: an inherited environment is not to be used, and while it is open, no new one opens."""
    global _environments_lock
    _environments_lock = threading.Lock()
    for _, environment in _environments.values():
        environment.close()
    _environments.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_environments)
