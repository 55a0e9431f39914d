"""The characters a recogniser can write, in the order of its output classes."""

import pathlib
import string
from collections import Counter
from collections.abc import Iterator, Sequence

from keras_textrec.system.terminal import near_names

NAMED_CHARACTERS = {
    "alphanumeric": string.digits + string.ascii_lowercase,
    "ascii": string.digits + string.ascii_letters + string.punctuation,
    # RobustScanner's dict90.txt: ASCII without ^ { | }, in the file's order.
    "dict90": string.digits + string.ascii_letters + "!\"#$%&'()*+,-./:;<=>?@[\\]_`~",
}
# The published lists of characters, each named by its file.
LISTS = pathlib.Path(__file__).parent / "characters"


class Charset:
    """An ordered, immutable set of characters.

    Args:
        characters: a string, one entry per code point, or a sequence of strings. An entry of a sequence may hold
            several code points: such an entry can be read by a network, but no label is encoded to it.

    Raises:
        ValueError: no characters, an empty entry, or an entry that stands twice.
    """

    def __init__(self, characters: str | Sequence[str]):
        characters = tuple(characters)
        if not characters:
            raise ValueError("A charset needs at least one character, got none.")
        if bad := [entry for entry in characters if not isinstance(entry, str) or not entry]:
            raise ValueError(f"Every entry of a charset must be a string of at least one character, got {bad[0]!r}.")
        if twice := [entry for entry, count in Counter(characters).items() if count > 1]:
            raise ValueError(f"A charset must hold each character once; these stand in it more than once: {twice}.")
        self._characters = characters
        self._index = {character: index for index, character in enumerate(characters)}

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

        A byte-order mark and Windows line ends are fine; a line that holds one space is the space character.

        Args:
            path: the file.
            space: add the space as the last character, unless the file holds it (PaddleOCR's `use_space_char`).

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is not UTF-8, is empty, has an empty line, or a character stands on two lines.
        """
        path = pathlib.Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"There is no charset file {str(path)!r}.")
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValueError(f"The charset file {str(path)!r} is not UTF-8 text: {error}.") from error
        # Not splitlines(): that also splits at characters which are themselves entries of Chinese dictionaries.
        lines = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
        if lines == [""]:
            raise ValueError(f"The charset file {str(path)!r} is empty; it needs one character a line.")
        first_line = {}
        for number, line in enumerate(lines, start=1):
            if not line:
                raise ValueError(f"Line {number} of the charset file {str(path)!r} is empty; remove it.")
            if line in first_line:
                raise ValueError(
                    f"The character {line!r} stands on lines {first_line[line]} and {number} of the charset file "
                    f"{str(path)!r}; remove one."
                )
            first_line[line] = number
        return cls([*lines, " "] if space and " " not in first_line else lines)

    @property
    def characters(self) -> tuple[str, ...]:
        """The entries in order."""
        return self._characters

    def index(self, character: str) -> int:
        """The place of a character, from 0.

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
