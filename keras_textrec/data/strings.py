"""Many short strings in little memory."""

from array import array
from collections.abc import Sequence

from keras_textrec.data.sources import check_index


class Strings(Sequence):
    """A list of strings that can be added to; each takes its UTF-8 bytes and eight more, and pickles as these."""

    def __init__(self):
        self._bytes = bytearray()
        self._ends = array("q", [0])

    def append(self, text: str) -> None:
        # A file's name need not be Unicode; what a JSON file writes as half a surrogate pair need not be either.
        self._bytes += text.encode("utf-8", "surrogatepass")
        self._ends.append(len(self._bytes))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, index: int) -> str:
        index = check_index(index, len(self))
        return self._bytes[self._ends[index] : self._ends[index + 1]].decode("utf-8", "surrogatepass")
