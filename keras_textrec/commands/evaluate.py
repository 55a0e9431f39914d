"""`keras-textrec evaluate`: measures a preset on labelled images."""

import argparse
import json
from pathlib import Path

from keras_textrec.commands import known
from keras_textrec.system.numbers import at_least
from keras_textrec.system.paths import check_file
from keras_textrec.system.terminal import print_table
from keras_textrec.system.whole_files import whole_file

HELP = "measure a preset on every dataset below the folders"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("preset", help="a name, a folder or hf://USER/REPO")
    parser.add_argument("folders", nargs="+", metavar="FOLDER", help="for a detector, a label file or YAML, too")
    parser.add_argument("--against", metavar="PRESET", help="another one, to be compared in the same sets")
    parser.add_argument("--batch-size", type=at_least(1), default=64)
    parser.add_argument(
        "--lexicon",
        nargs="?",
        const=True,
        default=False,
        metavar="FILE",
        help="read within a list of words, too, case and punctuation ignored: FILE has one a line (with --unlisted, "
        "perhaps a tab and how often it occurs, and punctuation counts); without it, lexicons.txt beside each set has, "
        "on line n, those of record n with tabs between them",
    )
    known.add_arguments(parser)
    parser.add_argument("--html", metavar="FILE", help="a report to look at: errors, confusions, the worst words")
    parser.add_argument("--json", metavar="FILE", help="the report's numbers")
    parser.add_argument("--csv", metavar="FILE", help="a row for each word: label, reading, confidence")


def run(options: argparse.Namespace) -> int:
    from keras_textrec.data import find_sources
    from keras_textrec.models import RepSVTRDetector, TextRecognizer
    from keras_textrec.presets.description import model_class
    from keras_textrec.reports import evaluate
    from keras_textrec.zoo import describe

    for output in filter(None, (options.html, options.json, options.csv)):
        check_file(output)
    presets = list(filter(None, (options.preset, options.against)))
    if options.against == options.preset:
        raise ValueError(f"--against names {options.against} itself; give another preset.")
    kinds = [model_class(describe(preset)) for preset in presets]
    if issubclass(kinds[0], RepSVTRDetector):
        return _evaluate_detector(options)
    # Of an open lexicon punctuation counts: a mark that is ignored may hide a letter.
    lexicon = known.lexicon(options, ignore_case=True, ignore_punctuation=options.unlisted is None) or options.lexicon
    sources = find_sources(options.folders)  # before the weights are had, which may take a while
    models = {preset: TextRecognizer.from_preset(preset) for preset in presets}
    evaluation = evaluate(models, sources, options.batch_size, lexicon, **known.of_options(options))
    content = evaluation.results
    if options.against:
        print(f"{options.preset}:")
    _print_results(content)
    if options.against:
        print(f"{options.against}:")
        _print_results(content["against"])
        columns = ("name", "samples", "only_first", "only_second", "difference", "p")
        headings = ("set", "samples", f"only {presets[0]}", f"only {presets[1]}", "difference %", "p")
        print_table(headings, ([_shown(column, row[column]) for column in columns] for row in content["comparison"]))
    if options.html:
        evaluation.write_html(options.html)
    if options.json:
        evaluation.write_json(options.json)
    if options.csv:
        evaluation.write_csv(options.csv)
    return 0


def _evaluate_detector(options: argparse.Namespace) -> int:
    from keras_textrec.data import open_region_source
    from keras_textrec.models import RepSVTRDetector
    from keras_textrec.reading.finding import evaluate_regions

    for name in ("against", "lexicon", "language", "unlisted", "allow", "pattern", "orientations", "html", "csv"):
        if getattr(options, name):
            raise ValueError(f"--{name} is for recognisers; {options.preset} is a detector.")
    sources = {path: open_region_source(path) for path in options.folders}
    model = RepSVTRDetector.from_preset(options.preset)
    rows = [{"name": path, **evaluate_regions(model, source)} for path, source in sources.items()]
    columns = ("name", "samples", "words", "precision", "recall", "hmean", "images_per_second")
    headings = ("set", "photographs", "words", "precision %", "recall %", "hmean %", "images/s")
    print_table(headings, ([_shown(column, row[column]) for column in columns] for row in rows))
    if options.json:
        with whole_file(Path(options.json)) as file:
            file.write(json.dumps({"sets": rows}, indent=2, ensure_ascii=False).encode())
    return 0


def _print_results(content) -> None:
    means = {"mean": "mean", "weighted_mean": "all words"}
    rows = [*content["sets"], *({"name": name, **content[key]} for key, name in means.items())]
    columns = ("name", "samples", "protocol", "accuracy", "exact", "ned", "images_per_second")
    cells = ([_shown(column, row.get(column, "")) for column in columns] for row in rows)
    headings = ("set", "samples", "judged by", "accuracy %", "exact %", "1-NED %", "images/s")
    print_table(headings, cells)


def _shown(column: str, value: float | str) -> str:
    """Shares as percentages, other values as they are."""
    if column in ("accuracy", "exact", "ned", "difference", "precision", "recall", "hmean") and value != "":
        return f"{100 * value:.2f}"
    return f"{value:.2g}" if column == "p" else str(value)
