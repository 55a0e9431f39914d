"""`keras-textrec read`: images of words in, texts out."""

import argparse
import json
import pathlib
import sys
from collections.abc import Iterable

from keras_textrec.system.terminal import print_table

DEFAULT_PRESET = "crnn_small_en"
IMAGE_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}

HELP = "read images of words"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("images", nargs="+", metavar="IMAGE_OR_FOLDER")
    parser.add_argument(
        "--preset", default=DEFAULT_PRESET, help="a name, a folder or hf://USER/REPO (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="JSON, with the confidence and place of every character")


def run(options: argparse.Namespace) -> int:
    from keras_textrec.models import TextRecognizer

    files = image_files(options.images)
    return print_readings(TextRecognizer.from_preset(options.preset), files, "read", options.json)


def print_readings(model, files: Iterable[str], command: str, as_json: bool = False) -> int:
    """Reads the files and prints what they say; the command's exit status."""
    from keras_textrec.images import load_image

    names, pixels, failed = [], [], 0
    for name in files:
        try:
            image = load_image(name)
            model.converter.canvas_width(image.shape)  # ValueError for a line that is too long to be read
        except (OSError, ValueError) as error:
            failed += 1
            reason = error if name in str(error) else f"{name}: {error}"
            print(f"keras-textrec {command}: {reason}", file=sys.stderr)
        else:
            names.append(name)
            pixels.append(image)
    readings = model.read(pixels)
    if as_json:
        rows = [{"image": name, **reading.to_dict()} for name, reading in zip(names, readings, strict=True)]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    elif readings:
        cells = ((name, r.text, f"{r.confidence:.3f}") for name, r in zip(names, readings, strict=True))
        print_table(("image", "text", "confidence"), cells)
    return 1 if failed else 0


def image_files(arguments: Iterable[str]) -> list[str]:
    """The files that were named, and the image files in the folders that were."""
    files = []
    for argument in map(pathlib.Path, arguments):
        if argument.is_dir():
            inside = sorted(path for path in argument.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
            if not inside:
                raise ValueError(f"There is no image in the folder {argument}.")
            files += map(str, inside)
        else:
            files.append(str(argument))
    return files
