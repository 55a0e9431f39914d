"""Files by names that were written on another system."""

import os
import unicodedata


class NamedFiles:
    """The files below a folder, found also where their names differ as those of two systems do.

    That is by backslashes between folders, by case (`.jpg` for `.JPG`), by composed and decomposed characters, or by
    spaces around them. A folder is listed once, and only when a name is not there as it is written.
    """

    def __init__(self, root: str | os.PathLike):
        self.root = str(root)
        self._listings: dict[str, dict[str, str]] = {}

    def __getstate__(self) -> dict:
        return {"root": self.root, "_listings": {}}

    def find(self, name: str) -> str | None:
        """The path of a file; None: there is none."""
        path = os.path.join(self.root, name)
        if os.path.isfile(path):
            return path
        path = self.root
        for part in name.replace("\\", "/").split("/"):
            exact = os.path.join(path, part)
            if not os.path.exists(exact):
                own = self._listing(path).get(_alike(part))
                if own is None:
                    return None
                exact = os.path.join(path, own)
            path = exact
        return path if os.path.isfile(path) else None

    def _listing(self, folder: str) -> dict[str, str]:
        if folder not in self._listings:
            try:
                self._listings[folder] = {_alike(name): name for name in sorted(os.listdir(folder))}
            except OSError:  # no folder, or none that may be read
                self._listings[folder] = {}
        return self._listings[folder]


def _alike(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold().strip()
