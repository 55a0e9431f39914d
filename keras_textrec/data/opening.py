"""Sources by path: what lies there is recognised."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from keras_textrec.data.folder_source import FolderSource, find_labels, folder, is_usual, listed
from keras_textrec.data.folders import once, walk
from keras_textrec.data.labels import SUFFIXES
from keras_textrec.data.lmdb_source import LMDBSource
from keras_textrec.data.mixing import mix
from keras_textrec.data.paired_source import has_pairs
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
    return one_source([open_source(path) for path in paths], ratios)


def one_source(sources: Sequence[Source], ratios: Sequence[float] | None) -> Source:
    """Sources one after the other, or mixed in ratios. ValueError: there are not as many ratios."""
    if ratios is not None:
        if len(ratios) != len(sources):
            raise ValueError(f"There are {len(ratios)} ratios for {len(sources)} sources; give one for each.")
        return mix(list(zip(sources, ratios)))
    return sources[0] if len(sources) == 1 else ConcatSource(sources)


def find_sources(folders: str | os.PathLike | Sequence[str | os.PathLike]) -> dict[str, Source]:
    """Every dataset in the folders or below them, by its path below its folder (its own name where it is the folder).

    One that links give several names is found once.

    Raises:
        FileNotFoundError: there is no dataset.
        ValueError: a dataset that is damaged or has no records, or two of the same name.
    """
    found: dict[str, Source] = {}
    seen = set()
    for root in [Path(folders)] if isinstance(folders, str | os.PathLike) else map(Path, folders):
        for path, source in _datasets(root):
            if os.path.realpath(path) in seen:
                continue
            seen.add(os.path.realpath(path))
            name = path.relative_to(root).as_posix() if path != root else root.resolve().name
            if name in found:
                raise ValueError(f"Two datasets are called {name}: {path} and another; evaluate them separately.")
            if not len(source):
                raise ValueError(f"{path} has no records.")
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
        return open_file(path, OPENERS)
    raise ValueError(
        f"{path} is no dataset: give an LMDB folder, a TFRecord file, a label file ({', '.join(SUFFIXES)}) or a "
        "configuration of rendered words (.yaml)."
    )


def _datasets(root: Path) -> Iterator[tuple[Path, Source]]:
    """The datasets of a folder and their folders."""
    if not root.is_dir():
        raise FileNotFoundError(f"There is no folder {root}.")
    found, others = {}, []
    for path, files, folders in walk(root):
        if opening := _opening(files):
            found[path] = opening
            folders.clear()  # what lies inside a dataset's folder is not looked for
        else:
            others += [path / name for name in files if Path(name).suffix.lower() in SUFFIXES]
    for path in sorted(found):
        yield path, found[path](path)
    if not found:
        yield root, _unusual(root, others)


def _opening(files: list[str]) -> Callable[[Path], Source] | None:
    """What opens a folder of these files if it is a dataset's."""
    if "data.mdb" in files:
        return LMDBSource
    if any(is_tfrecord(Path(name)) for name in files):
        return tfrecord
    return folder if any(map(is_usual, files)) or has_pairs(files) else None


def _unusual(root: Path, labels: list[Path]) -> Source:
    """Where there is nothing else, one text file is the label file, whatever its name."""
    here = [file for file in labels if file.parent == root]
    if here:
        return FolderSource(root, find_labels(root))
    if len(labels) == 1:
        return FolderSource(labels[0].parent, labels[0])
    what = f"There is no data.mdb, no TFRecord file and no label file in {root} or below it"
    if labels:
        raise FileNotFoundError(
            f"{what} that is called as they are, but {listed(labels, root)}: name the one that holds the labels."
        )
    above = once(file for file in root.absolute().parent.iterdir() if is_usual(file.name))
    hint = f", but {listed(above)} in the folder above: name that" if above else ""
    raise FileNotFoundError(f"{what}{hint}.")
