"""`keras-textrec create-lmdb`: any sources as one LMDB."""

import argparse

from keras_textrec.system.paths import check_apart, check_folder

HELP = "copy any sources into one LMDB, the images as they are or decoded"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("output", metavar="DIR")
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="LMDB, TFRecord, label file, folder")
    parser.add_argument("--resume", action="store_true", help="go on where an interrupted writing ended")
    parser.add_argument(
        "--decoded",
        type=int,
        metavar="HEIGHT",
        help="a cache for training: images are stored decoded (BMP) and shrunk to HEIGHT pixels, which saves every "
        "epoch's decoding and takes 8 KB of disk a word at 32; give at least the height of the network's input",
    )


def run(options: argparse.Namespace) -> int:
    from keras_textrec.data import create_lmdb, open_sources

    check_folder(options.output)
    check_apart(options.output, options.sources)
    left_out = create_lmdb(
        options.output, open_sources(options.sources), resume=options.resume, decoded=options.decoded
    )
    return 1 if left_out else 0
