import argparse
from types import SimpleNamespace

import numpy as np
import pytest

from keras_textrec import ImageConverter, TextSpotter
from keras_textrec.commands import main
from keras_textrec.data import lmdb
from keras_textrec.data.batches import Batches
from keras_textrec.data.pipeline import BatchDataset
from keras_textrec.system.numbers import at_least, whole_number
from keras_textrec.system.workers import Workers
from keras_textrec.text import CTCTokenizer
from tests.tiny import write_lmdb

pytestmark = pytest.mark.once


def test_whole_numbers():
    assert whole_number("steps", np.int64(3)) == 3
    assert whole_number("processes", 0, least=0) == 0
    for value in (0, -1, 2.0, "3", None):
        with pytest.raises(ValueError, match=f"^steps must be a whole number of at least 1, not {value!r}.$"):
            whole_number("steps", value)
    assert at_least(0)("0") == 0
    with pytest.raises(argparse.ArgumentTypeError, match="must be a whole number of at least 2, not 'few'"):
        at_least(2)("few")


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"batch_size": -4}, {"steps_per_epoch": 0}])
def test_batches(tmp_path, options):
    source = lmdb(write_lmdb(tmp_path / "words", ["cat"]))
    arguments = {"batch_size": 2, "length": 8, "training": True, **options}
    with pytest.raises(ValueError, match=f"{next(iter(options))} must be a whole number of at least 1"):
        Batches(source, ImageConverter(32, 64), CTCTokenizer("act"), **arguments)


@pytest.mark.parametrize("options", [{"processes": -1}, {"threads": 0}])
def test_loading(tmp_path, options):
    source = lmdb(write_lmdb(tmp_path / "words", ["cat"]))
    batches = Batches(source, ImageConverter(32, 64), CTCTokenizer("act"), 1, length=8)
    with pytest.raises(ValueError, match=f"{next(iter(options))} must be a whole number"):
        BatchDataset(batches, **options)


def test_workers_and_the_spotter():
    with pytest.raises(ValueError, match="processes must be a whole number of at least 1, not -2"):
        Workers(len, -2)
    with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1, not -1"):
        TextSpotter(both := SimpleNamespace(detect=None, read=None), both).read(np.zeros((20, 20, 3)), batch_size=-1)


@pytest.mark.parametrize(
    "command",
    [
        "evaluate p x --batch-size 0",
        "train p --train a --validation b --output c --processes -1",
        "train p --train a --validation b --output c --epochs 0",
        "synthesize out --count -5",
        "synthesize out --count 3 --processes 0",
    ],
)
def test_the_command_line(command, capsys):
    with pytest.raises(SystemExit) as exit:
        main(command.split())
    assert exit.value.code == 2
    assert "must be a whole number of at least" in capsys.readouterr().err
