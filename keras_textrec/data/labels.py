"""Label files: which image holds which text."""

import codecs
import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SUFFIXES = (".csv", ".json", ".jsonl", ".tsv", ".txt")
# What a header, or an object of a JSON file, calls them.
FILE_NAMES = ("file", "filename", "file_name", "image", "image_path", "img_path", "name", "path")
TEXT_NAMES = ("text", "label", "labels", "transcription", "word", "words")

# ICDAR's lines: word_1.png, "Tiredness", with a backslash before quotes inside.
_ICDAR_LINE = re.compile(r'(.+?),\s*"(.*)"\s*')

# A row's cells, or the object that a line of JSON holds.
Row = list[str] | dict[str, Any]


def read_labels(path: Path) -> Iterator[tuple[str, str]]:
    """The image's name and the text of every record of a label file, in order; blank lines are passed over.

    - `.csv`: name and text, in quotes where needed; with or without a header such as `file_name,text`.
    - `.tsv`, or a `.txt` with tabs: name, tab, text; with or without a header. PaddleOCR's lists of names, `["a.jpg",
      "b.jpg"]`, are as many records of one text.
    - `.txt`: ICDAR's `name, "text"`, or `name text`.
    - `.jsonl`, or a `.txt` of such lines: an object with name and text, as MMOCR 0.x and Hugging Face write them.
    - `.json`: MMOCR 1.x's `data_list`, a list of objects with name and text, or one object of texts by name.

    UTF-8, or UTF-16 with its byte-order mark; any line ends.

    Raises (at the latest behind the last record, when all is known):
        FileNotFoundError: there is no such file.
        ValueError: lines that are not UTF-8, hold no name and text, or more than these; the first in words, how many.
    """
    bad: dict[int, str] = {}
    reader = _read_json if path.suffix.lower() == ".json" else _read_lines
    columns = None
    for number, row in reader(path, bad):
        try:
            if isinstance(row, dict):
                yield _of_object(row)
                continue
            if columns is None:
                header = _header_columns(row)
                columns, width = (header, len(row)) if header else ((0, 1), 2)
                if header:
                    continue
            yield from _of_cells(row, columns, width)
        except ValueError as error:
            bad.setdefault(number, str(error))
    if bad:
        number, first = min(bad.items())
        place = "Record" if path.suffix.lower() == ".json" else "Line"
        others = f" {len(bad) - 1:,} more cannot be read." if len(bad) > 1 else ""
        raise ValueError(f"{place} {number} of {path} {first}.{others}")


def _read_json(path: Path, bad: dict[int, str]) -> Iterator[tuple[int, Row]]:
    """The objects of a file that is JSON as a whole, numbered from 1."""
    try:
        content = json.loads("\n".join(line for _, line in _lines(path, bad)))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}.") from error
    if isinstance(content, dict):
        named = [{"name": name, "text": text} for name, text in content.items()]
        content = content.get("data_list", named)
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise ValueError(f"{path} is not a list of objects that name an image and its text.")
    yield from enumerate(content, 1)


def _read_lines(path: Path, bad: dict[int, str]) -> Iterator[tuple[int, Row]]:
    """The rows of a file of lines, with their line numbers."""
    if path.suffix.lower() == ".csv":
        reader = csv.reader((line + "\n" for _, line in _lines(path, bad)), skipinitialspace=True, strict=True)
        try:
            yield from ((reader.line_num, row) for row in reader if row)
        except csv.Error as error:
            bad.setdefault(reader.line_num, f"cannot be read on from: {error}; a quote is not closed, or not doubled")
        return
    for number, line in _lines(path, bad):
        if not line.strip():
            continue
        if path.suffix.lower() == ".jsonl" or line.startswith('{"'):
            try:
                entry = json.loads(line)
            except ValueError as error:
                bad.setdefault(number, f"is not JSON: {error}")
                continue
            yield number, entry if isinstance(entry, dict) else []
        else:
            yield number, line.split("\t") if "\t" in line or path.suffix.lower() == ".tsv" else _split_line(line)


def _lines(path: Path, bad: dict[int, str]) -> Iterator[tuple[int, str]]:
    """The lines, without their ends, numbered from 1. One that is not UTF-8 is noted and comes garbled."""
    if not path.is_file():
        raise FileNotFoundError(f"There is no label file {path}.")
    with path.open("rb") as file:
        start = file.read(3)
        file.seek(3 if start == codecs.BOM_UTF8 else 0)
        # Not splitlines(): a text may hold other characters that Unicode calls line ends.
        lines = file
        if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            lines = (line.encode() for line in file.read().decode("utf-16", "replace").split("\n"))
        for number, line in enumerate(lines, 1):
            line = line.removesuffix(b"\n").removesuffix(b"\r")
            try:
                text = line.decode()
            except UnicodeDecodeError:
                text = line.decode("cp1252", "replace")
                bad[number] = f"is not UTF-8 (as Windows-1252 it reads {text!r}); save the whole file as UTF-8"
            yield number, text


def _split_line(line: str) -> list[str]:
    icdar = _ICDAR_LINE.fullmatch(line)
    if icdar:
        return [icdar[1], re.sub(r'\\(["\\])', r"\1", icdar[2])]
    return line.strip().split(maxsplit=1)


def _header_columns(row: list[str]) -> tuple[int, int] | None:
    """The columns of the name and the text if the row is a header."""
    words = [cell.strip().lower() for cell in row]
    files = [column for column, word in enumerate(words) if word in FILE_NAMES]
    texts = [column for column, word in enumerate(words) if word in TEXT_NAMES]
    return (files[0], texts[0]) if files and texts else None


def _of_cells(row: list[str], columns: tuple[int, int], width: int) -> Iterator[tuple[str, str]]:
    if len(row) != width:
        what = "a file name and a text" if width == 2 else f"{width} cells"
        hint = "; a text that holds a tab or a comma belongs into a .jsonl, or in quotes into a .csv"
        raise ValueError(f"is not {what}: {row!r}{hint if len(row) > width else ''}")
    name, text = (row[column] for column in columns)
    if text.startswith("[{") and '"transcription"' in text:
        raise ValueError("labels boxes on a page, for a detector; crop the words first")
    if not name.startswith("["):
        yield name, text
        return
    try:
        names = json.loads(name)
    except ValueError:
        names = [name]  # a file may be called so
    yield from ((str(each), text) for each in names)


def _of_object(entry: dict[str, Any]) -> tuple[str, str]:
    names = [entry[key] for key in FILE_NAMES if key in entry]
    if "instances" in entry:  # MMOCR 1.x
        instances = entry["instances"]
        texts = [instance.get("text") for instance in instances]
        if len(texts) != 1:
            raise ValueError(f"has {len(texts)} texts, as for a detector; a word's image has one")
    else:
        texts = [entry[key] for key in TEXT_NAMES if key in entry]
    if not names or not texts or not isinstance(names[0], str) or not isinstance(texts[0], str):
        raise ValueError(f"names no image and text, as `file_name` and `text` do: {entry!r}")
    return names[0], texts[0]
