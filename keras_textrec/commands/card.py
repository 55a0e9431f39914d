"""`keras-textrec card`: model cards."""

import argparse
import pathlib

from keras_textrec.system.paths import check_file

HELP = "the model card of a preset"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("preset", nargs="?", help="a name or a folder")
    which.add_argument("--all", metavar="DIR", help="the cards of all named presets, a file DIR/NAME.md each")
    parser.add_argument("--output", metavar="FILE", help="write it here instead of printing it")


def run(options: argparse.Namespace) -> int:
    from keras_textrec.presets import preset_names
    from keras_textrec.presets.card import make_card
    from keras_textrec.zoo import describe

    if options.all and options.output:
        raise ValueError("--all writes many cards, each into its own file below DIR; leave out --output.")
    if options.all:
        pathlib.Path(options.all).mkdir(parents=True, exist_ok=True)
    elif options.output:
        check_file(options.output)
    names = preset_names() if options.all else [options.preset]
    for name in names:
        card = make_card(describe(name), name)
        output = pathlib.Path(options.all, f"{name}.md") if options.all else options.output
        if output:
            pathlib.Path(output).write_text(card, encoding="utf-8")
        else:
            print(card, end="")
    return 0
