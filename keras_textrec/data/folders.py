"""Folders and what lies below them, each found once, whatever links lead to it."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path


def walk(top: str | os.PathLike) -> Iterator[tuple[Path, list[str], list[str]]]:
    """A folder and all below it, links followed: the path, and the names of its files and of its folders.

    Whoever clears the list of folders is not led into them. A folder of several names comes once: a link that leads
    back up ends there, and a folder's own name comes before a link beside it.

    Raises:
        OSError: a folder cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise error

    seen = set()
    for path, folders, files in os.walk(top, followlinks=True, onerror=refuse):
        real = os.path.realpath(path)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort(key=lambda name: (os.path.islink(os.path.join(path, name)), name))
        yield Path(path), sorted(files), folders


def once(paths: Iterable[Path]) -> list[Path]:
    """The paths without those that lead to a file or folder that came before; links after what is none."""
    found: dict[str, Path] = {}
    for path in sorted(paths, key=lambda path: path.is_symlink()):
        found.setdefault(os.path.realpath(path), path)
    return sorted(found.values())
