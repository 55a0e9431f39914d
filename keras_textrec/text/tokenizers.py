"""Characters to class ids and back: what a network is trained on, and what its probabilities say."""

import dataclasses
import itertools
from collections import Counter
from collections.abc import Sequence

import numpy as np

from keras_textrec.text.charset import Charset
from keras_textrec.text.readings import Character, Reading, reading_of

POLICIES = ("error", "drop", "strip")


@dataclasses.dataclass
class LabelReport:
    """What happened to labels on their way to ids; reports of several batches add up with `+`.

    Attributes:
        labels: how many were looked at.
        dropped: by reason, the labels that are not trained on: "empty", "unknown" (characters outside the charset),
            "too long" (more characters than allowed), "infeasible" (more time steps needed than the network has).
        stripped: how many labels are trained on without their unknown characters.
        unknown: how often each character outside the charset was seen.
    """

    labels: int = 0
    dropped: Counter = dataclasses.field(default_factory=Counter)
    stripped: int = 0
    unknown: Counter = dataclasses.field(default_factory=Counter)

    def __add__(self, other: "LabelReport") -> "LabelReport":
        return LabelReport(
            self.labels + other.labels,
            self.dropped + other.dropped,
            self.stripped + other.stripped,
            self.unknown + other.unknown,
        )

    def __str__(self) -> str:
        reasons = [f"{count} {reason}" for reason, count in self.dropped.most_common()]
        parts = [f"{sum(self.dropped.values())} of {self.labels} labels dropped", *reasons]
        if self.stripped:
            parts.append(f"{self.stripped} stripped of unknown characters")
        if self.unknown:
            seen = ", ".join(f"{character!r} {count}x" for character, count in self.unknown.most_common(10))
            parts.append(f"outside the charset: {seen}" + (", …" if len(self.unknown) > 10 else ""))
        return "; ".join(parts)


class Tokenizer:
    """Base: texts to the ids of their characters. A subclass says which ids, and what probabilities say.

    Attributes:
        first_id: the id of the charset's first character; the others follow in order.

    Args:
        charset: a `Charset`, or what makes one.
        lowercase: lower-case every label before it is encoded.
        unknown: what to do with a label that cannot be trained on as it stands. "error" raises; "drop" leaves out the
            label; "strip" removes its unknown characters (PaddleOCR's way) and leaves out what still does not fit.
        max_length: the most characters of a label, counted after stripping. (PaddleOCR counts before it.)

    Raises ValueError when the policy or the charset is not valid.
    """

    first_id = 1

    def __init__(
        self,
        charset: Charset | str | Sequence[str],
        lowercase: bool = False,
        unknown: str = "error",
        max_length: int | None = None,
    ):
        if unknown not in POLICIES:
            raise ValueError(f"The policy for unknown characters must be one of {POLICIES}, got {unknown!r}.")
        self.charset = charset if isinstance(charset, Charset) else Charset(charset)
        self.lowercase = lowercase
        self.unknown = unknown
        self.max_length = max_length
        self._ids = {character: id for id, character in enumerate(self.charset, start=self.first_id)}

    @property
    def vocabulary_size(self) -> int:
        """V, the number of the network's classes."""
        raise NotImplementedError

    def required_time_steps(self, ids: Sequence[int]) -> int:
        """The fewest steps in which a network can write these characters."""
        raise NotImplementedError

    def decode(self, probabilities: np.ndarray) -> list[Reading]:
        """What probabilities, float (B, T, V), say."""
        raise NotImplementedError

    def encode(self, text: str, time_steps: int | None = None) -> list[int] | None:
        """The ids of a label, or None when the policy drops it.

        Args:
            text: the label.
            time_steps: the network's output steps; a label that needs more (`required_time_steps`) is infeasible.

        Raises:
            ValueError: the policy is "error" and the label cannot be trained on as it stands.
        """
        ids, reason, unknown = self._encode(text, self.max_length, time_steps)
        if reason and self.unknown == "error":
            raise ValueError(_refusal(text, reason, unknown, self.max_length, time_steps))
        return None if reason else ids

    def encode_batch(
        self, texts: Sequence[str], length: int, time_steps: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The ids of many labels as one array of a fixed width.

        Args:
            texts: B labels.
            length: the width M of the array; a label of more characters is too long.
            time_steps: as in `encode`.

        Returns:
            ids: int32 (B, M), padded with -1; a dropped label is all -1.
            keep: bool (B,), False for a dropped label. `check` says why.

        Raises:
            ValueError: the policy is "error" and a label cannot be trained on as it stands.
        """
        longest = length if self.max_length is None else min(length, self.max_length)
        array = np.full((len(texts), length), -1, "int32")
        keep = np.zeros(len(texts), bool)
        for row, text in enumerate(texts):
            ids, reason, unknown = self._encode(text, longest, time_steps)
            if not reason:
                array[row, : len(ids)] = ids
                keep[row] = True
            elif self.unknown == "error":
                raise ValueError(_refusal(text, reason, unknown, longest, time_steps))
        return array, keep

    def check(self, texts: Sequence[str], length: int | None = None, time_steps: int | None = None) -> LabelReport:
        """Counts what `encode_batch` does to these labels (under "error": what it would refuse). Never raises."""
        limits = [limit for limit in (length, self.max_length) if limit is not None]
        report = LabelReport(labels=len(texts))
        for text in texts:
            _, reason, unknown = self._encode(text, min(limits, default=None), time_steps)
            report.unknown.update(unknown)
            if reason:
                report.dropped[reason] += 1
            elif unknown:
                report.stripped += 1
        return report

    def _encode(self, text: str, longest: int | None, time_steps: int | None) -> tuple[list, str | None, list]:
        """The ids of the known characters, why the label is refused (None: it is not), and its unknown characters."""
        characters = text.lower() if self.lowercase else text
        ids = [self._ids.get(character, -1) for character in characters]
        unknown = []
        if -1 in ids:
            unknown = [character for character, id in zip(characters, ids, strict=True) if id < 0]
            ids = [id for id in ids if id >= 0]
        reason = None
        if unknown and (self.unknown != "strip" or not ids):
            reason = "unknown"
        elif not ids:
            reason = "empty"
        elif longest is not None and len(ids) > longest:
            reason = "too long"
        elif time_steps is not None and self.required_time_steps(ids) > time_steps:
            reason = "infeasible"
        return ids, reason, unknown

    def _greedy(self, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The best class of every step, int (B, T), and its probability, float64 (B, T). ValueError: another shape."""
        probabilities = np.asarray(probabilities)
        if probabilities.ndim != 3 or probabilities.shape[-1] != self.vocabulary_size:
            raise ValueError(
                f"The probabilities must have the shape (images, time steps, {self.vocabulary_size}) for this charset, "
                f"got {probabilities.shape}."
            )
        best = probabilities.argmax(-1)  # NumPy's argmax takes the first of equals, as Paddle's does.
        return best, np.take_along_axis(probabilities, best[..., None], -1)[..., 0].astype("float64")

    def get_config(self) -> dict:
        """Plain values that rebuild the tokenizer."""
        return {
            "charset": self.charset.get_config(),
            "lowercase": self.lowercase,
            "unknown": self.unknown,
            "max_length": self.max_length,
        }

    @classmethod
    def from_config(cls, config: dict) -> "Tokenizer":
        """The tokenizer of a `get_config`."""
        return cls(**config)


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

    def decode(self, probabilities: np.ndarray) -> list[Reading]:
        """Greedy reading: the best class of every frame, runs of one class made one character, blanks left out.

        A character's confidence is the probability at the first frame of its run, as PaddleOCR has it; frame t of T
        covers t/T to (t+1)/T of the input's width.

        Args:
            probabilities: float (B, T, V), V = `vocabulary_size`.

        Raises:
            ValueError: the array has another shape.
        """
        best, maxima = self._greedy(probabilities)
        return [self._read(ids, values) for ids, values in zip(best, maxima.tolist(), strict=True)]

    def _read(self, ids: np.ndarray, maxima: list[float]) -> Reading:
        steps = len(ids)
        starts = np.flatnonzero(np.diff(ids, prepend=-1)).tolist()
        characters = tuple(
            Character(self.charset.characters[ids[start] - 1], maxima[start], start / steps, end / steps)
            for start, end in zip(starts, [*starts[1:], steps], strict=True)
            if ids[start]
        )
        return reading_of(characters)


def _refusal(text: str, reason: str, unknown: list[str], longest: int | None, time_steps: int | None) -> str:
    """The sentence for a label that the policy "error" refuses."""
    drop = "let the tokenizer drop it (unknown='drop')"
    why = {
        "unknown": f"holds characters outside the charset: {sorted(set(unknown))}; add them to the charset, {drop}, "
        "or have them removed (unknown='strip')",
        "empty": f"is empty; remove it, or {drop}",
        "too long": f"is longer than {longest} characters; allow more, or {drop}",
        "infeasible": f"needs more than the network's {time_steps} time steps; make them more (CTC: widen the input), "
        f"or {drop}",
    }
    return f"The label {text!r} {why[reason]}."
