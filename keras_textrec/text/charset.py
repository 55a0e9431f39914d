"""The characters a recogniser can write, in the order of its output classes."""

import functools
import logging
import os
import pathlib
import string
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

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

    A letter and an accent that Unicode has one character for (in NFC) are that one, also where they come as two.

    Args:
        characters: a string, one entry per character, each another one; or a sequence of strings, which may also hold
            what publishers' dictionaries do: entries of several code points, empty ones, and characters that stand
            twice. Each is a class that can be read. No label is encoded to the first two kinds, nor to any place of a
            character but its last one (as PaddleOCR and MindOCR number them).

    Raises:
        ValueError: no characters; a string that holds one twice, or is the name of a list or a file of characters.
    """

    def __init__(self, characters: str | Sequence[str]):
        if isinstance(characters, str):
            if characters in list_names():
                raise ValueError(f"{characters!r} would be these very letters; give Charset.named({characters!r}).")
            if _is_file_name(characters):
                raise ValueError(f"{characters!r} would be these very letters; give Charset.from_file({characters!r}).")
        entries = tuple(_composed(characters))
        if bad := [entry for entry in entries if not isinstance(entry, str)]:
            raise ValueError(f"Every entry of a charset must be a string, got {bad[0]!r}.")
        if not any(entries):
            raise ValueError("A charset needs at least one character, got none.")
        if isinstance(characters, str) and len(set(entries)) < len(entries):
            twice = [entry for entry, count in Counter(entries).items() if count > 1]
            no_file = f" (There is no file {characters!r}.)" if "/" in characters else ""
            raise ValueError(
                f"A charset must hold each character once; these stand in it more than once: {twice}.{no_file}"
            )
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
        if name not in list_names():
            raise ValueError(f"There is no charset named {name!r}; {near_names(name, list_names())}")
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
        text = "".join(self)
        try:
            return text if Charset(text) == self else list(self)
        except ValueError:
            return list(self)

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


def typed_characters(value: str) -> Sequence[str]:
    """What a person typed where characters are wanted: the entries of a named list or of a file, or the text itself.

    Raises:
        FileNotFoundError: it is called as a file, `.txt`, and there is none.
        ValueError: the file is not UTF-8, or is empty.
    """
    if value in list_names():
        return Charset.named(value).characters
    if os.path.isfile(value) or _is_file_name(value):
        return Charset.from_file(value).characters
    return value


def config_with_charset(config: dict[str, Any], charset: Charset) -> dict[str, Any]:
    """A tokenizer's configuration for other characters.

    If the new charset holds upper case, labels are no longer made lower case: no label would have it otherwise.
    """
    upper = [entry for entry in charset if entry != entry.lower()]
    if config.get("lowercase") and upper:
        logger.info("Labels are no longer made lower case: the new charset holds %s.", " ".join(upper[:40]))
    return {
        **config,
        "charset": list(charset),
        "lowercase": bool(config.get("lowercase")) and not upper,
    }


@functools.cache
def list_names() -> tuple[str, ...]:
    """The names of all lists of characters."""
    return (*NAMED_CHARACTERS, *sorted(path.stem for path in LISTS.glob("*.txt")))


def _is_file_name(text: str) -> bool:
    """Whether a text is a file's name rather than characters: it ends as one, or there is that file."""
    return text.lower().endswith(".txt") or (not {".", "/", "\\"}.isdisjoint(text) and os.path.isfile(text))


def _composed(characters: Iterable[str]) -> Iterator[str]:
    """The entries, with one for each letter and accent that NFC has one character for."""
    if not isinstance(characters, str):
        for entry in characters:
            several = isinstance(entry, str) and len(entry) > 1
            yield normal if several and len(normal := unicodedata.normalize("NFC", entry)) == 1 else entry
        return
    before = ""
    for character in characters:
        normal = unicodedata.normalize("NFC", before + character)
        if before and len(normal) == 1:
            before = normal
        else:
            if before:
                yield before
            before = character
    if before:
        yield before
