"""Whether a path can be written to, told before the work is done."""

import os
import pathlib
import tempfile


def check_folder(path: str | os.PathLike) -> None:
    """Makes sure that files can be written below a folder that is there or can be made; it is not made here.

    Raises:
        OSError: a file is there, or nothing can be written.
    """
    path = pathlib.Path(path).absolute()
    nearest = next(parent for parent in (path, *path.parents) if parent.exists())
    if not nearest.is_dir():
        raise NotADirectoryError(f"{nearest} is a file; give another folder than {path}.")
    try:
        with tempfile.TemporaryDirectory(dir=nearest):
            pass
    except OSError as error:
        raise OSError(f"Nothing can be written into {nearest}: {error.strerror}.") from error
