"""`keras-textrec synthesize`: rendered words."""

import argparse

from keras_textrec.system.numbers import at_least
from keras_textrec.system.paths import check_folder, check_picture
from keras_textrec.system.terminal import print_table

HELP = "render word images into an LMDB, or on a sheet to look at"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", nargs="?", metavar="DIR", help="the LMDB; may be left out with --preview")
    parser.add_argument("--count", type=at_least(1), metavar="N", help="default: the configuration's")
    parser.add_argument("--config", metavar="FILE", help="YAML, what is to differ from synthesis/default.yaml")
    parser.add_argument("-o", action="append", default=[], metavar="KEY=VALUE", help="change a key of the YAML")
    parser.add_argument("--seed", type=at_least(0))
    parser.add_argument("--charset", help="the characters, a file of one a line, or a list's name (default: ascii)")
    parser.add_argument("--fonts", dest="fonts.folders", nargs="+", metavar="FOLDER", help="default: the system's")
    words = parser.add_mutually_exclusive_group()
    words.add_argument("--words", dest="text.words", nargs="+", metavar="FILE", help="default: the system's lists")
    words.add_argument(
        "--only-words", nargs="+", metavar="FILE", help="these as they are written, each once before any comes twice"
    )
    parser.add_argument("--photos", dest="colour.photos.folder", metavar="FOLDER", help="for colours and textures")
    parser.add_argument("--difficulty", type=float, help="0: clean short words .. 1: as in photos (the default)")
    parser.add_argument("--start", type=at_least(0), default=0, metavar="N", help="the number of the first image")
    parser.add_argument("--resume", action="store_true", help="go on where an interrupted writing ended")
    parser.add_argument("--boxes", action="store_true", help="keep the corners of the characters, as boxes-%%09d")
    parser.add_argument("--processes", type=at_least(1), help="default: all cores")
    parser.add_argument("--preview", metavar="SHEET.PNG", help="draw the first images and measure a thousand")
    parser.add_argument("--beside", nargs="+", default=[], metavar="SOURCE", help="real words to preview them with")


def run(options: argparse.Namespace) -> int:
    from keras_textrec.synthesis import WordRenderer, synthesize
    from keras_textrec.synthesis.config import load_config, parse_settings
    from keras_textrec.synthesis.preview import preview

    if not options.directory and not options.preview:
        raise ValueError("Nothing to do; give a folder for the LMDB, or --preview SHEET.PNG.")
    if options.preview:
        check_picture(options.preview)
    if options.directory:
        check_folder(options.directory)
    flags = ("count", "seed", "charset", "difficulty", "fonts.folders", "text.words", "colour.photos.folder")
    given = {flag: getattr(options, flag) for flag in flags if getattr(options, flag) is not None}
    if options.only_words:
        given |= {"text.words": options.only_words, "text.only_words": True}
    config = load_config(options.config, **(given | parse_settings(options.o)))
    if options.preview:
        rows = preview(WordRenderer(config=config), options.preview, options.beside)
        names = ("10th 50th 90th percentile", "rendered", "real", "apart (0..1)")
        print_table(names[: len(rows[0])], rows)
    if options.directory:
        synthesize(
            options.directory,
            config=config,
            processes=options.processes,
            start=options.start,
            resume=options.resume,
            boxes=options.boxes,
        )
    return 0
