"""What the checks of fonts found, on disk: checking thousands of files takes many seconds."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_textrec.system.whole_files import whole_file

_VERSION = 3  # of the checks: another one finds no old result
_KEPT = 8  # results, one for each set of fonts and characters


def folder() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache"
    return Path(home) / "keras_textrec" / "fonts"


def key(files: Sequence[Path], wanted: str, coverage: float) -> str:
    """Tells the result for these files, by their paths, sizes and times of change, and these characters."""
    status = [(str(path), (found := path.stat()).st_size, found.st_mtime_ns) for path in files]
    return hashlib.sha256(json.dumps([_VERSION, wanted, coverage, status]).encode()).hexdigest()[:32]


def load(key: str) -> Any:
    """What was saved, by JSON; None when there is nothing, or it cannot be read."""
    try:
        return json.loads((folder() / f"{key}.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None


def save(key: str, found: Any) -> None:
    """Keeps what was found; where nothing can be written, the next start checks again."""
    path = folder() / f"{key}.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            file.write(json.dumps(found).encode())
        for old in sorted(path.parent.glob("*.json"), key=lambda file: file.stat().st_mtime)[:-_KEPT]:
            old.unlink()
    except OSError:
        return
