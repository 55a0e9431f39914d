"""The characters a recogniser can write, in the order of its output classes."""

import logging
import pathlib
import string
from collections import Counter
from collections.abc import Iterator, Sequence

from keras_textrec.system.terminal import near_names

logger = logging.getLogger(__name__)

NAMED_CHARACTERS = {
    "alphanumeric": string.digits + string.ascii_lowercase,
    "ascii": string.digits + string.ascii_letters + string.punctuation,
    # RobustScanner's dict90.txt: ASCII without ^ { | }, in the file's order.
    "dict90": string.digits + string.ascii_letters + "!\"#$%&'()*+,-./:;<=>?@[\\]_`~",
}
# The published lists of characters, each named by its file.
LISTS = pathlib.Path(__file__).parent / "characters"


class Charset:
    """The characters of a network's output classes, in their order; immutable.

    Args:
        characters: a string, one entry per code point, each another one; or a sequence of strings, which may also hold
            what publishers' dictionaries do: entries of several code points, empty ones, and characters that stand
            twice. Each is a class that can be read. No label is encoded to the first two kinds, nor to any place of a
            character but its last one (as PaddleOCR and MindOCR number them).

    Raises:
        ValueError: no characters, or a string that holds one twice.
    """

    def __init__(self, characters: str | Sequence[str]):
        entries = tuple(characters)
        if bad := [entry for entry in entries if not isinstance(entry, str)]:
            raise ValueError(f"Every entry of a charset must be a string, got {bad[0]!r}.")
        if not any(entries):
            raise ValueError("A charset needs at least one character, got none.")
        if isinstance(characters, str) and len(set(entries)) < len(entries):
            twice = [entry for entry, count in Counter(entries).items() if count > 1]
            raise ValueError(f"A charset must hold each character once; these stand in it more than once: {twice}.")
        self._characters = entries
        self._index = {entry: place for place, entry in enumerate(entries) if entry}

    @classmethod
    def named(cls, name: str, space: bool = False) -> "Charset":
        """A charset by its name.

        Args:
            name: "alphanumeric" (0-9a-z), "ascii" (the 94 printable characters: digits, lower case, upper case,
                punctuation), "dict90" (RobustScanner's 90), or a published list, "french_dict" and the like: the names
                of the files in `keras_textrec/text/characters`.
            space: add the space as the last character, unless the list holds it.

        Raises:
            ValueError: the name is not known; near ones are given.
        """
        if name in NAMED_CHARACTERS:
            return cls(NAMED_CHARACTERS[name] + (" " if space else ""))
        names = [*NAMED_CHARACTERS, *sorted(path.stem for path in LISTS.glob("*.txt"))]
        if name not in names:
            raise ValueError(f"There is no charset named {name!r}; {near_names(name, names)}")
        return cls.from_file(LISTS / f"{name}.txt", space)

    @classmethod
    def from_file(cls, path: str | pathlib.Path, space: bool = False) -> "Charset":
        """Reads a UTF-8 file of one character a line, the form of PaddleOCR's dictionaries.

        A line is a class of the network, whatever stands on it: a space, several code points, a character that another
        line has too, or nothing. A warning names the lines that no label is encoded to. A byte-order mark and Windows
        line ends are fine.

        Args:
            path: the file.
            space: add the space as the last character, unless the file holds it.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is not UTF-8, or is empty.
        """
        path = pathlib.Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"There is no charset file {str(path)!r}.")
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValueError(f"The charset file {str(path)!r} is not UTF-8 text: {error}.") from error
        # Not splitlines(): that also splits at characters which are themselves entries of Chinese dictionaries.
        lines = [line.rstrip("\r") for line in text.removesuffix("\n").split("\n")]
        if not any(lines):
            raise ValueError(f"The charset file {str(path)!r} is empty; it needs one character a line.")
        charset = cls([*lines, " "] if space and " " not in lines else lines)
        if path.parent != LISTS and (unused := charset._without_labels()):
            logger.warning(
                "No label is encoded to these lines of the charset file %s: %s%s. Each stays a class, as in the "
                "network that was trained with the file; for a new network, correct them first.",
                path,
                ", ".join(unused[:5]),
                ", …" if len(unused) > 5 else "",
            )
        return charset

    def _without_labels(self) -> list[str]:
        """The places that no label is encoded to, counted from 1, and why."""
        unused = []
        for place, entry in enumerate(self):
            if not entry:
                unused.append(f"{place + 1} (empty)")
            elif (last := self._index[entry]) != place:
                unused.append(f"{place + 1} ({entry!r}, again on line {last + 1})")
            elif len(entry) > 1:
                unused.append(f"{place + 1} ({entry!r}, {len(entry)} code points)")
        return unused

    def get_config(self) -> str | list[str]:
        """The plain value that makes it again: a string, or a list where a string would not do."""
        single = all(len(entry) == 1 for entry in self) and len(self._index) == len(self)
        return "".join(self) if single else list(self)

    @property
    def characters(self) -> tuple[str, ...]:
        """The entries in order."""
        return self._characters

    def index(self, character: str) -> int:
        """The place of a character, from 0; of one that stands twice, the last.

        Raises:
            ValueError: the charset does not hold it.
        """
        if character not in self._index:
            raise ValueError(f"The charset of {len(self)} characters does not hold {character!r}.")
        return self._index[character]

    def __len__(self) -> int:
        return len(self._characters)

    def __iter__(self) -> Iterator[str]:
        return iter(self._characters)

    def __contains__(self, character: object) -> bool:
        return character in self._index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Charset) and self._characters == other._characters

    def __hash__(self) -> int:
        return hash(self._characters)

    def __repr__(self) -> str:
        shown = "".join(self._characters[:40]) + ("…" if len(self) > 40 else "")
        return f"Charset({len(self)} characters: {shown})"
