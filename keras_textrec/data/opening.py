"""Sources by path, as the command line names them."""

import os
from collections.abc import Sequence
from pathlib import Path

from keras_textrec.data.folder import SUFFIXES, FolderSource, folder
from keras_textrec.data.lmdb import LMDBSource, lmdb
from keras_textrec.data.sources import ConcatSource, Source


def open_source(path: str | os.PathLike) -> Source:
    """What lies at a path: an LMDB or all LMDBs below a folder, a folder with a label file, or a label file.

    Raises:
        FileNotFoundError: there is no such path, or neither in it.
        ValueError: a dataset that is damaged.
    """
    path = Path(path)
    if path.is_file():
        return FolderSource(path.parent, path)
    if path.is_dir() and not any(path.rglob("data.mdb")):
        return folder(path)
    return lmdb(path)


def open_sources(paths: Sequence[str | os.PathLike]) -> Source:
    """`open_source` of every path, one after the other."""
    sources = [open_source(path) for path in paths]
    return sources[0] if len(sources) == 1 else ConcatSource(sources)


def find_sources(folders: str | os.PathLike | Sequence[str | os.PathLike]) -> dict[str, Source]:
    """Every dataset in the folders or below them, by its path below its folder (its own name where it is the folder).

    Raises:
        FileNotFoundError: there is no dataset.
        ValueError: a dataset that is damaged, or two of the same name.
    """
    found: dict[str, Source] = {}
    for root in [Path(folders)] if isinstance(folders, str | os.PathLike) else map(Path, folders):
        if not root.is_dir():
            raise FileNotFoundError(f"There is no folder {root}.")
        names = sorted(path.parent for path in root.rglob("data.mdb"))
        sources = {path: LMDBSource(path) for path in names}
        if not sources and any(path.suffix.lower() in SUFFIXES for path in root.iterdir()):
            sources = {root: folder(root)}
        if not sources:
            raise FileNotFoundError(f"There is no data.mdb and no label file in {root}, and no data.mdb below it.")
        for path, source in sources.items():
            name = path.relative_to(root).as_posix() if path != root else root.resolve().name
            if name in found:
                raise ValueError(f"Two datasets are called {name}: {path} and another; evaluate them separately.")
            found[name] = source
    return found
