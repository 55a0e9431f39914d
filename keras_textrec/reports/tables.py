"""Tables as CSV files: rows are dictionaries."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from keras_textrec.system.whole_files import whole_file


def read_rows(path: str | Path) -> list[dict[str, str]]:
    """The rows of a file that `write_rows` wrote; none where there is no file."""
    path = Path(path)
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_rows(path: str | Path, rows: Iterable[dict[str, Any]]) -> None:
    """Writes rows whole, with the columns of all of them; half a surrogate pair, which is no UTF-8, as an escape."""
    rows = list(rows)
    with whole_file(Path(path)) as file:
        text = io.TextIOWrapper(file, "utf-8", "backslashreplace", newline="")
        writer = csv.DictWriter(text, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)
        text.detach()
