"""Numbers that a user gives, checked where they enter."""

import argparse
import operator
from collections.abc import Callable
from typing import Any


def whole_number(name: str, value: Any, least: int = 1) -> int:
    """The argument `name` as an int. ValueError: it is no whole number, or less than `least`."""
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, not {value!r}.")
    return number


def at_least(least: int) -> Callable[[str], int]:
    """The `type` of a command line's option that takes a whole number."""

    def parse(text: str) -> int:
        try:
            return whole_number("it", int(text), least)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be a whole number of at least {least}, not {text!r}") from None

    return parse
