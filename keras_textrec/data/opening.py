"""Sources by path: what lies there is recognised."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from keras_textrec.data.folder_source import USUAL_NAMES, FolderSource, find_labels, folder
from keras_textrec.data.labels import SUFFIXES
from keras_textrec.data.lmdb_source import LMDBSource
from keras_textrec.data.mixing import mix
from keras_textrec.data.sources import ConcatSource, Source
from keras_textrec.data.tfrecord_source import TFRecordSource, is_tfrecord, tfrecord
from keras_textrec.system.openers import OPENERS, open_file


def open_source(path: str | os.PathLike) -> Source:
    """What lies at a path: a dataset, or all datasets below a folder, sorted by path, as one.

    A dataset is an LMDB folder (or its `data.mdb`), a TFRecord file or a folder of them, or a label file (`.csv`,
    `.tsv`, `.txt`, `.jsonl`, `.json`) or a folder with one. What lies inside a dataset's folder is not looked for. A
    `.yaml` file is a configuration of `keras_textrec.synthesis`: its words are rendered as they are read.

    Raises:
        FileNotFoundError: there is no such path, or no dataset.
        ValueError: a dataset that is damaged, or a file of another kind.
    """
    path = Path(path)
    if path.is_file():
        return _open_file(path)
    sources = [source for _, source in _datasets(path)]
    return sources[0] if len(sources) == 1 else ConcatSource(sources)


def open_sources(paths: Sequence[str | os.PathLike], ratios: Sequence[float] | None = None) -> Source:
    """`open_source` of every path: one after the other, or mixed in the ratios given, a number a path (see `mix`)."""
    sources = [open_source(path) for path in paths]
    if ratios is not None:
        if len(ratios) != len(sources):
            raise ValueError(f"There are {len(ratios)} ratios for {len(sources)} sources; give one for each.")
        return mix(list(zip(sources, ratios)))
    return sources[0] if len(sources) == 1 else ConcatSource(sources)


def find_sources(folders: str | os.PathLike | Sequence[str | os.PathLike]) -> dict[str, Source]:
    """Every dataset in the folders or below them, by its path below its folder (its own name where it is the folder).

    Raises:
        FileNotFoundError: there is no dataset.
        ValueError: a dataset that is damaged, or two of the same name.
    """
    found: dict[str, Source] = {}
    for root in [Path(folders)] if isinstance(folders, str | os.PathLike) else map(Path, folders):
        for path, source in _datasets(root):
            name = path.relative_to(root).as_posix() if path != root else root.resolve().name
            if name in found:
                raise ValueError(f"Two datasets are called {name}: {path} and another; evaluate them separately.")
            found[name] = source
    return found


def _open_file(path: Path) -> Source:
    if path.name == "data.mdb":
        return LMDBSource(path.parent)
    if is_tfrecord(path):
        return TFRecordSource(path)
    if path.suffix.lower() in SUFFIXES:
        return FolderSource(path.parent, path)
    if path.suffix.lower() in OPENERS:
        return open_file(path)
    raise ValueError(
        f"{path} is no dataset: give an LMDB folder, a TFRecord file, a label file ({', '.join(SUFFIXES)}) or a "
        "configuration of rendered words (.yaml)."
    )


def _datasets(root: Path) -> Iterator[tuple[Path, Source]]:
    """The datasets of a folder and their folders."""
    if not root.is_dir():
        raise FileNotFoundError(f"There is no folder {root}.")
    empty = True
    for path, source in _search(root):
        empty = False
        yield path, source
    if empty:
        # A text file with an unusual name is the label file where nothing else can be meant.
        try:
            labels = find_labels(root)
        except FileNotFoundError as error:
            what = f"There is no data.mdb, no TFRecord file and no label file in {root} or below it."
            raise FileNotFoundError(what) from error
        yield root, FolderSource(root, labels)


def _search(path: Path) -> Iterator[tuple[Path, Source]]:
    files, folders = [], []
    for entry in os.scandir(path):
        (folders if entry.is_dir() else files).append(entry.name)
    if "data.mdb" in files:
        yield path, LMDBSource(path)
    elif any(is_tfrecord(Path(name)) for name in files):
        yield path, tfrecord(path)
    elif any(Path(name).stem.lower() in USUAL_NAMES and Path(name).suffix.lower() in SUFFIXES for name in files):
        yield path, folder(path)
    else:
        for name in sorted(folders):
            yield from _search(path / name)
