"""Which column of a table of labels names the images, and which holds their texts."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from keras_textrec.images.formats import image_suffixes

# What a header, or an object of a JSON file, calls them; the surest first.
FILE_NAMES = ("file", "filename", "file_name", "image", "image_path", "img_path", "name", "path")
FILE_NAMES += ("img", "image_name", "img_name", "image_file", "file_path", "filepath")
TEXT_NAMES = ("text", "label", "labels", "transcription", "word", "words", "ground_truth", "gt")
_NUMBER_NAMES = ("", "id", "index", "no", "nr", "number", "#")  # of rows

# Whether there is an image of such a name.
Names = Callable[[str], bool]


class Columns(NamedTuple):
    """Whether the first row is a header, the columns of name and text, and how many columns there are."""

    header: bool = False
    name: int = 0
    text: int = 1
    width: int = 2

    @classmethod
    def of(cls, rows: Sequence[list[str]], exists: Names, path: Path) -> "Columns":
        """The columns of a table that begins with these rows; name and text where nothing else can be told.

        Raises:
            ValueError: several columns could hold the texts.
        """
        first = rows[0] if rows else []
        words = [cell.strip().lower() for cell in first]
        images = _column(rows, exists)
        if images is None:
            images = _column(rows, _is_called_image)
        names = [words.index(word) for word in FILE_NAMES if word in words]
        texts = [words.index(word) for word in TEXT_NAMES if word in words]
        if images is None or (names and texts):
            header = bool(names and texts)
            return cls(header, images if images is not None else names[0], texts[0], len(first)) if header else cls()
        if images >= len(first):
            return cls()
        # A header that is not known must look like no file, for a record would be lost.
        header = not exists(first[images]) and not re.search(r"[./\\\[]", first[images])
        body = rows[1:] if header else rows
        if not header and len(first) == 2:
            return cls(False, images, 1 - images)
        if header and texts:
            left = texts[:1]
        else:
            left = [n for n in range(len(first)) if n != images and not (header and words[n] in _NUMBER_NAMES)]
            left = [n for n in left if not _counts([row[n] for row in body if len(row) == len(first)])]
        if len(left) == 1:
            return cls(header, images, left[0], len(first))
        if not header:
            return cls()  # a text with a delimiter in it, as a rule: the row is told
        raise ValueError(
            f"{path} has the columns {shortened(first)}, of which {first[images]!r} names the images; which holds the "
            "texts cannot be told: call it `text` in the first line."
        )


def _column(rows: Sequence[list[str]], names_image: Names) -> int | None:
    """The column in which most cells name an image; None: no cell does."""
    counts = [sum(names_image(row[n]) for row in rows if n < len(row)) for n in range(max(map(len, rows), default=0))]
    return counts.index(max(counts)) if any(counts) else None


def _is_called_image(cell: str) -> bool:
    return Path(cell).suffix.lower() in image_suffixes()


def _counts(cells: list[str]) -> bool:
    """Whether the cells are the numbers of the rows."""
    if len(cells) < 2 or not all(cell.isdecimal() for cell in cells):
        return False
    return [int(cell) - int(cells[0]) for cell in cells] == list(range(len(cells)))


def shortened(value: Any) -> str:
    """What is written for a value in an error, as long as a line at most."""
    text = repr(value)
    return text if len(text) <= 120 else text[:119] + "…"
