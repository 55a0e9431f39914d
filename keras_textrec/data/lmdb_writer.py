"""Writing LMDB datasets in the layout of `keras_textrec.data.lmdb_source`."""

import contextlib
import os
import shutil
from typing import Any, Self

import lmdb

from keras_textrec.data.lmdb_source import COUNT_KEY, LMDBSource, close_environment, record_keys

# Of an LMDB that is being written; no reader knows it.
STATE_KEY = b"writer-state"


class LMDBWriter:
    """Writes an LMDB folder; what is committed is a valid LMDB at every moment, however the writing ends.

    Use as a context manager. Records are committed a thousand at a time, each time with the right `num-samples`;
    leaving the block, also by an exception, commits the rest. A killed process loses at most the last thousand. An
    exception before the first record leaves no LMDB.

    Args:
        path: the folder, created when missing.
        resume: go on behind the records of an LMDB that is there.

    Attributes:
        state: what whoever writes needs to know to go on, beside the number of records: bytes that are committed with
            them and are there again on resuming; None for nothing, which a finished LMDB should end with.
        failed: whether a commit has failed; then nothing more is written.

    Raises:
        FileExistsError: the folder holds an LMDB already, and `resume` is False.
        ValueError: what there is to be resumed is not an LMDB in this layout, or a damaged one.
        OSError, when committing: the disk is full, or cannot be written. What was committed before stays valid.
    """

    records_per_commit = 1000

    def __init__(self, path: str | os.PathLike, resume: bool = False):
        self.path = str(path)
        self.state: bytes | None = None
        self._committed = 0
        self._pending: list[tuple[bytes, bytes, dict[str, bytes]]] = []
        self.failed = False
        exists = self._begun = os.path.exists(os.path.join(self.path, "data.mdb"))
        if exists and not resume:
            raise FileExistsError(f"{self.path} holds an LMDB already; delete it, resume it or choose another folder.")
        if exists:
            source = LMDBSource(self.path)
            if source.first != 1:
                raise ValueError(
                    f"{self.path} counts its records from {source.first}, not as here from 1; copy it anew."
                )
            self._committed = len(source)
            close_environment(self.path)
        os.makedirs(self.path, exist_ok=True)
        try:
            self._environment = lmdb.open(self.path, map_size=64 << 20)
        except lmdb.Error as error:
            raise OSError(f"{self.path} cannot be written: {error}.") from error
        if exists:
            with self._environment.begin() as transaction:
                self.state = transaction.get(STATE_KEY)
        else:
            self.commit()

    def __len__(self) -> int:
        return self._committed + len(self._pending)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: Any) -> None:
        try:
            self.close()
        finally:
            if error and not self._committed and not self._begun:
                self._remove()

    def append(self, image: bytes, text: str, **others: bytes) -> None:
        """Adds one record: an image file's bytes, its text, and what else there is under `NAME-%09d`.

        Raises:
            ValueError: an empty image, or half a character.
        """
        if not image:
            raise ValueError(f"Record {len(self) + 1} ({text!r}) for {self.path} has no image bytes.")
        self._pending.append((bytes(image), text.encode(), others))
        if len(self._pending) >= self.records_per_commit:
            self.commit()

    def commit(self) -> None:
        """Makes everything appended so far durable."""
        while True:
            try:
                with self._environment.begin(write=True) as transaction:
                    for number, (*values, others) in enumerate(self._pending, self._committed + 1):
                        for key, value in zip(record_keys(number), values):
                            transaction.put(key, value)
                        for name, value in others.items():
                            transaction.put(b"%s-%09d" % (name.encode(), number), value)
                    transaction.put(COUNT_KEY, str(len(self)).encode())
                    if self.state is None:
                        transaction.delete(STATE_KEY)
                    else:
                        transaction.put(STATE_KEY, self.state)
                break
            except lmdb.MapFullError:
                self._environment.set_mapsize(2 * self._environment.info()["map_size"])
            except lmdb.Error as error:
                self.failed = True
                # LMDB calls a full disk an input/output error when part of a page found room.
                full = shutil.disk_usage(self.path).free < sum(len(image) for image, *_ in self._pending) + (1 << 20)
                raise OSError(
                    f"{self.path} cannot be written on: {'the disk is full' if full else error}. It is valid and holds "
                    f"{self._committed:,} records; {'make room and ' if full else ''}resume to go on."
                ) from error
        self._committed += len(self._pending)
        self._pending.clear()

    def _remove(self) -> None:
        """Removes what this writer made; a folder that holds more stays."""
        for name in ("data.mdb", "lock.mdb"):
            os.remove(os.path.join(self.path, name))
        with contextlib.suppress(OSError):
            os.rmdir(self.path)

    def close(self) -> None:
        """Commits the rest, unless committing has failed, and closes the file."""
        try:
            if not self.failed:
                self.commit()
        finally:
            self._environment.close()
