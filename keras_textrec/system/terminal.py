"""How every part of the package talks to a person: tables on standard output, progress on standard error."""

import difflib
import sys
import unicodedata
from collections.abc import Iterable

from rich.console import Console
from rich.progress import Progress
from rich.table import Column, Table
from rich.text import Text


def lose_nothing() -> None:
    """From here on, what standard output's encoding lacks is written as an escape, instead of ending the command."""
    if hasattr(sys.stdout, "reconfigure"):  # not in a notebook
        sys.stdout.reconfigure(errors="backslashreplace")


def one_line(text: str) -> str:
    """The text with escapes for tabs, ends of lines and other characters that steer a terminal."""
    steering = ("Cc", "Zl", "Zp")
    return "".join(c.encode("unicode_escape").decode() if unicodedata.category(c) in steering else c for c in text)


def print_table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """The rows on standard output, each cell as it stands."""
    table = Table(*(Column(heading, overflow="fold") for heading in headings))  # file names differ at their ends
    for row in rows:
        table.add_row(*map(Text, row))  # in a plain string, rich sees markup and emoji names
    Console().print(table)


def progress_bar(*columns, show: bool = True) -> Progress:
    """Rich's progress on standard error, if that is a terminal. `columns`: other than rich's own."""
    console = Console(stderr=True)
    # Rich would print above its bar, on standard error, what is printed meanwhile: not what goes into a file.
    above = sys.stdout.isatty()
    return Progress(*columns, console=console, disable=not (show and console.is_terminal), redirect_stdout=above)


MOST_NAMES = 12


def near_names(name: object, names: Iterable[str]) -> str:
    """The end of a sentence about a name that does not exist: the near ones, or those that there are."""
    names = list(names)
    name = str(name)
    near = difflib.get_close_matches(name, names, 3, 0.65) or difflib.get_close_matches(name, names, 1, 0.4)
    if near:
        return f"did you mean {' or '.join(near)}?"
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"there are: {', '.join(names[:MOST_NAMES])}{more}."
