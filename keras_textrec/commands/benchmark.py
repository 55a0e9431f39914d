"""`keras-textrec benchmark`: how fast a preset and its exported files are here."""

import argparse
import dataclasses
import json
import pathlib

from keras_textrec.system.paths import check_file
from keras_textrec.system.terminal import print_table

HELP = "time a preset and its exported files on this machine, in one run"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("preset", help="a name, a folder or hf://USER/REPO")
    parser.add_argument("files", nargs="*", metavar="FILE", help="what `keras-textrec export` made of it")
    parser.add_argument("--json", metavar="FILE", help="write the table here too")


def run(options: argparse.Namespace) -> int:
    from keras_textrec.export.timing import BATCH, compare_speed
    from keras_textrec.models import TextRecognizer
    from keras_textrec.reading.exported import load_exported

    if options.json:
        check_file(options.json)
    files = [(pathlib.Path(file).name, load_exported(file)) for file in options.files]
    timings = compare_speed(TextRecognizer.from_preset(options.preset), files)
    # The two columns "times" say how many times as fast as the first row.
    rows = [
        (
            timing.what,
            timing.input,
            f"{timing.milliseconds:.1f}",
            f"{timing.images_per_second:,.0f}",
            f"{timings[0].milliseconds / timing.milliseconds:.1f}",
            f"{timing.images_per_second / timings[0].images_per_second:.1f}",
            f"{timing.same_texts} of {timing.words}",
        )
        for timing in timings
    ]
    print_table(("what", "input", "ms, one", f"1/s, {BATCH}", "times", "times", "same texts"), rows)
    if options.json:
        results = {"preset": options.preset, "rows": [dataclasses.asdict(timing) for timing in timings]}
        pathlib.Path(options.json).write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0
