"""What opens files for a room that does not know it."""

import importlib
from pathlib import Path
from typing import Any

# By the suffix: the place of a function of a path, "module:name". The package's root fills them, which knows all rooms.
# What opens images of words, and what opens photographs of many words.
OPENERS: dict[str, str] = {}
SCENE_OPENERS: dict[str, str] = {}


def open_file(path: Path, openers: dict[str, str]) -> Any:
    """What the opener of the file's suffix makes of it; the opener's module is imported now."""
    module, _, name = openers[path.suffix.lower()].partition(":")
    return getattr(importlib.import_module(module), name)(path)
