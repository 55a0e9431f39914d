"""`keras-textrec convert`: published checkpoints as presets."""

import argparse

from keras_textrec.commands.read import image_files, print_readings

HELP = "make a preset folder of a published checkpoint"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", help="PaddleOCR's, MindOCR's or OpenOCR's: a file, a .tar or a folder")
    parser.add_argument("folder", metavar="DIR", help="the preset goes here")
    parser.add_argument("--preset", metavar="NAME", help="the network it is of (default: by its config.yml)")
    parser.add_argument("--config", metavar="FILE", help="the publisher's configuration, instead of --preset")
    parser.add_argument("--charset", metavar="FILE", help="its characters, one a line, if they are others")
    parser.add_argument(
        "--guided", action="store_true", help="keep the guide of SVTRv2 or RepSVTR: for a teacher, or to train on"
    )
    parser.add_argument("--image", nargs="+", default=[], metavar="IMAGE_OR_FOLDER", help="read these with it")


def run(options: argparse.Namespace) -> int:
    from keras_textrec.converters.convert import convert
    from keras_textrec.models import RepSVTRDetector

    files = image_files(options.image)
    model = convert(
        options.checkpoint,
        options.folder,
        preset=options.preset,
        config=options.config,
        charset=options.charset,
        guided=options.guided,
    )
    print(f"{options.folder} holds the preset: {type(model).__name__}, {model.count_params():,} parameters.")
    if isinstance(model, RepSVTRDetector):
        for name in files:
            print(f"{name}: {len(model.detect(name))} words found")
        return 0
    return print_readings(model, files, "convert")
