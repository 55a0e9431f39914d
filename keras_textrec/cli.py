"""The command line: `keras-textrec COMMAND --help` tells each command's options."""

import argparse
import json
import logging
import os
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
    read.add_argument(
        "--preset", default=DEFAULT_PRESET, help="a name, a folder or hf://USER/REPO (default: %(default)s)"
    )
    read.add_argument("--json", action="store_true", help="JSON, with the confidence and place of every character")
    read.set_defaults(run=_read)

    train = commands.add_parser("train", help="train a preset's architecture by its recipe")
    train.add_argument("preset", help="a name, a folder or hf://USER/REPO")
    train.add_argument("--train", nargs="+", required=True, metavar="SOURCE", help="LMDB, TFRecord, label file, folder")
    train.add_argument("--ratios", nargs="+", type=float, metavar="R", help="draw --train's sources in these ratios")
    train.add_argument("--validation", nargs="+", required=True, metavar="SOURCE")
    train.add_argument("--output", required=True, metavar="DIR", help="checkpoints, log and state go here")
    train.add_argument("--pretrained", action="store_true", help="start from the preset's weights, not from new ones")
    train.add_argument("--resume", action="store_true", help="go on where --output stands")
    train.add_argument(
        "--processes",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="how many load images beside this one; 0: its threads do (default: one for each core)",
    )
    train.add_argument("-o", action="append", default=[], metavar="KEY=VALUE", help="override a key of the YAML")
    train.set_defaults(run=_train)

    evaluate = commands.add_parser("evaluate", help="measure a preset on every dataset below the folders")
    evaluate.add_argument("preset", help="a name, a folder or hf://USER/REPO")
    evaluate.add_argument("folders", nargs="+", metavar="FOLDER")
    evaluate.add_argument("--batch-size", type=int, default=64)
    evaluate.add_argument("--json", metavar="FILE", help="write the table here too")
    evaluate.set_defaults(run=_evaluate)

    synthesize = commands.add_parser("synthesize", help="render word images into an LMDB, or on a sheet to look at")
    synthesize.add_argument("directory", nargs="?", metavar="DIR", help="the LMDB; may be left out with --preview")
    synthesize.add_argument("--count", type=int, metavar="N", help="default: the configuration's")
    synthesize.add_argument("--config", metavar="FILE", help="YAML, what is to differ from synthesis/default.yaml")
    synthesize.add_argument("-o", action="append", default=[], metavar="KEY=VALUE", help="change a key of the YAML")
    synthesize.add_argument("--seed", type=int)
    synthesize.add_argument("--charset", help="the characters to write with (default: 94 ASCII)")
    synthesize.add_argument("--fonts", dest="fonts.folders", nargs="+", metavar="FOLDER", help="default: the system's")
    synthesize.add_argument("--words", dest="text.words", nargs="+", metavar="FILE", help="default: the system's lists")
    synthesize.add_argument("--photos", dest="colour.photos.folder", metavar="FOLDER", help="for colours and textures")
    synthesize.add_argument("--difficulty", type=float, help="0: clean short words .. 1: as in photos (the default)")
    synthesize.add_argument("--start", type=int, default=0, metavar="N", help="the number of the first image")
    synthesize.add_argument("--resume", action="store_true", help="go on where an interrupted writing ended")
    synthesize.add_argument("--boxes", action="store_true", help="keep the corners of the characters, as boxes-%%09d")
    synthesize.add_argument("--processes", type=int, help="default: all cores")
    synthesize.add_argument("--preview", metavar="SHEET.PNG", help="draw the first images and measure a thousand")
    synthesize.add_argument("--beside", nargs="+", default=[], metavar="SOURCE", help="real words to preview them with")
    synthesize.set_defaults(run=_synthesize)

    create = commands.add_parser(
        "create-lmdb", help="copy any sources into one LMDB, the images as they are or decoded"
    )
    create.add_argument("output", metavar="DIR")
    create.add_argument("sources", nargs="+", metavar="SOURCE", help="LMDB, TFRecord, label file, folder")
    create.add_argument("--resume", action="store_true", help="go on where an interrupted writing ended")
    create.add_argument(
        "--decoded",
        type=int,
        metavar="HEIGHT",
        help="a cache for training: images are stored decoded (BMP) and shrunk to HEIGHT pixels, which saves every "
        "epoch's decoding and takes 8 KB of disk a word at 32; give at least the height of the network's input",
    )
    create.set_defaults(run=_create_lmdb)

    inspect = commands.add_parser("inspect-data", help="say what is wrong with labelled images; status 1 if anything")
    inspect.add_argument("sources", nargs="+", metavar="SOURCE", help="LMDB, TFRecord, label file, folder")
    inspect.add_argument("--test", nargs="+", metavar="SOURCE", help="records that must not be among them")
    inspect.add_argument("--preset", help="what is to be trained on them: is every text feasible? What does it read?")
    inspect.add_argument("--no-reading", dest="reading", action="store_false", help="do not read the images with it")
    inspect.add_argument(
        "--charset", help="the texts' characters, a file of one a line, or alphanumeric, ascii, dict90"
    )
    inspect.add_argument("--json", metavar="FILE")
    inspect.add_argument("--html", metavar="FILE", help="a page with pictures")
    inspect.add_argument(
        "--fix", metavar="DIR", help="write an LMDB of what can be trained on; sources stay as they are"
    )
    inspect.add_argument("--preview", metavar="SHEET.PNG", help="only draw some of the words")
    inspect.add_argument("--augment", metavar="NAME", help="... with what this augmentation makes of them: recaug, ...")
    inspect.set_defaults(run=_inspect_data)

    presets = commands.add_parser("presets", help="the table of presets; with a name, all that is known of that preset")
    presets.add_argument("name", nargs="?")
    presets.set_defaults(run=_presets)

    convert = commands.add_parser("convert", help="make a preset folder of a published checkpoint")
    convert.add_argument("checkpoint", help="PaddleOCR's, MindOCR's or OpenOCR's: a file, a .tar or a folder")
    convert.add_argument("folder", metavar="DIR", help="the preset goes here")
    convert.add_argument("--preset", metavar="NAME", help="the network it is of (default: by its config.yml)")
    convert.add_argument("--config", metavar="FILE", help="the publisher's configuration, instead of --preset")
    convert.add_argument("--charset", metavar="FILE", help="its characters, one a line, if they are others")
    convert.add_argument("--image", nargs="+", default=[], metavar="IMAGE_OR_FOLDER", help="read these with it")
    convert.set_defaults(run=_convert, json=False)

    publish = commands.add_parser("publish", help="upload a preset, with its model card, to the Hugging Face Hub")
    publish.add_argument("preset", help="a name or a folder")
    publish.add_argument("repository", metavar="hf://USER/REPO")
    publish.add_argument("--private", action="store_true", default=None, help="if the repository is to be made")
    publish.add_argument("--message", default="Upload a preset of keras_textrec", help="of the commit (%(default)s)")
    publish.set_defaults(run=_publish)

    card = commands.add_parser("card", help="the model card of a preset")
    which = card.add_mutually_exclusive_group(required=True)
    which.add_argument("preset", nargs="?", help="a name or a folder")
    which.add_argument("--all", metavar="DIR", help="the cards of all named presets, a file DIR/NAME.md each")
    card.add_argument("--output", metavar="FILE", help="write it here instead of printing it")
    card.set_defaults(run=_card)
    return parser


def _read(options: argparse.Namespace) -> int:
    from keras_textrec.models import TextRecognizer

    files = _image_files(options.images)
    return _print_readings(TextRecognizer.from_preset(options.preset), files, options)


def _print_readings(model, files: Iterable[str], options: argparse.Namespace) -> int:
    from keras_textrec.images import load_image

    names, pixels, failed = [], [], 0
    for name in files:
        try:
            image = load_image(name)
            model.converter.canvas_width(image.shape)  # ValueError for a line that is too long to be read
        except (OSError, ValueError) as error:
            failed += 1
            reason = error if name in str(error) else f"{name}: {error}"
            print(f"keras-textrec {options.command}: {reason}", file=sys.stderr)
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
        open_sources(options.train, options.ratios),
        open_sources(options.validation),
        options.output,
        initial=load_preset(options.preset) if options.pretrained else None,
        resume=options.resume,
        processes=options.processes,
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
    from keras_textrec.synthesis import WordRenderer, synthesize
    from keras_textrec.synthesis.config import parse_settings
    from keras_textrec.synthesis.preview import preview

    if not options.directory and not options.preview:
        raise ValueError("Nothing to do; give a folder for the LMDB, or --preview SHEET.PNG.")
    flags = ("seed", "charset", "difficulty", "fonts.folders", "text.words", "colour.photos.folder")
    given = {flag: getattr(options, flag) for flag in flags if getattr(options, flag) is not None}
    settings = {**given, **parse_settings(options.o)}
    if options.preview:
        rows = preview(WordRenderer(config=options.config, **settings), options.preview, options.beside)
        names = ("10th 50th 90th percentile", "rendered", "real", "apart (0..1)")
        _print_table(names[: len(rows[0])], rows)
    if options.directory:
        synthesize(
            options.directory,
            options.count,
            options.config,
            processes=options.processes,
            start=options.start,
            resume=options.resume,
            boxes=options.boxes,
            **settings,
        )
    return 0


def _create_lmdb(options: argparse.Namespace) -> int:
    from keras_textrec.data import create_lmdb, open_sources

    left_out = create_lmdb(
        options.output, open_sources(options.sources), resume=options.resume, decoded=options.decoded
    )
    return 1 if left_out else 0


def _inspect_data(options: argparse.Namespace) -> int:
    from keras_textrec.data.doctor.command import run

    try:
        return run(options)
    except (OSError, ValueError) as error:
        # Not 1, which says that there are findings.
        print(f"keras-textrec {options.command}: {error}", file=sys.stderr)
        return 2


def _presets(options: argparse.Namespace) -> int:
    import yaml

    from keras_textrec.presets import describe, preset_names

    if options.name:
        print(yaml.safe_dump(describe(options.name), sort_keys=False, allow_unicode=True), end="")
        return 0
    cells = []
    for name in preset_names():
        description = describe(name)
        languages = [description["language"]] if isinstance(description["language"], str) else description["language"]
        language = " ".join(languages[:4]) + (" …" if len(languages) > 4 else "")
        weights = "Hub" if "hub" in description else description.get("source", {}).get("publisher", "embedded")
        cells.append((name, description["model"]["class"], language, weights))
    _print_table(("preset", "model", "language", "weights"), cells)
    return 0


def _convert(options: argparse.Namespace) -> int:
    from keras_textrec.converters.convert import convert
    from keras_textrec.models import RepSVTRDetector

    files = _image_files(options.image)
    model = convert(
        options.checkpoint, options.folder, preset=options.preset, config=options.config, charset=options.charset
    )
    print(f"{options.folder} holds the preset: {type(model).__name__}, {model.count_params():,} parameters.")
    if isinstance(model, RepSVTRDetector):
        for name in files:
            print(f"{name}: {len(model.detect(name))} words found")
        return 0
    return _print_readings(model, files, options)


def _publish(options: argparse.Namespace) -> int:
    from keras_textrec.presets import publish_preset

    address = publish_preset(options.preset, options.repository, private=options.private, message=options.message)
    print(address)
    return 0


def _card(options: argparse.Namespace) -> int:
    from keras_textrec.presets import describe, preset_names
    from keras_textrec.presets.card import make_card

    names = preset_names() if options.all else [options.preset]
    for name in names:
        card = make_card(describe(name), name)
        output = pathlib.Path(options.all, f"{name}.md") if options.all else options.output
        if output:
            pathlib.Path(output).parent.mkdir(parents=True, exist_ok=True)
            pathlib.Path(output).write_text(card, encoding="utf-8")
        else:
            print(card, end="")
    return 0


def _print_table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    table = Table(*headings)
    for row in rows:
        table.add_row(*map(Text, row))  # as it stands: in a plain string, rich sees markup and emoji names
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
