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
        "--language",
        metavar="CODE",
        help="read what is nearly one of a language's words as that word, and leave other texts alone: en, fr, ... "
        '(`pip install "keras-textrec[languages]"`)',
    )
    group.add_argument(
        "--unlisted",
        type=float,
        metavar="SHARE",
        help="how often any other text occurs, beside the rarest word (default: 0.01 with --language; 0, never, with "
        "--lexicon; 0.001 is good for a list of a language's words)",
    )
    return group


def of_options(options: argparse.Namespace) -> dict[str, Any]:
    """What was given of them, as `TextRecognizer.read` takes it."""
    known = {name: value for name in ("allow", "pattern") if (value := getattr(options, name)) is not None}
    if options.orientations is not None:
        several = tuple(int(one) if one.isdecimal() else one for one in options.orientations.split(","))
        known["orientations"] = "tall" if several == ("tall",) else several
    return known


def lexicon(options: argparse.Namespace, **ignored: bool) -> Any:
    """The `Lexicon` that --language, --lexicon and --unlisted make, `ignored` being for a file's words; or None."""
    from keras_textrec.decoding import Lexicon

    unlisted = {} if options.unlisted is None else {"unlisted": options.unlisted}
    if options.language is not None:
        if options.lexicon:
            raise ValueError("Give --language or --lexicon, not both.")
        return Lexicon.of_language(options.language, **unlisted)
    if isinstance(options.lexicon, str):
        return Lexicon(options.lexicon, **ignored, **unlisted)
    if unlisted:
        raise ValueError("--unlisted goes with --language or --lexicon FILE.")
    return None
