"""Paths to write to, checked before the work is done, and paths for others to read."""

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


def check_file(path: str | os.PathLike) -> None:
    """Makes sure that a file can be written; its folder must be there.

    Raises:
        OSError: there is no folder for it, a folder has its name, or it cannot be written.
    """
    path = pathlib.Path(path).absolute()
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder for {path}; make it first.")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the name of a file.")
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(f"{path} cannot be written: permission denied.")
    check_folder(path.parent)


def public_path(path: str | os.PathLike) -> str:
    """A path to be published: as it was given, but an absolute one without its folders, which are this machine's."""
    path = pathlib.Path(path)
    return path.name if path.is_absolute() else str(path)
