"""A folder of image files and a label file."""

import csv
import os
import re
from pathlib import Path

from keras_textrec.data.sources import check_index

SUFFIXES = (".tsv", ".csv", ".txt")
# The label file among several text files.
USUAL_NAMES = ("gt", "label", "labels", "metadata")
# What a header calls the columns.
FILE_HEADERS = ("file", "filename", "file_name", "image", "image_path", "name", "path")
TEXT_HEADERS = ("text", "label", "labels", "transcription", "word", "words")

# ICDAR's lines: word_1.png, "Tiredness", with a backslash before quotes inside.
_ICDAR_LINE = re.compile(r'(.+?),\s*"(.*)"\s*')


def folder(path: str | os.PathLike, labels: str | os.PathLike | None = None) -> "FolderSource":
    """Opens a folder of images with its label file.

    The label file is UTF-8, one image a line, names relative to `path`:

    - `.csv`: name and text, quoted where needed; with or without a header such as `file_name,text`.
    - `.tsv`, or a `.txt` with tabs: name, tab, text; with or without a header.
    - `.txt`: ICDAR's `name, "text"`, or `name text`.

    Args:
        path: the folder.
        labels: the label file; None finds it in the folder.

    Raises:
        FileNotFoundError: no such folder or label file, or the first image is missing.
        ValueError: several files could be the labels, or a line cannot be read.
    """
    path = Path(path)
    if not path.is_dir():
        raise FileNotFoundError(f"There is no folder {path}.")
    return FolderSource(path, Path(labels) if labels else _find_labels(path))


class FolderSource:
    """The images of a folder, by position in its label file. Made by `folder`.

    Args:
        path: the folder that image names are relative to.
        labels: the label file.
    """

    def __init__(self, path: Path, labels: Path):
        self.path = str(path)
        records = _read_labels(labels)
        if not records:
            raise ValueError(f"{labels} names no image.")
        self.names = [name for name, _ in records]
        self.texts = [text for _, text in records]
        if not os.path.isfile(self.key(0)):
            raise FileNotFoundError(f"There is no image {self.key(0)}, the first that {labels} names.")

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> tuple[bytes, str]:
        """The image file's bytes and the text of record `index`; FileNotFoundError when the image is missing."""
        index = check_index(index, len(self))
        return Path(self.key(index)).read_bytes(), self.texts[index]

    def key(self, index: int) -> str:
        return os.path.join(self.path, self.names[check_index(index, len(self))])


def _find_labels(path: Path) -> Path:
    found = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())
    if not found:
        raise FileNotFoundError(f"There is no label file ({', '.join(SUFFIXES)}) in {path}; name it with labels=…")
    usual = [file for file in found if file.stem.lower() in USUAL_NAMES]
    candidates = usual or found
    if len(candidates) > 1:
        names = ", ".join(file.name for file in candidates)
        raise ValueError(f"{path} has several files that could hold the labels ({names}); name one with labels=…")
    return candidates[0]


def _read_labels(labels: Path) -> list[tuple[str, str]]:
    """(name, text) of every line that is not blank."""
    try:
        content = labels.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise FileNotFoundError(f"There is no label file {labels}.") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{labels} is not UTF-8; save it as UTF-8.") from error
    # Not splitlines(): a text may hold other characters that Unicode calls line ends.
    lines = content.replace("\r\n", "\n").split("\n")
    if labels.suffix.lower() == ".csv":
        reader = csv.reader(lines, skipinitialspace=True)
        rows = [(reader.line_num, row) for row in reader if row]
    elif labels.suffix.lower() == ".tsv":
        rows = [(number, line.split("\t")) for number, line in enumerate(lines, 1) if line.strip()]
    else:
        rows = [(number, _split_line(line)) for number, line in enumerate(lines, 1) if line.strip()]
    columns = _header_columns(rows[0][1]) if rows else None
    name_column, text_column = columns or (0, 1)
    cells = len(rows[0][1]) if columns else 2
    records = []
    for number, row in rows[1:] if columns else rows:
        if len(row) != cells:
            raise ValueError(f"Line {number} of {labels} is not a file name and a text: {row!r}.")
        records.append((row[name_column], row[text_column]))
    return records


def _split_line(line: str) -> list[str]:
    if "\t" in line:
        return line.split("\t")
    icdar = _ICDAR_LINE.fullmatch(line)
    if icdar:
        return [icdar[1], re.sub(r'\\(["\\])', r"\1", icdar[2])]
    return line.strip().split(maxsplit=1)


def _header_columns(row: list[str]) -> tuple[int, int] | None:
    """The columns of the name and the text if the row is a header."""
    words = [cell.strip().lower() for cell in row]
    files = [column for column, word in enumerate(words) if word in FILE_HEADERS]
    texts = [column for column, word in enumerate(words) if word in TEXT_HEADERS]
    return (files[0], texts[0]) if files and texts else None
