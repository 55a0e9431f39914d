"""`keras-textrec read --output FILE [--resume]`: readings in a file, which goes on where a killed run ended."""

import argparse
import contextlib
import json
import pathlib
from collections.abc import Iterator

from keras_textrec.system.paths import check_file

_BEGINNING = b'{"image": '  # of a line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", metavar="FILE", type=pathlib.Path, help="write there (UTF-8) as it is read")
    parser.add_argument("--resume", action="store_true", help="with --jsonl: pass over the images that FILE has")


def check_options(options: argparse.Namespace) -> None:
    if options.resume and not (options.output and options.jsonl):
        raise ValueError("--resume goes with --jsonl and --output FILE, the file to go on with.")
    if options.output is None:
        return
    check_file(options.output)
    if options.output.exists() and not options.resume:
        goes_on = "--resume goes on with it" if options.jsonl else "name another file"
        raise ValueError(f"There is a file {options.output} already; {goes_on}.")


def names_in(path: pathlib.Path) -> set[str]:
    """The images that a file of JSON lines has; half a line at its end, of a killed run, is cut off.

    Raises:
        ValueError: another line is no reading.
    """
    names: set[str] = set()
    if not path.exists():
        return names
    end = 0
    with path.open("rb+") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n") and _BEGINNING.startswith(line[: len(_BEGINNING)]):
                file.truncate(end)
                break
            end += len(line)
            try:
                names.add(json.loads(line)["image"])
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"Line {number} of {path} is no reading as --jsonl writes them: {error}.") from error
    return names


@contextlib.contextmanager
def written_to(path: pathlib.Path | None) -> Iterator[None]:
    """What is printed meanwhile goes to the end of a file; None: to standard output, as always."""
    if path is None:
        yield
        return
    with path.open("a", encoding="utf-8", errors="backslashreplace") as file, contextlib.redirect_stdout(file):
        yield
