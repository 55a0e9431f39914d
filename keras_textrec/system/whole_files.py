"""Files and folders that are written whole or not at all."""

import contextlib
import os
import pathlib
import threading
from collections.abc import Iterator
from typing import BinaryIO


@contextlib.contextmanager
def whole_file(path: pathlib.Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` when the block ends well, and is gone when it does not.

    So a reader finds the old file or the new one, even if this process is killed. Several may write at once: the last
    one to end well stays.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        with scratch.open("wb") as file:
            yield file
        os.replace(scratch, path)
    except BaseException:  # an interrupt, too
        scratch.unlink(missing_ok=True)
        raise


def take_place(new: pathlib.Path, path: pathlib.Path, old: pathlib.Path) -> None:
    """Puts a file or folder where another may be, which comes back if that fails.

    Args:
        old: where a folder at `path` goes meanwhile, for none that is not empty is replaced by another.
    """
    if path.is_dir():
        os.replace(path, old)
    try:
        os.replace(new, path)
    except OSError:
        if old.exists():
            os.replace(old, path)
        raise
