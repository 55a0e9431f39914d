"""A folder of image files and a label file."""

import os
from pathlib import Path

from keras_textrec.data.benchmarks import check_benchmark
from keras_textrec.data.labels import SUFFIXES, read_labels
from keras_textrec.data.strings import Strings

# The label file among several text files.
USUAL_NAMES = ("annotation", "annotations", "gt", "label", "labels", "metadata")
# Where images may lie whose names are not relative to the label file's folder.
IMAGE_FOLDERS = ("imgs", "images")


def folder(path: str | os.PathLike, labels: str | os.PathLike | None = None) -> "FolderSource":
    """Opens a folder of images with its label file: CSV, TSV, ICDAR's, JSON or JSON lines.

    `keras_textrec.data.labels.read_labels` tells what these hold. Names are relative to `path`, or else to `imgs` or
    `images` in it or to one of the three folders above it, whichever has the first image.

    Args:
        path: the folder.
        labels: the label file; None finds it in the folder.

    Raises:
        FileNotFoundError: no such folder or label file, or the first image is missing.
        ValueError: several files could be the labels, or lines cannot be read.
    """
    path = Path(path)
    if not path.is_dir():
        raise FileNotFoundError(f"There is no folder {path}.")
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
        self.names, self.texts = Strings(), Strings()
        for name, text in read_labels(labels):
            self.names.append(name)
            self.texts.append(text)
        if not self.names:
            raise ValueError(f"{labels} names no image.")
        check_benchmark(labels.parent, len(self))
        above = Path(os.path.abspath(path)).parents[:3]
        for root in (path, *(path / name for name in IMAGE_FOLDERS), *above):
            self.path = str(root)
            if os.path.isfile(self.key(0)):
                return
        raise FileNotFoundError(f"There is no image {path / self.names[0]}, the first that {labels} names.")

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> tuple[bytes, str]:
        """The image file's bytes and the text of record `index`; FileNotFoundError when the image is missing."""
        return Path(self.key(index)).read_bytes(), self.texts[index]

    def text(self, index: int) -> str:
        return self.texts[index]

    def key(self, index: int) -> str:
        return os.path.join(self.path, self.names[index])


def find_labels(path: Path) -> Path:
    """The one label file in a folder, or the one of several that has a usual name.

    Raises:
        FileNotFoundError: there is none.
        ValueError: there are several.
    """
    found = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())
    if not found:
        raise FileNotFoundError(f"There is no label file ({', '.join(SUFFIXES)}) in {path}; name it with labels=…")
    usual = [file for file in found if file.stem.lower() in USUAL_NAMES]
    candidates = usual or found
    if len(candidates) > 1:
        names = ", ".join(file.name for file in candidates)
        raise ValueError(f"{path} has several files that could hold the labels ({names}); name one of them instead.")
    return candidates[0]
