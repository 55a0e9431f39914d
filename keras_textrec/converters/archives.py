"""The files of a folder or of a tar archive, by name, without unpacking anything to disk.

Python's `tarfile` follows whatever a header says: negative sizes have it read one member for ever, chains of long names
exhaust its stack. Published archives need little of the format, and what they do not need is refused.
"""

import functools
import gzip
import zlib
from pathlib import Path
from typing import BinaryIO

BLOCK = 512
MAX_MEMBERS = 10_000
MAX_NAME = 8 * 1024
# Weights hardly shrink when packed. A file that unpacks to more than this many times its size is a bomb.
MAX_RATIO, SLACK = 8, 2**20

_WHAT = {"1": "hard link", "2": "symbolic link", "3": "device", "4": "device", "6": "pipe", "S": "sparse file"}


class Folder:
    """The files directly in a folder: `names`, `read(name)`."""

    def __init__(self, path: Path):
        self.path = path

    @functools.cached_property
    def names(self) -> list[str]:
        return sorted(item.name for item in self.path.iterdir() if item.is_file())

    def read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()


class Tar:
    """The files of a `.tar` or `.tar.gz`: `names` (with their folders), `read(name)`.

    Args:
        file: the archive, open for reading from its start; it stays the caller's.

    Raises:
        ValueError: the archive is damaged, a bomb, or has a member that is a link, a device, or outside its folder.
    """

    def __init__(self, file: BinaryIO):
        size = file.seek(0, 2)
        file.seek(0)
        self._packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        self._file = gzip.GzipFile(fileobj=file) if self._packed else file
        self._end = size * MAX_RATIO + SLACK if self._packed else size
        self._members = self._list()
        self.names = sorted(self._members)

    def read(self, name: str) -> bytes:
        """The whole of one file, in memory."""
        return self._read(*self._members[name])

    def _list(self) -> dict[str, tuple[int, int]]:
        """(offset, size) of every file."""
        members: dict[str, tuple[int, int]] = {}
        long_name, position = "", 0
        for _ in range(MAX_MEMBERS):
            header = self._read(position, BLOCK)
            if header == bytes(BLOCK):
                return members
            if _number(header[148:156]) != sum(header[:148]) + 8 * ord(" ") + sum(header[156:]):
                raise ValueError("it is damaged, or no tar archive: a header's checksum is wrong")
            size, kind = _number(header[124:136]), chr(header[156])
            start, position = position + BLOCK, position + BLOCK + -(-size // BLOCK) * BLOCK
            if kind in "xgL":
                if size > MAX_NAME:
                    raise ValueError("it is damaged: a file's name has no end")
                long_name = _long_name(self._read(start, size), kind) or long_name
                continue
            name, long_name = _safe(long_name or _short_name(header)), ""
            if kind in "0\0":
                if name in members:
                    raise ValueError(f"it holds {name!a} twice")
                if start + size > self._end:
                    raise ValueError(f"it is cut short, or a bomb: {name!a} reaches beyond its end")
                members[name] = start, size
            elif kind != "5":
                raise ValueError(f"its member {name!a} is a {_WHAT.get(kind, 'special file')}; only files are read")
        raise ValueError(f"it has more than {MAX_MEMBERS:,} members")

    def _read(self, start: int, size: int) -> bytes:
        if start + size > self._end:
            raise ValueError("it is cut short, or unpacks to far more than weights would")
        try:
            self._file.seek(start)
            data = self._file.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"it is damaged: it cannot be unpacked ({error})") from error
        if len(data) < size:
            raise ValueError("it is cut short")
        return data


def is_archive(head: bytes) -> bool:
    """Whether a file that begins with `head` (512 bytes) is a tar archive, packed or not."""
    return head[:2] == b"\x1f\x8b" or head[257:262] == b"ustar"


def _number(field: bytes) -> int:
    """Octal digits as a rule; sizes over 8 GB are big-endian after a byte 0x80."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    if not all(digit in b"01234567" for digit in digits):
        raise ValueError("it is damaged, or no tar archive: a number in a header is not one")
    return int(digits or b"0", 8)


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _short_name(header: bytes) -> str:
    name, prefix = _text(header[:100]), _text(header[345:500])
    # GNU's own format keeps times where POSIX has the prefix.
    return f"{prefix}/{name}" if prefix and header[257:263] == b"ustar\0" else name


def _long_name(raw: bytes, kind: str) -> str:
    """The name that stands in a member of its own: GNU's, or among POSIX' records `LENGTH KEY=VALUE\\n`."""
    if kind == "L":
        return _text(raw)
    name = ""
    while raw.strip(b"\0"):
        length = raw.partition(b" ")[0]
        if not (length.isdigit() and len(length) < 8 and len(length) + 1 < int(length) <= len(raw)):
            raise ValueError("it is damaged: a record of a header has no length")
        key, _, value = raw[len(length) + 1 : int(length) - 1].partition(b"=")
        if key == b"size" or key.startswith(b"GNU.sparse"):
            raise ValueError("it holds a sparse file or one of more than 8 GB; only plain files are read")
        if key == b"path" and kind == "x":
            name = _text(value)
        raw = raw[int(length) :]
    return name


def _safe(name: str) -> str:
    parts = name.replace("\\", "/").split("/")
    if not name or name[0] in "/\\" or ".." in parts or ":" in parts[0]:
        raise ValueError(f"its member {name[:200]!a} lies outside the archive's folder")
    return "/".join(part for part in parts if part not in ("", "."))
