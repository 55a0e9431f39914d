"""Photographs and label files with polygons around their words: ICDAR 2015's and PaddleOCR's."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_textrec.data.files import NamedFiles
from keras_textrec.data.regions import TextRegion
from keras_textrec.data.sources import check_index
from keras_textrec.images.crops import checked_polygon
from keras_textrec.images.formats import image_suffixes


class RegionFiles:
    """Photographs by their files. Made by `icdar_regions` and `paddle_regions`.

    Args:
        path: where they were found.
        files, regions: N paths, and what stands in each.
    """

    def __init__(self, path: str | os.PathLike, files: Sequence[str], regions: Sequence[list[TextRegion]]):
        self.path = str(path)
        self.files = list(files)
        self.regions = list(regions)

    def __repr__(self) -> str:
        return f"RegionFiles({len(self):,} photographs, {self.path})"

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[bytes, list[TextRegion]]:
        """The image file's bytes and the regions of record `index`; FileNotFoundError when the image is missing."""
        index = check_index(index, len(self))
        return Path(self.files[index]).read_bytes(), self.regions[index]

    def text(self, index: int) -> str:
        return " ".join(region.text for region in self.regions[check_index(index, len(self))])

    def key(self, index: int) -> str:
        return self.files[check_index(index, len(self))]


def icdar_regions(folder: str | os.PathLike, files: Sequence[Path]) -> RegionFiles:
    """ICDAR 2015's: `gt_NAME.txt` for each photograph NAME, beside it or elsewhere below a folder.

    Lines are `x1,y1,x2,y2,x3,y3,x4,y4,text`, UTF-8; a text may hold commas; `###` is not to be read.

    Args:
        folder: where the files were found.
        files: what is below it; photographs come in the order of their label files.

    Raises:
        FileNotFoundError: a photograph is missing.
        ValueError: a line that is none, or two photographs of one name.
    """
    images: dict[str, list[Path]] = {}
    for path in files:
        if path.suffix.lower() in image_suffixes():
            images.setdefault(path.stem, []).append(path)
    photographs, regions = [], []
    for path in filter(is_icdar_file, files):
        named = images.get(path.stem.removeprefix("gt_"), [])
        found = [image for image in named if image.parent == path.parent] or named
        if len(found) != 1:
            what = "no photograph" if not found else f"{len(found)} photographs"
            error = ValueError if found else FileNotFoundError
            raise error(f"{path} labels {what} of this name below {folder}; there must be one.")
        photographs.append(str(found[0]))
        regions.append(list(_icdar_lines(path)))
    return RegionFiles(folder, photographs, regions)


def is_icdar_file(path: Path) -> bool:
    """Whether a file is called as ICDAR's label files are."""
    return path.match("gt_*.txt")


def paddle_regions(labels: str | os.PathLike) -> RegionFiles:
    """PaddleOCR's detection label file: `path<TAB>[{"transcription": "...", "points": [[x, y], ...]}, ...]` a line.

    Paths are relative to the file's folder, or to one of the three above it.

    Raises:
        FileNotFoundError: the file, or a photograph, is missing.
        ValueError: a line that is none.
    """
    labels = Path(labels)
    places = [NamedFiles(folder) for folder in Path(os.path.abspath(labels)).parents[:4]]
    files, regions = [], []
    for number, line in _lines(labels):
        name, _, content = line.partition("\t")
        where = f"Line {number} of {labels}"
        try:
            entries = json.loads(content)
            words = [(entry["points"], str(entry["transcription"])) for entry in entries]
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(
                f"{where} is not a photograph's name, a tab and a JSON list of objects with transcription and points."
            ) from error
        file = next(filter(None, (place.find(name) for place in places)), None)
        if file is None:
            raise FileNotFoundError(f"{where} names {name}, which is not below {labels.parent}.")
        files.append(file)
        regions.append([TextRegion(_polygon(points, where), text) for points, text in words])
    if not files:
        raise ValueError(f"{labels} names no photograph.")
    return RegionFiles(labels, files, regions)


def _icdar_lines(path: Path) -> Iterator[TextRegion]:
    for number, line in _lines(path):
        where = f"Line {number} of {path}"
        *numbers, text = line.split(",", 8)
        try:
            points = np.array(numbers, "float32").reshape(4, 2)
        except ValueError as error:
            raise ValueError(f"{where} is not x1,y1,x2,y2,x3,y3,x4,y4,text: {line[:60]}") from error
        yield TextRegion(_polygon(points, where), text)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file that are not blank, numbered from 1."""
    if not path.is_file():
        raise FileNotFoundError(f"There is no label file {path}.")
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 (byte {error.start}); convert it.") from error
    yield from ((number, line.rstrip("\r")) for number, line in enumerate(lines, 1) if line.strip())


def _polygon(points: Any, where: str) -> np.ndarray:
    try:
        return checked_polygon(points)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{where} has a polygon that is not three corners [x, y] or more: {str(points)[:60]}"
        ) from error
