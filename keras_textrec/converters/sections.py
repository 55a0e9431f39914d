"""The publishers' YAML, value by value: whatever is not as it should be gives one error that says where.

Values are never printed: aliases make a small file into a text without end.
"""

from collections.abc import Iterator
from typing import Any

import yaml

LARGEST_FILE = 256 * 1024  # bytes; published ones have 5,000
LARGEST_NUMBER = 1024  # a damaged one must not make a network that fills the memory


class Section:
    """A mapping of a configuration.

    Args:
        values: what YAML gives.
        where: its place, for errors.

    Raises ValueError, here and in the methods, when something is missing or of another type.
    """

    def __init__(self, values: Any, where: str):
        if not isinstance(values, dict):
            raise ValueError(f"{where} must be a section of names and values.")
        self.values = values
        self.where = where

    def section(self, key: str) -> "Section":
        if self.values.get(key) is None:
            raise ValueError(f"{self.where} has no {key}.")
        return Section(self.values[key], f"{self.where}.{key}")

    def optional(self, key: str) -> "Section | None":
        return None if self.values.get(key) is None else self.section(key)

    def text(self, key: str) -> str:
        """Nothing is the empty text."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{self.where}.{key} must be a text.")
        return value or ""

    def flag(self, key: str) -> bool:
        """Nothing is False."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            raise ValueError(f"{self.where}.{key} must be true or false.")
        return value is True

    def number(self, key: str, default: int | None = None, largest: int = LARGEST_NUMBER) -> int:
        return self._number(self.values.get(key, default), key, largest)

    def numbers(
        self, key: str, count: int, default: list[int] | None = None, largest: int = LARGEST_NUMBER
    ) -> list[int]:
        values = self.values.get(key, default)
        if not isinstance(values, list) or len(values) != count:
            raise ValueError(f"{self.where}.{key} must be a list of {count} numbers.")
        return [self._number(value, key, largest) for value in values]

    def _number(self, value: Any, key: str, largest: int) -> int:
        if type(value) is not int or not 0 < value <= largest:
            raise ValueError(f"{self.where}.{key} must be a whole number from 1 to {largest}.")
        return value

    def steps(self, *path: str) -> Iterator[tuple[str, "Section"]]:
        """The (name, options) of those steps of the pipeline below `path` that have options."""
        values: Any = self.values
        for key in path:
            values = values.get(key) if isinstance(values, dict) else None
        for step in values if isinstance(values, list) else []:
            if isinstance(step, dict) and len(step) == 1:
                ((name, options),) = step.items()
                if isinstance(name, str) and isinstance(options, dict):
                    yield name, Section(options, name)


def read_sections(content: bytes, name: str) -> Section:
    """A file of YAML; `name` is for errors.

    Raises:
        ValueError: it is no YAML, or holds no names and values.
    """
    if len(content) > LARGEST_FILE:
        raise ValueError(f"{name} is too large to be a configuration.")
    try:
        values = yaml.safe_load(content)
    # PyYAML has errors of its own, but lets those of `int("x")` and the like out where a file says `!!int x`.
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:500] or type(error).__name__
        raise ValueError(f"{name} is no configuration in YAML: {reason}.") from error
    if not isinstance(values, dict):
        raise ValueError(f"{name} is no configuration of PaddleOCR or MindOCR: it holds no names and values.")
    return Section(values, "the configuration")
