"""What `keras-textrec inspect-data` does."""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from keras_textrec.data.doctor.checks import inspect
from keras_textrec.data.doctor.clean import write_clean
from keras_textrec.data.doctor.page import write_page
from keras_textrec.data.doctor.report import print_report, write_json
from keras_textrec.data.opening import open_sources
from keras_textrec.data.preview import readable, sheet
from keras_textrec.data.sources import Source
from keras_textrec.images.sheet import contact_sheet
from keras_textrec.text.charset import NAMED_CHARACTERS, Charset


def run(options: argparse.Namespace) -> int:
    """0: nothing is wrong; 1: something is. ValueError, OSError: it cannot be told."""
    for output in filter(None, (options.json, options.html, options.preview)):
        if not Path(output).absolute().parent.is_dir():
            raise FileNotFoundError(f"There is no folder for {output}; make it first.")
    if options.fix and Path(options.fix, "data.mdb").exists():
        raise FileExistsError(f"{options.fix} holds an LMDB already; choose another folder for --fix.")
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
        kept, *left_out = write_clean(options.fix, diagnosis).items()
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in left_out if count)
        print(f"{options.fix} holds {kept[1]:,} records. Left out: {reasons or 'none'}.")
    return 1 if diagnosis.findings else 0


def _charset(name: str | None) -> Charset | None:
    """A charset by its name, of a file, or of the characters themselves."""
    if name is None:
        return None
    if Path(name).is_file():
        return Charset.from_file(name)
    return Charset.named(name) if name in NAMED_CHARACTERS else Charset(name)


def _preview(source: Source, path: str, augment: str | None, count: int = 120) -> None:
    """A sheet of records drawn by chance with their texts, or of some of them and what augmentation makes of each."""
    if augment:
        Image.fromarray(sheet(source, augment)).save(path)
        return
    chosen = np.random.default_rng(0).permutation(len(source))[:count]
    Image.fromarray(contact_sheet(*zip(*readable(source, chosen.tolist())))).save(path)
