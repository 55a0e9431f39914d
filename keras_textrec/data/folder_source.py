"""A folder of image files and a label file."""

import itertools
import os
import re
from collections.abc import Iterable
from pathlib import Path

from keras_textrec.data.benchmarks import check_benchmark
from keras_textrec.data.files import NamedFiles
from keras_textrec.data.folders import once
from keras_textrec.data.labels import SUFFIXES, labels_pages, labels_polygons, read_labels
from keras_textrec.data.paired_source import PairedSource, has_pairs
from keras_textrec.data.strings import Strings
from keras_textrec.images.formats import image_suffixes

# The label file among several text files has one of these as its name or as a word of it (`rec_gt_train`).
USUAL_NAMES = ("annotation", "annotations", "gt", "label", "labels", "metadata")
# Where images may lie whose names are not relative to the label file's folder.
IMAGE_FOLDERS = ("imgs", "images")
_LOOKED_AT = 20  # names, to tell where images lie
_LISTED = 5  # files in an error


def folder(path: str | os.PathLike, labels: str | os.PathLike | None = None) -> "FolderSource | PairedSource":
    """Opens a folder of images with its label file: CSV, TSV, ICDAR's, JSON or JSON lines; or with a `.gt.txt` for
    each image.

    `keras_textrec.data.labels.read_labels` tells what these hold. Names are relative to `path`, or else to `imgs` or
    `images` in it or to one of the three folders above it, whichever has the first images. Names that were written on
    another system are found too (`keras_textrec.data.files`).

    Args:
        path: the folder.
        labels: the label file; None finds it in the folder.

    Raises:
        FileNotFoundError: no such folder or label file, or the first images are missing.
        ValueError: several files could be the labels, or lines cannot be read.
    """
    path = Path(path)
    if not path.is_dir():
        raise FileNotFoundError(f"There is no folder {path}.")
    if labels is None and has_pairs(os.listdir(path)):
        return PairedSource(path)
    return FolderSource(path, Path(labels) if labels else find_labels(path))


class FolderSource:
    """The images that a label file names, by position in it. Made by `folder`.

    Args:
        path: the folder that image names are relative to.
        labels: the label file.

    Attributes:
        path: the folder in which the first image was found.
        names, texts: of all records.
    """

    def __init__(self, path: Path, labels: Path):
        if labels_polygons(labels):
            raise ValueError(f"{labels} labels polygons on a photograph, for a detector; crop the words first.")
        self.names, self.texts = Strings(), Strings()
        above = Path(os.path.abspath(path)).parents[:3]
        places = [NamedFiles(root) for root in (path, *(path / name for name in IMAGE_FOLDERS), *above)]
        for name, text in read_labels(labels, lambda name: any(place.find(name) for place in places)):
            self.names.append(name)
            self.texts.append(text)
        if not self.names:
            raise ValueError(f"{labels} names no image.")
        check_benchmark(labels.parent, len(self))
        first = list(itertools.islice(self.names, _LOOKED_AT))
        found = next((place for place in places if any(map(place.find, first))), None)
        if found is None:
            what = f"There is no image {path / first[0]}, the first that {labels} names"
            raise FileNotFoundError(f"{what}.{_likely_cause(path, first[0])}")
        self.path = found.root
        self._files = found

    def __repr__(self) -> str:
        return f"FolderSource({len(self):,} records in {self.path})"

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> tuple[bytes, str]:
        """The image file's bytes and the text of record `index`; FileNotFoundError when the image is missing."""
        path = self._files.find(self.names[index])
        if path is None:
            raise FileNotFoundError(f"There is no image {self.key(index)}.")
        return Path(path).read_bytes(), self.texts[index]

    def text(self, index: int) -> str:
        return self.texts[index]

    def key(self, index: int) -> str:
        return os.path.join(self.path, self.names[index])


def find_labels(path: Path) -> Path:
    """The one label file in a folder, or the one of several that has a usual name and is of words, not of pages.

    Raises:
        FileNotFoundError: there is none.
        ValueError: there are several.
    """
    found = once(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())
    if not found:
        raise FileNotFoundError(f"There is no label file ({', '.join(SUFFIXES)}) in {path}; name it with labels=…")
    candidates = found
    if len(found) > 1:
        usual = [file for file in found if is_usual(file.name)]
        words = [file for file in usual if not labels_pages(file)]
        candidates = [file for file in words if file.stem.lower() in USUAL_NAMES] or words or usual or found
    if len(candidates) > 1 and any(map(labels_polygons, candidates)):
        raise ValueError(
            f"{path} holds polygons on photographs ({listed(candidates)}), for a detector; crop the words first."
        )
    if len(candidates) > 1:
        raise ValueError(
            f"{path} has several files that could hold the labels ({listed(candidates)}); name one of them instead."
        )
    return candidates[0]


def is_usual(name: str) -> bool:
    """Whether a file is called as label files are."""
    stem, suffix = os.path.splitext(name.lower())
    return suffix in SUFFIXES and not {stem, *re.split(r"[\W_]+", stem)}.isdisjoint(USUAL_NAMES)


def listed(files: Iterable[Path], root: Path | None = None) -> str:
    """The first few of some files, and how many more there are."""
    names = [str(file.relative_to(root)) if root else file.name for file in files]
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def _likely_cause(path: Path, name: str) -> str:
    """A sentence on why a file is not there, or nothing."""
    if os.path.isabs(name) or re.match(r"[A-Za-z]:[\\/]|\\\\", name):
        return " Its names are whole paths, of another machine: make them relative to the label file."
    stem, suffix = os.path.splitext(name)
    others = sorted(image_suffixes() - {suffix.lower()})
    other = next((stem + other for other in others if NamedFiles(path).find(stem + other)), None)
    return f" But there is {other}: correct the names." if other else ""
