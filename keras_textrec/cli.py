"""The command line: `keras-textrec COMMAND --help` tells each command's options."""

import argparse
import json
import logging
import pathlib
import sys
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

DEFAULT_PRESET = "crnn_small_en"
IMAGE_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; the exit status: 0 all well, 1 something could not be done, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        return options.run(options)
    except (OSError, ValueError) as error:
        print(f"keras-textrec {options.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"keras-textrec {options.command}: interrupted.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="keras-textrec", description="Text recognition for Keras 3.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    read = commands.add_parser("read", help="read images of words")
    read.add_argument("images", nargs="+", metavar="IMAGE_OR_FOLDER")
    read.add_argument("--preset", default=DEFAULT_PRESET, help="a name or a folder (default: %(default)s)")
    read.add_argument("--json", action="store_true", help="JSON, with the confidence and place of every character")
    read.set_defaults(run=_read)

    train = commands.add_parser("train", help="train a preset's architecture by its recipe")
    train.add_argument("preset", help="a name or a folder")
    train.add_argument("--train", nargs="+", required=True, metavar="SOURCE", help="LMDBs, folders or label files")
    train.add_argument("--validation", nargs="+", required=True, metavar="SOURCE")
    train.add_argument("--output", required=True, metavar="DIR", help="checkpoints, log and state go here")
    train.add_argument("--pretrained", action="store_true", help="start from the preset's weights, not from new ones")
    train.add_argument("--resume", action="store_true", help="go on where --output stands")
    train.add_argument("-o", action="append", default=[], metavar="KEY=VALUE", help="override a key of the YAML")
    train.set_defaults(run=_train)

    evaluate = commands.add_parser("evaluate", help="measure a preset on every dataset below the folders")
    evaluate.add_argument("preset", help="a name or a folder")
    evaluate.add_argument("folders", nargs="+", metavar="FOLDER")
    evaluate.add_argument("--batch-size", type=int, default=64)
    evaluate.add_argument("--json", metavar="FILE", help="write the table here too")
    evaluate.set_defaults(run=_evaluate)

    synthesize = commands.add_parser("synthesize", help="render word images into an LMDB")
    synthesize.add_argument("directory", metavar="DIR")
    synthesize.add_argument("--count", type=int, required=True, metavar="N")
    synthesize.add_argument("--seed", type=int, default=0)
    synthesize.add_argument("--charset", help="the characters to write with (default: 94 ASCII)")
    synthesize.add_argument("--fonts", nargs="+", metavar="FOLDER", help="default: the system's fonts")
    synthesize.add_argument("--words", metavar="FILE", help="one word a line (default: the system's word lists)")
    synthesize.add_argument("--difficulty", type=float, default=1.0, help="0: clean short words .. 1: as in photos")
    synthesize.add_argument("--processes", type=int, help="default: all cores")
    synthesize.set_defaults(run=_synthesize)

    presets = commands.add_parser("presets", help="the table of presets; one preset whole")
    presets.add_argument("name", nargs="?")
    presets.set_defaults(run=_presets)
    return parser


def _read(options: argparse.Namespace) -> int:
    from keras_textrec.images import load_image
    from keras_textrec.models import TextRecognizer

    files = _image_files(options.images)
    model = TextRecognizer.from_preset(options.preset)
    names, pixels, failed = [], [], 0
    for name in files:
        try:
            image = load_image(name)
            model.converter.canvas_width(image.shape)  # ValueError for a line that is too long to be read
        except (OSError, ValueError) as error:
            failed += 1
            print(f"keras-textrec read: {error if name in str(error) else f'{name}: {error}'}", file=sys.stderr)
        else:
            names.append(name)
            pixels.append(image)
    readings = model.read(pixels)
    if options.json:
        rows = [{"image": name, **reading.to_dict()} for name, reading in zip(names, readings, strict=True)]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    elif readings:
        cells = ((name, r.text, f"{r.confidence:.3f}") for name, r in zip(names, readings, strict=True))
        _print_table(("image", "text", "confidence"), cells)
    return 1 if failed else 0


def _image_files(arguments: Iterable[str]) -> list[str]:
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


def _train(options: argparse.Namespace) -> int:
    from keras_textrec.data import open_sources
    from keras_textrec.presets import describe, load_preset, override
    from keras_textrec.training.train import train

    train(
        override(describe(options.preset), options.o),
        open_sources(options.train),
        open_sources(options.validation),
        options.output,
        initial=load_preset(options.preset) if options.pretrained else None,
        resume=options.resume,
    )
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from keras_textrec.models import TextRecognizer

    model = TextRecognizer.from_preset(options.preset)
    results = {"preset": options.preset, **model.evaluate_benchmarks(options.folders, options.batch_size)}
    rows = [*results["sets"], {"name": "mean", **results["mean"]}]
    columns = ("name", "samples", "accuracy", "exact", "ned", "images_per_second")
    cells = ([_shown(column, row.get(column, "")) for column in columns] for row in rows)
    _print_table(("set", "samples", "accuracy (a-z0-9) %", "exact %", "1-NED %", "images/s"), cells)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0


def _shown(column: str, value: float | str) -> str:
    """Shares as percentages, other values as they are."""
    return f"{100 * value:.2f}" if column in ("accuracy", "exact", "ned") else str(value)


def _synthesize(options: argparse.Namespace) -> int:
    from keras_textrec.synthesis import find_fonts, load_words, synthesize

    synthesize(
        options.directory,
        options.count,
        options.seed,
        charset=options.charset,
        fonts=find_fonts(options.fonts, options.charset) if options.fonts else None,
        words=load_words(options.words) if options.words else None,
        processes=options.processes,
        difficulty=options.difficulty,
    )
    return 0


def _presets(options: argparse.Namespace) -> int:
    import yaml

    from keras_textrec.presets import describe, preset_names

    if options.name:
        print(yaml.safe_dump(describe(options.name), sort_keys=False, allow_unicode=True), end="")
        return 0
    cells = []
    for name in preset_names():
        description = describe(name)
        cells.append((name, description["model"]["class"], description["language"], description["description"].strip()))
    _print_table(("preset", "model", "language", "what it is"), cells)
    return 0


def _print_table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    table = Table(*headings)
    for row in rows:
        table.add_row(*map(Text, row))  # as it stands: in a plain string, rich sees markup and emoji names
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
