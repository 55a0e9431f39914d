"""`keras-textrec inspect-data`: the data doctor."""

import argparse
import sys
from pathlib import Path

from keras_textrec.system.errors import Failure
from keras_textrec.system.paths import check_apart, check_file, check_folder, check_picture

HELP = "say what is wrong with labelled images; status 1 if anything"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="LMDB, TFRecord, label file, folder")
    parser.add_argument("--test", nargs="+", metavar="SOURCE", help="records that must not be among them")
    parser.add_argument("--preset", help="what is to be trained on them: is every text feasible? What does it read?")
    parser.add_argument("--no-reading", dest="reading", action="store_false", help="do not read the images with it")
    parser.add_argument("--charset", help="the texts' characters, a file of one a line, or a list's name: ascii, ...")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--html", metavar="FILE", help="a page with pictures")
    parser.add_argument(
        "--fix", metavar="DIR", help="write an LMDB of what can be trained on, tell what is left out; sources stay"
    )
    parser.add_argument("--preview", metavar="SHEET.PNG", help="only draw some of the words")
    parser.add_argument("--augment", metavar="NAME", help="... with what this augmentation makes of them: recaug, ...")


def run(options: argparse.Namespace) -> int:
    """0: nothing is wrong; 1: something is; 2: it cannot be told."""
    try:
        return _run(options)
    except (OSError, ValueError, Failure) as error:
        print(f"keras-textrec {options.command}: {error}", file=sys.stderr)
        return 2


def _run(options: argparse.Namespace) -> int:
    from keras_textrec.data import open_sources
    from keras_textrec.doctor import inspect, left_in, print_report, write_clean, write_json, write_page

    for output in filter(None, (options.json, options.html)):
        check_file(output)
    if options.preview:
        check_picture(options.preview)
    if options.fix:
        check_folder(options.fix)
        if Path(options.fix, "data.mdb").exists():
            raise FileExistsError(f"{options.fix} holds an LMDB already; choose another folder for --fix.")
        check_apart(options.fix, options.sources)
    if options.augment and not options.preview:
        raise ValueError("--augment says what --preview draws; give it a file.")
    others = [f"--{name}" for name in ("test", "preset", "charset", "json", "html", "fix") if getattr(options, name)]
    if options.preview and others:
        raise ValueError(f"--preview only draws; run again without it for {', '.join(others)}.")
    source = open_sources(options.sources)
    if options.preview:
        _preview(source, options.preview, options.augment)
        return 0
    charset, model = _charset(options.charset), None
    if options.preset:
        from keras_textrec.models import TextRecognizer

        model = TextRecognizer.from_preset(options.preset, load_weights=options.reading, charset=charset)
    test = open_sources(options.test) if options.test else None
    diagnosis = inspect(source, test, model, charset, reading=options.reading)
    if options.json:
        write_json(options.json, diagnosis)
    if options.html:
        write_page(options.html, diagnosis)
    print_report(diagnosis)
    if options.fix:
        kept, mended, *left_out = write_clean(options.fix, diagnosis).items()
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in left_out if count)
        print(f"{options.fix} holds {kept[1]:,} records. Left out: {reasons or 'none'}.")
        if mended[1]:
            print(f"Texts that were mended (invisible characters, spaces, normal form): {mended[1]:,}.")
        if to_judge := ", ".join(f"{count:,} {name}" for name, count in left_in(diagnosis).items()):
            print(f"Not left out, for you to judge: {to_judge}.")
    return 1 if diagnosis.findings else 0


def _charset(name: str | None):
    """A charset by its name, of a file, or of the characters themselves."""
    from keras_textrec.text.charset import Charset, typed_characters

    return None if name is None else Charset(typed_characters(name))


def _preview(source, path: str, augment: str | None, count: int = 120) -> None:
    """A sheet of records drawn by chance with their texts, or of some of them and what augmentation makes of each."""
    import numpy as np
    from PIL import Image

    from keras_textrec.data.preview import readable, sheet
    from keras_textrec.images.sheet import contact_sheet

    if augment:
        Image.fromarray(sheet(source, augment)).save(path)
        return
    chosen = np.random.default_rng(0).permutation(len(source))[:count]
    Image.fromarray(contact_sheet(*zip(*readable(source, chosen.tolist())))).save(path)
