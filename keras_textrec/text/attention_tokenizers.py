"""Characters to class ids and back for networks that write one character a step and then say that they are done."""

import re
from collections.abc import Sequence

import numpy as np

from keras_textrec.text.readings import Character, Reading
from keras_textrec.text.tokenizers import Tokenizer


class SequenceTokenizer(Tokenizer):
    """Base of the tokenizers of attention decoders. The arguments are those of `Tokenizer`.

    Labels are the ids of the characters alone, as everywhere; `sequences` puts the special symbols around them. A
    network of S steps writes at most S - 1 characters, for it needs one step to say that it is done.

    Attributes:
        start_id: what the decoder sees before its first character.
        end_id: what it writes after its last one.
        padding_id: fills `sequences`.
        published_stops: whether the published decoding stops at the end.
    """

    start_id: int
    end_id: int
    padding_id: int
    published_stops = True

    @property
    def published_symbols(self) -> dict[int, str]:
        """What the published decoding writes for special symbols that ours leaves out."""
        return {}

    def required_time_steps(self, ids: Sequence[int]) -> int:
        """One step for each character, and one for the end."""
        return len(ids) + 1

    def sequences(self, ids: np.ndarray, length: int) -> np.ndarray:
        """The published label arrays, which are also what a decoder of `length` steps sees in training.

        Args:
            ids: int (B, M), the characters' ids padded with -1.
            length: the columns; what lies beyond is cut off.

        Returns:
            int32 (B, length): the start, the characters, the end, padding.
        """
        ids = np.asarray(ids)
        rows, columns = ids.shape
        array = np.full((rows, max(length, columns + 2)), self.padding_id, "int32")
        array[:, 0] = self.start_id
        array[:, 1 : columns + 1] = np.where(ids >= 0, ids, self.padding_id)
        array[np.arange(rows), 1 + (ids >= 0).sum(-1)] = self.end_id
        return array[:, :length]

    def decode(
        self,
        probabilities: np.ndarray,
        attention: np.ndarray | None = None,
        *,
        valid_ratio: np.ndarray | None = None,
        published: bool = False,
    ) -> list[Reading]:
        """Greedy reading: the best class of every step up to the end; special symbols are left out.

        The decoder does not say where a character stands: `left` and `right` are None.

        Args:
            probabilities: float (B, S, V), V = `vocabulary_size`.
            attention: float (B, S, ...), what each step looked at; the readings carry the maps of their characters.
            valid_ratio: as other tokenizers take it; places of characters are not known here.
            published: decode exactly as PaddleOCR does; the class says how that differs. (Its confidence of an empty
                reading is NaN and remains 0.0 here.)

        Raises:
            ValueError: the probabilities have another shape.
        """
        best, maxima = self._greedy(probabilities)
        symbols = dict(enumerate(self.charset, start=self.first_id))
        if published:
            symbols |= self.published_symbols
        stops = self.published_stops or not published
        readings = []
        for row, (ids, values) in enumerate(zip(best.tolist(), maxima.tolist(), strict=True)):
            end = ids.index(self.end_id) if stops and self.end_id in ids else len(ids)
            steps = [step for step in range(end) if ids[step] in symbols]
            characters = [Character(symbols[ids[step]], values[step]) for step in steps]
            readings.append(self.reading(characters, None if attention is None else attention[row, steps]))
        return readings


class AttentionTokenizer(SequenceTokenizer):
    """RARE's classes: 0 starts (and pads), 1 to n are the charset, n + 1 ends.

    A network of 25 steps is trained on labels of up to 24 characters, in the published unshifted form up to 23. The
    published decoding does not stop at the end but skips it, so that what was written after it belongs to the text.
    """

    start_id = padding_id = 0
    published_stops = False

    @property
    def end_id(self) -> int:
        return len(self.charset) + 1

    @property
    def vocabulary_size(self) -> int:
        """The number of the network's classes: start, charset and end."""
        return len(self.charset) + 2


class SARTokenizer(SequenceTokenizer):
    """RobustScanner's classes: 0 to n - 1 are the charset, n is unknown, n + 1 starts and ends; n + 2 pads.

    The padding is never predicted: the network has `vocabulary_size` = n + 2 classes, and its embedding one row more.
    The published label arrays of 40 columns hold up to 38 characters. The published decoding writes the unknown symbol
    as "<UKN>"; the published configuration then applies `remove_symbols`.
    """

    first_id = 0

    @property
    def published_symbols(self) -> dict[int, str]:
        return {len(self.charset): "<UKN>"}

    @property
    def start_id(self) -> int:
        return len(self.charset) + 1

    end_id = start_id

    @property
    def padding_id(self) -> int:
        return len(self.charset) + 2

    @property
    def vocabulary_size(self) -> int:
        """The number of classes that are predicted: charset, unknown, and the one symbol for start and end."""
        return len(self.charset) + 2


class NRTRTokenizer(SequenceTokenizer):
    """The guide's classes: 0 pads, 1 is unknown, 2 starts, 3 ends, 4 to n + 3 are the charset.

    The published network has one class more, which never occurs: `vocabulary_size` = n + 5. The published label arrays
    of 25 columns hold up to 23 characters. The published decoding writes the symbols 0 and 1 as "blank" and "<unk>".
    """

    first_id = 4
    padding_id = 0
    start_id = 2
    end_id = 3

    @property
    def published_symbols(self) -> dict[int, str]:
        return {0: "blank", 1: "<unk>"}

    @property
    def vocabulary_size(self) -> int:
        """The number of the network's classes, the unused last one included."""
        return len(self.charset) + 5


def remove_symbols(text: str) -> str:
    """What PaddleOCR's RobustScanner keeps of a text (`rm_symbol`): letters (made lower), digits, Chinese, ^."""
    return re.sub("[^a-z0-9^\u4e00-\u9fa5]", "", text.lower())
