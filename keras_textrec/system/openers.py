"""What opens files for a room that does not know it."""

import importlib
from pathlib import Path
from typing import Any

# By the suffix: the place of a function of a path, "module:name". The package's root fills it, which knows all rooms.
OPENERS: dict[str, str] = {}


def open_file(path: Path) -> Any:
    """What the opener of the file's suffix makes of it; the opener's module is imported now."""
    module, _, name = OPENERS[path.suffix.lower()].partition(":")
    return getattr(importlib.import_module(module), name)(path)
