"""`keras-textrec evaluate`: measures a preset on labelled images."""

import argparse
import json
import pathlib

from keras_textrec.system.numbers import at_least
from keras_textrec.system.paths import check_file
from keras_textrec.system.terminal import print_table

HELP = "measure a preset on every dataset below the folders"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("preset", help="a name, a folder or hf://USER/REPO")
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    parser.add_argument("--batch-size", type=at_least(1), default=64)
    parser.add_argument(
        "--lexicon",
        nargs="?",
        const=True,
        default=False,
        metavar="FILE",
        help="read within a list of words, too: FILE has one a line; without it, lexicons.txt beside each set has, on "
        "line n, those of record n with tabs between them",
    )
    parser.add_argument("--json", metavar="FILE", help="write the table here too")


def run(options: argparse.Namespace) -> int:
    from keras_textrec.models import TextRecognizer

    if options.json:
        check_file(options.json)
    model = TextRecognizer.from_preset(options.preset)
    results = {
        "preset": options.preset,
        **model.evaluate_benchmarks(options.folders, options.batch_size, options.lexicon),
    }
    rows = [*results["sets"], {"name": "mean", **results["mean"]}]
    columns = ("name", "samples", "protocol", "accuracy", "exact", "ned", "images_per_second")
    cells = ([_shown(column, row.get(column, "")) for column in columns] for row in rows)
    print_table(("set", "samples", "judged by", "accuracy %", "exact %", "1-NED %", "images/s"), cells)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0


def _shown(column: str, value: float | str) -> str:
    """Shares as percentages, other values as they are."""
    return f"{100 * value:.2f}" if column in ("accuracy", "exact", "ned") else str(value)
