"""TFRecord files of `tf.train.Example`s, read without TensorFlow.

A record is its length (uint64), a checksum of it, the Example and a checksum of that (uint32 each), little-endian. The
checksums are not looked at: a wrong length is seen on opening, a damaged image when it is decoded.
"""

import mmap
import os
import struct
from array import array
from pathlib import Path

from keras_textrec.data.folders import once
from keras_textrec.data.sources import ConcatSource, Source, check_index
from keras_textrec.system.wire import Message, read_text

IMAGE_KEYS = ("image/encoded", "image", "image_raw", "image/image", "img")
TEXT_KEYS = ("image/text", "image/transcript", "image/transcription", "text", "label", "text/string", "transcription")

_HEADER, _FOOTER = 12, 4  # bytes around an Example


def tfrecord(path: str | os.PathLike, image: str | None = None, text: str | None = None) -> Source:
    """Opens a TFRecord file, or all of a folder, sorted, as one source; the arguments are `TFRecordSource`'s.

    Raises:
        FileNotFoundError: there is no such file, or none in the folder.
        ValueError: a file that is damaged, or without such features.
    """
    path = Path(path)
    if not path.is_dir():
        return TFRecordSource(path, image, text)
    files = once(file for file in path.iterdir() if is_tfrecord(file))
    if not files:
        raise FileNotFoundError(f"There is no TFRecord file (*.tfrecord*) in {path}.")
    sources = [TFRecordSource(file, image, text) for file in files]
    return sources[0] if len(sources) == 1 else ConcatSource(sources)


class TFRecordSource:
    """The records of one TFRecord file, by position; eight bytes of memory each.

    Args:
        path: the file.
        image, text: the features with the image file's bytes and the UTF-8 text; None finds them in the first record
            among the usual names.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is cut short, compressed or no TFRecord, or the first record has no such features.
    """

    def __init__(self, path: str | os.PathLike, image: str | None = None, text: str | None = None):
        self.path = str(path)
        if not os.path.isfile(path):
            raise FileNotFoundError(f"There is no TFRecord file {path}.")
        self._file = None
        self._starts = array("q")
        self._index()
        self.image_key = self.text_key = None
        if len(self):
            features = self._features(0)
            self.image_key = self._choose("an image", image, IMAGE_KEYS, features)
            self.text_key = self._choose("a text", text, TEXT_KEYS, features)

    def __repr__(self) -> str:
        return f"TFRecordSource({len(self):,} records in {self.path})"

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, index: int) -> tuple[bytes, str]:
        """The image file's bytes and the text of record `index`; ValueError when one is missing or damaged."""
        features = self._features(index)
        return bytes(self._value(features, self.image_key, index)), self._text(features, index)

    def text(self, index: int) -> str:
        return self._text(self._features(index), index)

    def key(self, index: int) -> str:
        return f"{self.path}: record {check_index(index, len(self)) + 1}"

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_file": None}

    def _bytes(self) -> mmap.mmap:
        if self._file is None:
            with open(self.path, "rb") as file:
                self._file = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return self._file

    def _index(self) -> None:
        """Finds where every Example starts."""
        size = os.path.getsize(self.path)
        file = self._bytes() if size else b""
        if file[:2] == b"\x1f\x8b":
            raise ValueError(f"{self.path} is compressed; decompress it with gunzip first.")
        at = 0
        while at < size:
            length = struct.unpack_from("<Q", file, at)[0] if at + _HEADER <= size else size
            end = at + _HEADER + length + _FOOTER
            if end > size:
                which = f"ends within record {len(self) + 1:,}: copy it again" if len(self) else "is no TFRecord file"
                raise ValueError(f"{self.path} {which}.")
            self._starts.append(at + _HEADER)
            at = end

    def _features(self, index: int) -> dict[str, memoryview]:
        """The features by name, each as its message's bytes."""
        start = self._starts[check_index(index, len(self))]
        file = self._bytes()
        (length,) = struct.unpack_from("<Q", file, start - _HEADER)
        example = Message(file[start : start + length])
        try:
            entries = [
                dict(example.part(entry)) for _, features in example for _, entry in example.part(features)
            ]  # Example.features.feature, a map
            return {read_text(entry[1]): entry[2] for entry in entries}
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{self.key(index)} is no tf.train.Example: {error}.") from error

    def _choose(self, what: str, given: str | None, usual: tuple[str, ...], features: dict[str, memoryview]) -> str:
        for key in (given,) if given else usual:
            if key in features:
                return key
        raise ValueError(
            f"{self.key(0)} has no feature with {what} ({given or ', '.join(usual)}): it has {[*features]}."
        )

    def _value(self, features: dict[str, memoryview], key: str, index: int) -> memoryview:
        """The one value of a feature that is a `bytes_list`."""
        try:
            ((kind, values),) = Message(features[key])
            if kind == 1:
                ((_, value),) = Message(values)
                return memoryview(value)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{self.key(index)} has no single value {key!r}.") from error
        raise ValueError(f"The feature {key!r} of {self.key(index)} holds numbers, not bytes.")

    def _text(self, features: dict[str, memoryview], index: int) -> str:
        try:
            return str(self._value(features, self.text_key, index), "utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"The text of {self.key(index)} is not UTF-8.") from error


def is_tfrecord(path: Path) -> bool:
    """Whether a file is called as TFRecord files are: words.tfrecord, words.tfrecords-00000-of-00010."""
    return any(suffix.startswith(".tfrecord") for suffix in path.suffixes)
