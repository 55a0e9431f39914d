"""`keras-textrec publish`: a preset onto the Hugging Face Hub."""

import argparse

HELP = "upload a preset, with its model card, to the Hugging Face Hub"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("preset", help="a name or a folder")
    parser.add_argument("repository", metavar="hf://USER/REPO")
    parser.add_argument("--exports", nargs="+", default=[], metavar="FILE", help="exported files that go along")
    parser.add_argument("--private", action="store_true", default=None, help="if the repository is to be made")
    parser.add_argument("--message", default="Upload a preset of keras_textrec", help="of the commit (%(default)s)")


def run(options: argparse.Namespace) -> int:
    from keras_textrec.zoo.publish import publish_preset

    address = publish_preset(
        options.preset,
        options.repository,
        private=options.private,
        message=options.message,
        exports=options.exports,
    )
    print(address)
    return 0
