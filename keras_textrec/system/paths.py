"""Paths to write to, checked before the work is done, and paths for others to read."""

import os
import pathlib
import tempfile
from collections.abc import Iterable


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


def check_picture(path: str | os.PathLike, otherwise: str = "") -> None:
    """As `check_file`, of a picture.

    Args:
        otherwise: what else may be done, the end of the sentence: ", or name a folder".

    Raises:
        ValueError: its name is of a kind that is not written.
        OSError: as `check_file`.
    """
    from PIL import Image

    if Image.registered_extensions().get(pathlib.Path(path).suffix.lower()) not in Image.SAVE:
        raise ValueError(f"{path} is no picture's name; end it in .png or .jpg{otherwise}.")
    check_file(path)


def check_apart(output: str | os.PathLike, sources: Iterable[str | os.PathLike]) -> None:
    """ValueError: a folder to be written is one of those that are read, whose content it would hide."""
    for source in sources:
        if os.path.realpath(source) == os.path.realpath(output):
            raise ValueError(f"{output} is what is read; give another folder for what is written.")


def public_path(path: str | os.PathLike) -> str:
    """A path to be published: as it was given, but an absolute one without its folders, which are this machine's."""
    path = pathlib.Path(path)
    return path.name if path.is_absolute() else str(path)
