"""What is known of texts and how they may stand: the options that `read` and `evaluate` share."""

import argparse
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> Any:
    """The options; gives their group, for more of them."""
    group = parser.add_argument_group("what is known of the texts (docs/reading.md)")
    group.add_argument("--allow", metavar="CHARACTERS", help="the characters that a text may have, as 0-9A-Z-")
    group.add_argument("--pattern", metavar="EXPRESSION", help="a regular expression that the whole text fits")
    group.add_argument(
        "--orientations",
        metavar="DEGREES",
        help="read each image turned counterclockwise, too, and keep the best: 0,180 or 0,90,180,270 or 0,stacked "
        "(letters one below the other) or tall (all but 180, of images higher than wide)",
    )
    group.add_argument(
        "--unlisted",
        type=float,
        metavar="SHARE",
        help="of the lexicon: how often any other text occurs, beside the rarest word: 0.001 for the words of a "
        "language, which then mend what is nearly one of them (default: 0, never)",
    )
    return group


def of_options(options: argparse.Namespace) -> dict[str, Any]:
    """What was given of them, as `TextRecognizer.read` takes it."""
    known = {name: value for name in ("allow", "pattern") if (value := getattr(options, name)) is not None}
    if options.orientations is not None:
        several = tuple(int(one) if one.isdecimal() else one for one in options.orientations.split(","))
        known["orientations"] = "tall" if several == ("tall",) else several
    return known
