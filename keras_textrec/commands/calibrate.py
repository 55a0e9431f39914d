"""`keras-textrec calibrate`: makes a preset's confidence the probability that the text is right."""

import argparse
import os

from keras_textrec.system.numbers import at_least
from keras_textrec.system.paths import check_folder
from keras_textrec.system.terminal import print_table

HELP = "make a preset's confidence the probability that the text is right"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("preset", help="a folder; or a name or hf://USER/REPO, with --output")
    parser.add_argument(
        "sources", nargs="+", metavar="SOURCE", help="labelled words like those to be read, not trained on"
    )
    parser.add_argument("--output", metavar="DIR", help="write the calibrated preset here (default: into its folder)")
    parser.add_argument("--batch-size", type=at_least(1), default=64)


def run(options: argparse.Namespace) -> int:
    from keras_textrec.data import find_sources, open_source
    from keras_textrec.models import TextRecognizer
    from keras_textrec.presets.folder import check_replaceable
    from keras_textrec.reports import calibrate
    from keras_textrec.zoo import describe
    from keras_textrec.zoo.load import preset_folder

    if "tokenizer" not in describe(options.preset)["model"]:
        raise ValueError(f"{options.preset} is a detector; only what a recogniser is sure of can be calibrated.")
    output = options.output or preset_folder(options.preset)
    if output is None:
        raise ValueError(f"{options.preset} is no folder to be changed in place; give --output DIR.")
    check_replaceable(output)
    check_folder(output)
    folders = [source for source in options.sources if not os.path.isfile(source)]
    sources = {**find_sources(folders), **{file: open_source(file) for file in options.sources if file not in folders}}
    model = TextRecognizer.from_preset(options.preset)
    report = calibrate(model, sources, options.batch_size)
    model.save_to_preset(output)
    _print(report)
    print(f"Written: {output}")
    return 0


def _print(report: dict) -> None:
    fitted = report["calibration"]["fitted"]
    print(f"Fitted on {fitted:,} words; judged on others, in percent (ECE: the expected calibration error):")
    rows = [*report["sets"], {"name": "all words", **report["all"]}]
    shares = ("accuracy", "confidence_before", "confidence", "error_before", "error")
    print_table(
        ("set", "words", "right", "confidence before", "after", "ECE before", "after"),
        ([row["name"], str(row["samples"]), *(f"{100 * row[share]:.1f}" for share in shares)] for row in rows),
    )
    for row in report["trusted"]:
        goal = f"At {row['precision']:.0%} precision"
        if row["confidence"] is None:
            print(f"{goal}: no confidence is high enough.")
        else:
            reached = "" if row["reached"] is None else f", {row['reached']:.1%} of them right"
            print(f"{goal}, keep confidence >= {row['confidence']:.4f}: {row['coverage']:.1%} of the words{reached}.")
