"""Characters to class ids and back: what a network is trained on, and what its probabilities say."""

import dataclasses
import re
import unicodedata
from collections.abc import Sequence
from typing import Self

import numpy as np

from keras_textrec.text.charset import Charset
from keras_textrec.text.direction import has_right_to_left, to_logical, to_visual
from keras_textrec.text.label_report import LabelReport, refusal
from keras_textrec.text.readings import Character, Reading, reading_of

POLICIES = ("error", "drop", "strip")


class Tokenizer:
    """Base: texts to the ids of their characters. A subclass says which ids, and what probabilities say.

    This is where labels are normalised, once and for all: a text is the same however its accents are written (composed,
    NFC, or as characters of their own, NFD), and is encoded by those of the charset. The classes stay what the charset
    says, also where it holds characters in another form (a letter and its accent apart, compatibility characters).

    Attributes:
        first_id: the id of the charset's first character; the others follow in order.

    Args:
        charset: a `Charset`, or what makes one.
        lowercase: lower-case every label before it is encoded.
        unknown: what to do with a label that cannot be trained on as it stands. "error" raises; "drop" leaves out the
            label; "strip" removes its unknown characters (PaddleOCR's way) and leaves out what still does not fit.
        max_length: the most characters of a label, counted after stripping. (PaddleOCR counts before it.)
        right_to_left: whether texts in Arabic, Hebrew and the like, which are kept in logical order, are encoded in the
            order in which a picture shows them from left to right, and what is read turned back (`to_visual`). None:
            whether the charset has letters of such a script.

    Raises ValueError when the policy or the charset is not valid.
    """

    first_id = 1

    def __init__(
        self,
        charset: Charset | str | Sequence[str],
        lowercase: bool = False,
        unknown: str = "error",
        max_length: int | None = None,
        right_to_left: bool | None = None,
    ):
        if unknown not in POLICIES:
            raise ValueError(f"The policy for unknown characters must be one of {POLICIES}, got {unknown!r}.")
        self.charset = charset if isinstance(charset, Charset) else Charset(charset)
        self.lowercase = lowercase
        self.unknown = unknown
        self.max_length = max_length
        self._direction = right_to_left  # as it was given: another charset may be of another script
        self.right_to_left = has_right_to_left("".join(self.charset)) if right_to_left is None else right_to_left
        self._ids = {character: id for id, character in enumerate(self.charset, start=self.first_id)}
        self._joined: dict[str, str] = {}  # the charset's characters of which NFC makes several
        for character in [entry for entry in self.charset if len(entry) == 1]:
            normal = unicodedata.normalize("NFC", character)
            if len(normal) > 1:
                self._joined[normal] = character
            else:
                self._ids.setdefault(normal, self._ids[character])
        self._several = re.compile("|".join(sorted(self._joined, key=len, reverse=True)))

    @classmethod
    def of(cls, tokenizer: "Tokenizer | Charset | str | Sequence[str]", network: str) -> Self:
        """What a network is given as its tokenizer: a tokenizer of this class, or the characters to make one of.

        Raises:
            ValueError: a tokenizer of another class, or what `Charset` refuses.
        """
        if isinstance(tokenizer, cls):
            return tokenizer
        if isinstance(tokenizer, Tokenizer):
            raise ValueError(
                f"{network} needs the tokenizer {cls.__name__}, not {type(tokenizer).__name__}; give it that, or the "
                "charset alone."
            )
        return cls(tokenizer)

    @property
    def vocabulary_size(self) -> int:
        """V, the number of the network's classes."""
        raise NotImplementedError

    def required_time_steps(self, ids: Sequence[int]) -> int:
        """The fewest steps in which a network can write these characters."""
        raise NotImplementedError

    def decode(self, probabilities: np.ndarray, *, valid_ratio: np.ndarray | None = None) -> list[Reading]:
        """What probabilities, float (B, T, V), say.

        `valid_ratio`, float (B,), is the part of the input's width that each image fills; None: all of it.
        """
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
            raise ValueError(refusal(text, reason, unknown, self.max_length, time_steps))
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
                raise ValueError(refusal(text, reason, unknown, longest, time_steps))
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
                report.add_example(reason, repr(text))
                continue
            report.lowered += self.lowercase and text.lower() != text
            report.normalized += not unicodedata.is_normalized("NFC", text)
            if unknown:
                report.stripped += 1
                kept = "".join(character for character in self._normal(text) if character not in unknown)
                report.add_example("stripped", f"{text!r} is {kept!r}")
        return report

    def _normal(self, text: str) -> str:
        """The text in the characters that the charset has, as far as it has them."""
        if self.lowercase:
            text = text.lower()
        if text.isascii():
            return text
        text = unicodedata.normalize("NFC", text)
        if self._joined:
            text = self._several.sub(lambda match: self._joined[match[0]], text)
        if all(character in self._ids for character in text):
            return text
        return "".join(self._parts(character) or character for character in text)

    def _parts(self, character: str) -> str | None:
        """The characters of the charset that a character is made of: a letter and its accents; None if it is not."""
        if character in self._ids:
            return character
        code_points = unicodedata.decomposition(character)
        if code_points and not code_points.startswith("<"):
            parts = "".join(chr(int(code, 16)) for code in code_points.split())
        else:
            parts = unicodedata.normalize("NFD", character)  # which has Hangul's
        found = [self._parts(part) for part in parts] if parts != character else [None]
        return None if None in found else "".join(found)

    def _encode(self, text: str, longest: int | None, time_steps: int | None) -> tuple[list, str | None, list]:
        """The ids of the known characters, why the label is refused (None: it is not), and its unknown characters."""
        characters = self._normal(text)
        if self.right_to_left:
            characters = [character for _, character in to_visual(characters)]
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

    def known_ids(self, text: str) -> tuple[list[int], list[str]]:
        """The ids of a text's characters, whatever its length, and those of its characters that have none."""
        ids, _, unknown = self._encode(text, None, None)
        return ids, unknown

    def text(self, ids: Sequence[int]) -> str:
        """What ids of characters write, as they stand from left to right."""
        entries = [self.charset.characters[id - self.first_id] for id in ids]
        return "".join(text for _, text in to_logical(entries)) if self.right_to_left else "".join(entries)

    def checked(self, probabilities: np.ndarray) -> np.ndarray:
        """Probabilities (B, T, V) as an array. ValueError: another shape."""
        probabilities = np.asarray(probabilities)
        if probabilities.ndim != 3 or probabilities.shape[-1] != self.vocabulary_size:
            raise ValueError(
                f"The probabilities must have the shape (images, time steps, {self.vocabulary_size}) for this charset, "
                f"got {probabilities.shape}."
            )
        return probabilities

    def _greedy(self, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The best class of every step, int (B, T), and its probability, float64 (B, T)."""
        probabilities = self.checked(probabilities)
        best = probabilities.argmax(-1)  # NumPy's argmax takes the first of equals, as Paddle's does.
        return best, np.take_along_axis(probabilities, best[..., None], -1)[..., 0].astype("float64")

    def reading(self, characters: Sequence[Character], attention: np.ndarray | None = None) -> Reading:
        """The reading of characters as they stand from left to right, with their attention (characters, ...)."""
        if self.right_to_left:
            order = to_logical([character.text for character in characters])
            characters = [dataclasses.replace(characters[place], text=text) for place, text in order]
            attention = None if attention is None else attention[[place for place, _ in order]]
        return reading_of(characters, attention)

    def __repr__(self) -> str:
        rest = {name: value for name, value in self.get_config().items() if name != "charset"}
        values = ", ".join(f"{name}={value!r}" for name, value in rest.items())
        return f"{type(self).__name__}({self.vocabulary_size} classes, {self.charset!r}, {values})"

    def get_config(self) -> dict:
        """Plain values that rebuild the tokenizer."""
        return {
            "charset": self.charset.get_config(),
            "lowercase": self.lowercase,
            "unknown": self.unknown,
            "max_length": self.max_length,
            "right_to_left": self._direction,
        }

    @classmethod
    def from_config(cls, config: dict) -> "Tokenizer":
        """The tokenizer of a `get_config`."""
        return cls(**config)
