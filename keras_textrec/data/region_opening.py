"""Photographs with polygons around their words, by path: what lies there is recognised."""

import os
from collections.abc import Sequence
from pathlib import Path

from keras_textrec.data.labels import SUFFIXES, labels_pages
from keras_textrec.data.opening import one_source
from keras_textrec.data.region_source import icdar_regions, is_icdar_file, paddle_regions
from keras_textrec.data.regions import RegionSource
from keras_textrec.data.sources import ConcatSource
from keras_textrec.system.openers import SCENE_OPENERS, open_file


def open_region_source(path: str | os.PathLike) -> RegionSource:
    """What a text detector is trained on or measured by, of what lies at a path.

    A folder with ICDAR 2015's `gt_NAME.txt` for each photograph, in it or below it; PaddleOCR's detection label file,
    or a folder with one or several of them in it or below it; or a `.yaml` file, a configuration of
    `keras_textrec.synthesis`, whose scenes are rendered as they are read.

    Raises:
        FileNotFoundError: there is no such path, or a photograph is missing.
        ValueError: what lies there is something else, as words for a recogniser are, or damaged.
    """
    path = Path(path)
    if path.is_file():
        if path.suffix.lower() in SCENE_OPENERS:
            return open_file(path, SCENE_OPENERS)
        labels = [path] if _labels_pages(path) else []
    elif path.is_dir():
        files = sorted(path.rglob("*"))
        if any(map(is_icdar_file, files)):
            return icdar_regions(path, files)
        labels = [file for file in files if _labels_pages(file)]
    else:
        raise FileNotFoundError(f"There is no file and no folder {path}.")
    if not labels:
        raise ValueError(
            f"{path} has no photographs for a detector: give a folder with ICDAR's gt_NAME.txt for each, PaddleOCR's "
            "detection label file or a configuration of scenes (.yaml). Words cut out of photographs train recognisers."
        )
    sources = [paddle_regions(file) for file in labels]
    return sources[0] if len(sources) == 1 else ConcatSource(sources)


def open_region_sources(paths: Sequence[str | os.PathLike], ratios: Sequence[float] | None = None) -> RegionSource:
    """`open_region_source` of every path: one after the other, or mixed in the ratios given, a number a path."""
    return one_source([open_region_source(path) for path in paths], ratios)


def _labels_pages(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.is_file() and labels_pages(path)
