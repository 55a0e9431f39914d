"""Characters to the classes of a CTC network and back."""

import itertools
from collections.abc import Sequence

import numpy as np

from keras_textrec.text.places import letter_places
from keras_textrec.text.readings import Character, Reading
from keras_textrec.text.tokenizers import Tokenizer


class CTCTokenizer(Tokenizer):
    """Texts to the class ids of a CTC network and back: id 0 is the blank, ids 1 to n are the charset.

    The longest label has as many characters as the network has time steps, one less for every pair of equal neighbours.
    The arguments are those of `Tokenizer`.
    """

    @property
    def vocabulary_size(self) -> int:
        """The number of the network's classes: the blank and the charset."""
        return len(self.charset) + 1

    def required_time_steps(self, ids: Sequence[int]) -> int:
        """One step for each character, and a blank between two equal neighbours."""
        return len(ids) + sum(a == b for a, b in itertools.pairwise(ids))

    def decode(self, probabilities: np.ndarray, *, valid_ratio: np.ndarray | None = None) -> list[Reading]:
        """Greedy reading: the best class of every frame, runs of one class made one character, blanks left out.

        A character's confidence is the probability at the first frame of its run, as PaddleOCR has it. Its place is
        what `letter_places` makes of the runs, as a fraction of the input's width.

        Args:
            probabilities: float (B, T, V), V = `vocabulary_size`.
            valid_ratio: float (B,), the part of the input's width that each image fills; None: all of it.

        Raises:
            ValueError: the array has another shape.
        """
        best, maxima = self._greedy(probabilities)
        ratios = [1.0] * len(best) if valid_ratio is None else np.asarray(valid_ratio).tolist()
        return [self.read_path(*row) for row in zip(best, maxima.tolist(), ratios, strict=True)]

    def read_path(
        self, path: np.ndarray, values: Sequence[float], valid_ratio: float, texts: Sequence[str] | None = None
    ) -> Reading:
        """The reading of one class for every frame, as `decode` has it.

        Args:
            path: int (T,).
            values: T numbers, each class' probability.
            valid_ratio: the part of the input's width that the image fills.
            texts: what the runs of classes write, blanks left out; None: what the charset says.
        """
        steps, runs, end = len(path), [], 0
        for id, run in itertools.groupby(path.tolist()):
            start, end = end, end + sum(1 for _ in run)
            if id > 0:
                runs.append((id, start, end))
        places = letter_places([(start + end) / 2 for _, start, end in runs], valid_ratio * steps)
        if texts is None:
            texts = [self.charset.characters[id - 1] for id, _, _ in runs]
        return self.reading(
            [
                Character(text, values[start], left / steps, right / steps)
                for text, (_, start, _), (left, right) in zip(texts, runs, places, strict=True)
            ]
        )
