"""One look at every record: what is kept of it is a few numbers."""

import hashlib
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from rich.progress import Progress

from keras_textrec.data.sources import Source, prefetch, text_of
from keras_textrec.images.load import decode
from keras_textrec.text.comparing import normalize_text
from keras_textrec.text.faults import FAULTS, mended, text_faults

# Why a label is not trained on; the words are `LabelReport`'s.
REASONS = ("", "empty", "too long", "infeasible")
CASES = ("no letters", "lower", "upper", "mixed")

_CHUNK = 512  # records a thread takes at a time
# A slope of the shrunken image counts from here, in grey levels: the noise of a flat background stays below.
_SLOPE = 2


class Scan:
    """Numbers of every record of a source: arrays of N, 89 bytes a record, whatever the images and texts take.

    Args:
        source: the records.
        tokenizer: what makes labels of the texts; None: only empty ones are noted.
        length: the most characters of a label; None: as many as the tokenizer takes.
        time_steps: the network's; None: no such limit.
        progress: where a bar is shown.

    Attributes:
        width, height: int32, pixels; 0 where the image cannot be read.
        span: uint8, the brightest value of the image less the darkest.
        characters: int32, of the text; -1 where it cannot be read.
        faults: uint8, a bit for each of `FAULTS` that the text has as it is written.
        reason: uint8, a number of `REASONS`; outside: bool, there are characters outside the charset. Both are of the
            text as `mended` leaves it, and so is text_hash.
        image_hash, text_hash, word_hash: uint64, of the image file's bytes, of the text, and of its letters.
        look: uint64 (N, 2), alike for images that look alike: where brightness rises to the right, in 8 rows of 16.
        thumbnail: uint8 (N, 32), brightness in 4 rows of 8, from 0 to 255 whatever the contrast.
        case: uint8, a number of `CASES`, the letters of the text.
        alphabet: how often which character stands in the texts; unknown: which character outside the charset.
    """

    def __init__(self, source: Source, tokenizer, length: int | None, time_steps: int | None, progress: Progress):
        records = len(source)
        self.width, self.height = np.zeros(records, np.int32), np.zeros(records, np.int32)
        self.characters = np.full(records, -1, np.int32)
        self.span, self.reason, self.case, self.faults = (np.zeros(records, np.uint8) for _ in range(4))
        self.outside = np.zeros(records, bool)
        self.image_hash, self.text_hash, self.word_hash = (np.zeros(records, np.uint64) for _ in range(3))
        self.look, self.thumbnail = np.zeros((records, 2), np.uint64), np.zeros((records, 32), np.uint8)
        self.alphabet, self.unknown = Counter(), Counter()
        self._limits = length, time_steps
        self._source, self._tokenizer = source, tokenizer
        pool = ThreadPoolExecutor(os.cpu_count())
        chunks = [range(first, min(first + _CHUNK, records)) for first in range(0, records, _CHUNK)]
        task = progress.add_task("look at records", total=records)
        try:
            for alphabet, unknown in pool.map(self._scan, chunks):
                self.alphabet.update(alphabet)
                self.unknown.update(unknown)
                progress.advance(task, _CHUNK)
        finally:
            pool.shutdown(cancel_futures=True)

    def __len__(self) -> int:
        return len(self.width)

    def _scan(self, indices: range) -> tuple[Counter, Counter]:
        alphabet, unknown = Counter(), Counter()
        prefetch(self._source, indices)
        for index in indices:
            data, text = read(self._source, index)
            if text is not None:
                self.characters[index] = len(text)
                self.faults[index] = sum(1 << FAULTS.index(name) for name in text_faults(text))
                alphabet.update(text)
                text = mended(text)
                self.text_hash[index] = _hash(text.encode("utf-8", "surrogatepass"))
                self.word_hash[index] = _hash(normalize_text(text, "letters").encode("utf-8", "surrogatepass"))
                self.case[index] = _case(text)
                unknown.update(self._check(index, text))
            if data is not None:
                self.image_hash[index] = _hash(data)
                try:
                    image = decode(data)
                except ValueError:
                    continue
                self.height[index], self.width[index] = image.shape[:2]
                self.span[index] = image.max() - image.min()
                self.look[index], self.thumbnail[index] = _look(image)
        return alphabet, unknown

    def _check(self, index: int, text: str) -> Counter:
        """Notes what is wrong with a text, and gives its characters outside the charset."""
        if not text.strip():
            self.reason[index] = REASONS.index("empty")
        if self._tokenizer is None:
            return Counter()
        report = self._tokenizer.check([text], *self._limits)
        self.outside[index] = bool(report.unknown)
        for reason in report.dropped:
            if reason in REASONS:
                self.reason[index] = REASONS.index(reason)
        return report.unknown


def read(source: Source, index: int) -> tuple[bytes | None, str | None]:
    """A record's image file and text, None for what cannot be read."""
    try:
        return source[index]
    except (ValueError, OSError):
        pass
    try:
        return None, text_of(source, index)
    except (ValueError, OSError):
        return None, None


def _hash(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest())


def _case(text: str) -> int:
    """A number of `CASES`."""
    lower, upper = text.lower() == text, text.upper() == text
    return 0 if lower and upper else 1 if lower else 2 if upper else 3


def _look(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of an image, uint8 (H, W, 3): a difference hash, uint64 (2,), the even rows and the odd ones; and a thumbnail."""
    small = cv2.cvtColor(cv2.resize(image, (17, 8), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY).astype(np.int16)
    rises = small[:, 1:] - small[:, :-1] > _SLOPE
    thumbnail = cv2.resize(small.astype(np.float32), (8, 4), interpolation=cv2.INTER_AREA).ravel()
    thumbnail = (thumbnail - thumbnail.min()) * (255 / max(1, np.ptp(thumbnail)))
    return np.packbits(np.concatenate([rises[::2], rises[1::2]])).view(np.uint64), thumbnail
