"""Label files: which image holds which text."""

import codecs
import csv
import io
import itertools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from keras_textrec.data.columns import FILE_NAMES, TEXT_NAMES, Columns, Names, shortened

SUFFIXES = (".csv", ".json", ".jsonl", ".tsv", ".txt")
# ICDAR's lines: word_1.png, "Tiredness", with a backslash before quotes inside.
_ICDAR_LINE = re.compile(r'(.+?),\s*"(.*)"\s*')
# And those of its detectors: 377,117,463,117,465,130,378,130,Genaxis Theatre
_POLYGON_LINE = re.compile(r"\s*(?:-?\d+(?:\.\d+)?\s*,\s*){8}")

# pandas' lines of cells with tabs between them: a cell that holds a quote is quoted, and its quotes are doubled.
_QUOTED = r'"(?:[^"]|"")*"'
_QUOTED_LINE = re.compile(rf'(?:{_QUOTED}|[^"\t]*)(?:\t(?:{_QUOTED}|[^"\t]*))*')

# A row's cells, or the object that a line of JSON holds.
Row = list[str] | dict[str, Any]

_SAMPLE = 20  # lines that are looked at, to tell how a file is laid out


def read_labels(path: Path, exists: Names = lambda name: False) -> Iterator[tuple[str, str]]:
    """The image's name and the text of every record of a label file, in order; blank lines are passed over.

    - `.csv`: name and text, in quotes where needed; with or without a header such as `file_name,text`.
    - `.tsv`, or a `.txt` with tabs: name, tab, text; with or without a header, in quotes as pandas writes them or not.
      PaddleOCR's lists of names, `["a.jpg", "b.jpg"]`, are as many records of one text.
    - `.txt`: ICDAR's `name, "text"`, or `name text`.
    - any of these with `;` or `,` between the cells, and with other columns: that of the images is the one that holds
      names of files that are there (`exists`), and that of the texts the one left beside it, numbers of rows aside.
    - `.jsonl`, or a `.txt` of such lines: an object with name and text, as MMOCR 0.x and Hugging Face write them.
    - `.json`: MMOCR 1.x's `data_list`, a list of objects with name and text, or one object of texts by name.

    UTF-8, or UTF-16 with its byte-order mark; any line ends.

    Raises (at the latest behind the last record, when all is known):
        FileNotFoundError: there is no such file.
        ValueError: which column is what cannot be told, or lines are not UTF-8, hold no name and text, or more than
            these; the first in words, how many.
    """
    bad: dict[int, str] = {}
    is_json = path.suffix.lower() == ".json"
    rows = _read_json(path, bad) if is_json else _read_lines(path, bad, _splitter(path, exists))
    first = list(itertools.islice(rows, _SAMPLE))
    columns = Columns.of([row for _, row in first if isinstance(row, list)], exists, path)
    header = columns.header
    for number, row in itertools.chain(first, rows):
        try:
            if isinstance(row, dict):
                yield _of_object(row)
            elif header:
                header = False
            else:
                yield from _of_cells(row, columns)
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
        content = _parsed("\n".join(line for _, line in _lines(path, bad)))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}.") from error
    if isinstance(content, dict):
        named = [{"name": name, "text": text} for name, text in content.items()]
        content = content.get("data_list", named)
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise ValueError(f"{path} is not a list of objects that name an image and its text.")
    yield from enumerate(content, 1)


def _parsed(text: str) -> Any:
    """What JSON says; numbers as they are written, for a text may be one."""
    return json.loads(text, parse_int=str, parse_float=str)


# What cuts a line into cells, or the delimiter of a csv.reader, which cuts across lines too.
_Split = Callable[[str], list[str]] | str


def _splitter(path: Path, exists: Names) -> _Split:
    """How a file's lines are cut into cells: as its suffix says, or otherwise if only then they name an image."""
    sample = [line for _, line in itertools.islice(_lines(path, {}), _SAMPLE) if line.strip()]
    tabs = "\t" if _quotes_cells(path) else _split_tabs
    usual: dict[str, list[_Split]] = {".csv": [",", ";", tabs], ".tsv": [tabs, ";", ","]}
    splits = usual.get(path.suffix.lower(), [tabs if tabs == "\t" else _split_line, ";", ","])
    for split in splits:
        try:
            if isinstance(split, str):
                rows = [row for line in sample for row in csv.reader([line], delimiter=split, skipinitialspace=True)]
            else:
                rows = [split(line) for line in sample]
        except csv.Error:  # told where the file is read
            continue
        if any(len(row) > 1 and any(map(exists, row)) for row in rows):
            return split
    return splits[0]


def _quotes_cells(path: Path) -> bool:
    """Whether the cells between tabs are quoted as pandas does it: every quote in the file says so, and one surely."""
    sure = False
    if path.suffix.lower() in (".tsv", ".txt") and _has_quotes(path):
        for _, line in _lines(path, {}):
            if '"' in line:
                if "\t" not in line or not _QUOTED_LINE.fullmatch(line):
                    return False
                sure |= line.startswith('"')
                sure |= any('""' in cell[1:-1] or "\t" in cell for cell in re.findall(_QUOTED, line))
    return sure


def _has_quotes(path: Path) -> bool:
    """The same as a look at every line, for a file of millions in a moment."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return any(b'"' in block for block in iter(lambda: file.read(1 << 20), b""))


def _read_lines(path: Path, bad: dict[int, str], split: _Split) -> Iterator[tuple[int, Row]]:
    """The rows of a file of lines, with their line numbers."""
    if isinstance(split, str):
        lines = (line + "\n" for _, line in _lines(path, bad))
        reader = csv.reader(lines, delimiter=split, skipinitialspace=split != "\t", strict=True)
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
                entry = _parsed(line)
            except ValueError as error:
                bad.setdefault(number, f"is not JSON: {error}")
                continue
            yield number, entry if isinstance(entry, dict) else []
        else:
            yield number, split(line)


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
            lines = io.BytesIO(file.read().decode("utf-16", "replace").encode())
        lines = _of_old_macs(lines)
        for number, line in enumerate(lines, 1):
            line = line.removesuffix(b"\n").removesuffix(b"\r")
            try:
                text = line.decode()
            except UnicodeDecodeError:
                text = line.decode("cp1252", "replace")
                bad[number] = f"is not UTF-8 (as Windows-1252 it reads {shortened(text)}); save the whole file as UTF-8"
            yield number, text


def _of_old_macs(lines: Iterator[bytes]) -> Iterator[bytes]:
    """The lines, cut at carriage returns where there are no other ends."""
    first = next(lines, b"")
    yield from first.splitlines() if first[-1:] != b"\n" else [first]
    yield from lines


def labels_pages(path: Path) -> bool:
    """Whether a label file is a detector's: boxes on a page, as PPOCRLabel's `Label.txt` has them."""
    return any(_is_page(line) for _, line in itertools.islice(_lines(path, {}), 1))


def labels_polygons(path: Path) -> bool:
    """Whether a label file is one photograph's, as ICDAR's `gt_NAME.txt` for detectors."""
    return path.is_file() and any(_POLYGON_LINE.match(line) for _, line in itertools.islice(_lines(path, {}), 1))


def _is_page(text: str) -> bool:
    return "[{" in text and '"transcription"' in text


def _split_tabs(line: str) -> list[str]:
    return line.split("\t")


def _split_line(line: str) -> list[str]:
    if "\t" in line:
        return _split_tabs(line)
    icdar = _ICDAR_LINE.fullmatch(line)
    if icdar:
        return [icdar[1], re.sub(r'\\(["\\])', r"\1", icdar[2])]
    return line.strip().split(maxsplit=1)


def _of_cells(row: list[str], columns: Columns) -> Iterator[tuple[str, str]]:
    if len(row) != columns.width:
        what = "a file name and a text" if columns.width == 2 else f"{columns.width} cells"
        hint = "; a text that holds a tab or a comma belongs into a .jsonl, or in quotes into a .csv"
        raise ValueError(f"is not {what}: {shortened(row)}{hint if len(row) > columns.width else ''}")
    name, text = row[columns.name], row[columns.text]
    if text.startswith("[{") and _is_page(text):
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
        instances = entry["instances"] or []
        if not isinstance(instances, list) or not all(isinstance(instance, dict) for instance in instances):
            raise ValueError(f"has instances that are no objects: {shortened(entry)}")
        texts = [instance.get("text") for instance in instances]
        if len(texts) != 1:
            raise ValueError(f"has {len(texts)} texts, as for a detector; a word's image has one")
    else:
        texts = [entry[key] for key in TEXT_NAMES if key in entry]
    if not names or not texts or not isinstance(names[0], str) or not isinstance(texts[0], str):
        raise ValueError(f"names no image and text, as `file_name` and `text` do: {shortened(entry)}")
    return names[0], texts[0]
