"""A training's log as curves, drawn by Matplotlib."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_textrec.system.whole_files import whole_file

# What a log tells that is no curve.
_NO_CURVES = ("epoch", "images", "seconds", "time")
_COLUMNS = 3


def can_draw() -> bool:
    """Whether Matplotlib is installed: the extra `reports`."""
    return importlib.util.find_spec("matplotlib") is not None


def draw_curves(path: str | Path, rows: Sequence[dict[str, Any]]) -> None:
    """A PNG of a log: of each value a curve over the epochs, with that of the validation set beside it.

    Args:
        rows: of each epoch its number and values, `val_NAME` is of the validation set; numbers or their texts.

    Raises:
        ImportError: Matplotlib is not installed.
    """
    from matplotlib.figure import Figure

    keys = dict.fromkeys(key for row in rows for key in row)
    names = list(dict.fromkeys(key.removeprefix("val_") for key in keys if key not in _NO_CURVES))
    columns = min(_COLUMNS, len(names))
    lines = -(-len(names) // columns)
    # Not by `pyplot`, whose figures and backend are those of the user's notebook.
    figure = Figure(figsize=(5 * columns, 3.5 * lines))
    grid = figure.add_gridspec(
        lines, columns, hspace=0.4, left=0.05, right=0.98, top=1 - 0.1 / lines, bottom=0.15 / lines
    )
    for name, place in zip(names, grid):
        axes = figure.add_subplot(place)
        for key, label in ((name, "training"), (f"val_{name}", "validation")):
            points = [(int(row["epoch"]), float(row[key])) for row in rows if row.get(key, "") != ""]
            if points:
                axes.plot(*zip(*points), marker=".", label=label)
        axes.set(title=name, xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        if f"val_{name}" in keys:
            axes.legend()
    with whole_file(Path(path)) as file:
        figure.savefig(file, format="png", dpi=100)
