"""What `keras-textrec read` does for whole photographs: its options, the spotter, where pictures go."""

import argparse
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from keras_textrec.system.paths import check_folder, check_picture


def add_arguments(parser: argparse.ArgumentParser) -> None:
    photographs = parser.add_argument_group("whole photographs (docs/photographs.md)")
    photographs.add_argument(
        "--detector",
        metavar="PRESET",
        help="finds the words of photographs, for --preset to read: as repsvtr_det, or an exported file",
    )
    photographs.add_argument(
        "--draw", metavar="OUT", help="a picture of a photograph with what was read; for several, a folder of them"
    )


def check_options(options: argparse.Namespace) -> None:
    """ValueError: options that do not go together."""
    if options.detector is None:
        if options.draw is not None:
            raise ValueError("--draw shows the words that a --detector found in a photograph; name one.")
        return
    if options.engine != "keras":
        raise ValueError("--engine onnx reads images of words; leave it out with --detector.")
    if options.alternatives and not (options.json or options.jsonl):
        raise ValueError("A photograph's lines have no --alternatives; --json and --jsonl name those of every word.")


def spotter(options: argparse.Namespace) -> Any:
    from keras_textrec.models import TextSpotter

    return TextSpotter.from_presets(options.detector, options.preset)


def picture_paths(draw: str, files: Sequence[str]) -> dict[str, pathlib.Path]:
    """Where the picture of each photograph goes: one to the file `draw`, or each to its place in the folder `draw`.

    Raises:
        ValueError: one file for several photographs, or of a kind that is not written; or a photograph itself.
        OSError: nothing can be written there.
    """
    path = pathlib.Path(draw)
    if path.is_dir() or not path.suffix:
        check_folder(path)
        root = os.path.commonpath([os.path.dirname(os.path.abspath(file)) for file in files])
        # The whole name: there may be a.jpg and a.png.
        pictures = {file: path / f"{os.path.relpath(os.path.abspath(file), root)}.png" for file in files}
        photographs = set(map(os.path.realpath, files))
        if taken := next((place for place in pictures.values() if os.path.realpath(place) in photographs), None):
            raise ValueError(f"{taken} is a photograph itself; name another folder for the pictures.")
        return pictures
    if len(files) > 1:
        raise ValueError(f"{draw} is one picture, and there are {len(files)} photographs; name a folder for theirs.")
    check_picture(path, ", or name a folder")
    if path.exists() and os.path.samefile(path, files[0]):
        raise ValueError(f"{draw} is the photograph itself; give the picture another name.")
    return {files[0]: path}
