"""`keras-textrec read`: images of words, or whole photographs, in, texts out."""

import argparse
import contextlib
import csv
import functools
import json
import os
import pathlib
import sys
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any

from keras_textrec.commands import known, output_file, photographs
from keras_textrec.system.numbers import at_least
from keras_textrec.system.terminal import one_line, progress_bar

DEFAULT_PRESET = "crnn_small_en"
MANY = 100  # images of words from which on progress is shown

HELP = "read images of words, or whole photographs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("images", nargs="+", metavar="IMAGE_OR_FOLDER")
    parser.add_argument(
        "--preset",
        default=DEFAULT_PRESET,
        help="a name, a folder, hf://USER/REPO, or an exported file (default: %(default)s)",
    )
    parser.add_argument(
        "--engine",
        choices=("keras", "onnx"),
        default="keras",
        help="onnx: by ONNX Runtime, which starts in a second; the preset is exported once, into the cache",
    )
    parser.add_argument("--recursive", action="store_true", help="read the folders in the folders, too")
    group = known.add_arguments(parser)
    group.add_argument(
        "--lexicon",
        metavar="FILE",
        help="the words that a text may be, one a line, UTF-8; or on every line a word, a tab and how often it occurs",
    )
    group.add_argument("--ignore-case", action="store_true", help="of the lexicon")
    group.add_argument("--ignore-punctuation", action="store_true", help="of the lexicon, spaces too")
    group.add_argument(
        "--min-confidence", type=float, help="less, and no word of the lexicon, or of a photograph, is read"
    )
    group.add_argument("--alternatives", type=at_least(1), metavar="N", help="name the N most probable texts")
    photographs.add_arguments(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="CSV: image, text, confidence, and what else was asked for")
    form.add_argument("--json", action="store_true", help="JSON, with the confidence and place of every character")
    form.add_argument("--jsonl", action="store_true", help="the same as JSON lines, each image's as soon as it is read")
    output_file.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    output_file.check_options(options)
    photographs.check_options(options)
    files = image_files(options.images, options.recursive)
    constraints = _constraints(options)
    form = next((name for name in ("csv", "json", "jsonl") if getattr(options, name)), "lines")
    pictures = photographs.picture_paths(options.draw, files) if options.draw else None
    if options.resume:
        done, all_files = output_file.names_in(options.output), len(files)
        files = [name for name in files if name not in done]
        print(f"{all_files - len(files):,} of {all_files:,} images are in {options.output} already.", file=sys.stderr)
        if not files:
            return 0
    model = photographs.spotter(options) if options.detector else _recognizer(options.preset, options.engine)
    with output_file.written_to(options.output):
        return print_readings(model, files, "read", form, constraints, 1 if options.detector else MANY, pictures)


def _constraints(options: argparse.Namespace) -> dict[str, Any]:
    """How to read and what is known of the texts, as `TextRecognizer.read` takes it."""
    ignored = {name: getattr(options, name) for name in ("ignore_case", "ignore_punctuation")}
    if any(ignored.values()) and options.lexicon is None:
        raise ValueError("--ignore-case and --ignore-punctuation go with --lexicon; a pattern begins with (?i).")
    constraints = known.of_options(options)
    asked = {
        "lexicon": known.lexicon(options, **ignored),
        "alternatives": options.alternatives,
        "min_confidence": options.min_confidence,
    }
    return constraints | {name: value for name, value in asked.items() if value is not None}


def _recognizer(preset: str, engine: str) -> Any:
    is_file = os.path.isfile(preset)
    if not is_file and engine == "keras":
        from keras_textrec.models import TextRecognizer

        return TextRecognizer.from_preset(preset)
    from keras_textrec.export.cached import cached_export
    from keras_textrec.reading.exported import load_exported

    exported = load_exported(preset if is_file else cached_export(preset))
    if not hasattr(exported, "read"):
        raise ValueError(f"{preset} is a detector; give it as --detector, and a recogniser as --preset.")
    return exported


def print_readings(
    model: Any,
    files: Sequence[str],
    command: str,
    form: str = "lines",
    constraints: Mapping[str, Any] | None = None,
    many: int = MANY,
    pictures: Mapping[str, pathlib.Path] | None = None,
) -> int:
    """Reads the files and prints what they say, each as soon as it and those before it are read; the exit status.

    Args:
        model: a recogniser, or a `TextSpotter` for photographs.
        form: "lines" (in columns on a terminal, with tabs between them elsewhere), "csv", "json" or "jsonl".
        constraints: what is known of the texts, as `TextRecognizer.read` takes it.
        many: files from which on progress is shown.
        pictures: where each photograph is drawn with what was read in it.
    """
    from keras_textrec.images import load_image
    from keras_textrec.reading import in_order
    from keras_textrec.reading.pages import page_below
    from keras_textrec.text import Reading

    pages: dict[int, float] = {}

    def images() -> Iterator[Any]:
        for position, name in enumerate(files):
            try:
                image = load_image(name)
            except (OSError, ValueError) as error:
                yield error
            else:
                pages[position] = page_below(image)
                yield image

    def tell(message: object) -> None:
        print(f"keras-textrec {command}: {message}", file=sys.stderr)

    constraints = constraints or {}
    oriented = "orientations" in constraints
    write = {
        "lines": functools.partial(_write_lines, oriented=oriented),
        "csv": functools.partial(_write_csv, oriented=oriented, alternatives=constraints.get("alternatives", 0)),
        "json": _write_json,
        "jsonl": _write_json_lines,
    }[form](files)
    next(write)
    failed = 0
    show = len(files) > many and not sys.stdout.isatty()
    with contextlib.closing(write), progress_bar(show=show) as progress:
        task = progress.add_task("read", total=len(files))
        for position, outcome in in_order(model.read_stream(images(), **constraints)):
            progress.advance(task)
            name, page = files[position], pages.pop(position, 0.0)
            if isinstance(outcome, Exception):
                failed += 1
                tell(outcome if name in str(outcome) else f"{name}: {outcome}")
                continue
            write.send((name, outcome))
            if isinstance(outcome, Reading):
                if constraints.keys() <= {"orientations"} and outcome.confidence < page:
                    tell(f"{name} looks like a page or a photograph, not one word or line: read it with --detector.")
                continue
            if not outcome:
                tell(f"{name}: no words were found.")
            if pictures:
                pictures[name].parent.mkdir(parents=True, exist_ok=True)
                outcome.draw(pictures[name])
    if failed > 1:
        tell(f"{failed:,} of {len(files):,} images could not be read.")
    return 1 if failed else 0


def _rows(outcome: Any) -> list[tuple[str, float, str, Sequence[Any]]]:
    """Text, confidence, orientations and alternatives: of a word or line; of every line of a photograph."""
    if hasattr(outcome, "lines"):
        return [
            (line.text, line.confidence, _orientations(word.reading for word in line.words), ())
            for line in outcome.lines
        ]
    return [(outcome.text or "", outcome.confidence, _orientations([outcome]), outcome.alternatives)]


def _orientations(readings: Iterable[Any]) -> str:
    """In which orientation each was read; "" where none was asked for."""
    return " ".join(str(reading.orientation) for reading in readings if reading.orientation is not None)


def _write_lines(files: Sequence[str], oriented: bool = False) -> Generator[None, tuple[str, Any], None]:
    terminal = sys.stdout.isatty()
    width = max((len(one_line(name)) for name in files), default=0) if terminal else 0
    while True:
        name, outcome = yield
        for text, confidence, orientation, alternatives in _rows(outcome):
            cells = [one_line(name).ljust(width), f"{confidence:.3f}", one_line(text)]
            cells += [orientation] if oriented and orientation else []
            cells += [f"{one_line(other.text)} {other.probability:.3g}" for other in alternatives]
            print(*cells, sep="  " if terminal else "\t", flush=True)


def _write_csv(
    files: Sequence[str], oriented: bool = False, alternatives: int = 0
) -> Generator[None, tuple[str, Any], None]:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    columns = ["image", "text", "confidence", *(["orientation"] if oriented else [])]
    columns += [f"{column}_{number + 1}" for number in range(alternatives) for column in ("text", "probability")]
    writer.writerow(columns)
    while True:
        name, outcome = yield
        for text, confidence, orientation, others in _rows(outcome):
            cells = [name, text, f"{confidence:.3f}", *([orientation] if oriented else [])]
            cells += [cell for other in others for cell in (other.text, f"{other.probability:.3g}")]
            writer.writerow([*cells, *[""] * (len(columns) - len(cells))])  # there may be fewer alternatives
        sys.stdout.flush()


def _write_json(files: Sequence[str]) -> Generator[None, tuple[str, Any], None]:
    """An array, one element after the other."""
    before = "[\n"
    try:
        while True:
            print(before + _json(*(yield), indent=2), end="", flush=True)
            before = ",\n"
    finally:
        print("[]" if before == "[\n" else "\n]")


def _write_json_lines(files: Sequence[str]) -> Generator[None, tuple[str, Any], None]:
    while True:
        print(_json(*(yield)), flush=True)


def _json(name: str, reading: Any, indent: int | None = None) -> str:
    escape = (sys.stdout.encoding or "utf-8").lower().replace("-", "") != "utf8"
    return json.dumps({"image": name, **reading.to_dict()}, indent=indent, ensure_ascii=escape)


def image_files(arguments: Iterable[str], recursive: bool = False) -> list[str]:
    """The files that were named, and the image files in the folders that were; what is passed over is told.

    Raises:
        ValueError: a folder holds no image.
    """
    from keras_textrec.data.folders import walk
    from keras_textrec.images import image_suffixes

    suffixes = image_suffixes()
    files: list[str] = []
    for argument in map(pathlib.Path, arguments):
        if not argument.is_dir():
            files.append(str(argument))
            continue
        found, others, folders = [], Counter(), []
        for folder, names, inside in walk(argument):
            inside[:] = [name for name in inside if not name.startswith(".")]
            for path in (pathlib.Path(folder, name) for name in names if not name.startswith(".")):
                if path.suffix.lower() in suffixes:
                    found.append(str(path))
                else:
                    others[path.suffix.lower() or path.name] += 1
            if not recursive:
                folders = sorted(inside)
                break
        told = _passed_over(others, folders)
        if not found:
            lmdb = " `keras-textrec evaluate` reads an LMDB." if ".mdb" in others else ""
            raise ValueError(f"There is no image in the folder {argument}{f': {told}' if told else ''}.{lmdb}")
        if told:
            print(f"{argument}: {told}.", file=sys.stderr)
        files += sorted(found)
    return files


def _passed_over(others: Counter, folders: list[str]) -> str:
    parts = []
    if others:
        kinds = ", ".join(f"{kind} ({count})" for kind, count in others.most_common(8))
        parts.append(f"{others.total()} file{'s' if others.total() > 1 else ''} passed over: {kinds}")
    if folders:
        names = ", ".join(folders[:4]) + (", ..." if len(folders) > 4 else "")
        parts.append(f"{len(folders)} folder{'s' if len(folders) > 1 else ''} passed over: {names} (see --recursive)")
    return "; ".join(parts)
