"""A folder of images, each with a text file of its own, as Tesseract's trainers have them: word.png, word.gt.txt."""

import logging
import os
from pathlib import Path

from keras_textrec.data.strings import Strings
from keras_textrec.images.formats import image_suffixes

logger = logging.getLogger(__name__)

SUFFIX = ".gt.txt"


class PairedSource:
    """The images of a folder that have a `.gt.txt` beside them, by their names. Other files are counted and told.

    Raises:
        FileNotFoundError: none has.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = str(path)
        self.names, self._stems = Strings(), Strings()
        names = sorted(os.listdir(path))
        stems = {name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX)}
        suffixes, alone, found = image_suffixes(), [], set()
        for name in names:
            stem, suffix = os.path.splitext(name)
            if suffix.lower() not in suffixes:
                continue
            if stem in stems and stem not in found:
                found.add(stem)
                self.names.append(name)
                self._stems.append(stem)
            else:
                alone.append(name)
        if not found:
            raise FileNotFoundError(f"No {SUFFIX} file in {path} has an image of its name beside it.")
        alone += sorted(stem + SUFFIX for stem in stems - found)
        if alone:
            logger.warning("%s: %s files are no pair, %s first.", path, f"{len(alone):,}", alone[0])

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> tuple[bytes, str]:
        """The image file's bytes and the text of record `index`; ValueError or OSError when one cannot be read."""
        return Path(self.key(index)).read_bytes(), self.text(index)

    def text(self, index: int) -> str:
        file = Path(self.path, self._stems[index] + SUFFIX)
        try:
            text = file.read_text("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise ValueError(f"{file} is not UTF-8.") from error
        if "\n" in text:
            raise ValueError(f"{file} has several lines; the text of an image is one.")
        return text

    def key(self, index: int) -> str:
        return os.path.join(self.path, self.names[index])


def has_pairs(files: list[str]) -> bool:
    """Whether of a folder's files, by their names, at least one image has a `.gt.txt` beside it."""
    stems = {name.removesuffix(SUFFIX) for name in files if name.endswith(SUFFIX)}
    suffixes = image_suffixes() if stems else ()
    return any(os.path.splitext(name)[0] in stems for name in files if os.path.splitext(name)[1].lower() in suffixes)
