"""A checkpoint as its publisher trained it reads photographs as its publisher's code does, on every backend."""

from keras_textrec import describe
from keras_textrec.commands import main
from keras_textrec.presets.description import charset_of


def test_the_genuine_french_checkpoint(shared, tmp_path, capsys):
    folder = shared / "checkpoints" / "french_mobile_crnn"
    command = ["convert", str(folder / "best_accuracy.pdparams"), str(tmp_path / "french")]
    command += ["--preset", "crnn_mv3_small_french", "--image", str(folder / "images")]
    assert main(command) == 0
    output = capsys.readouterr().out
    labels = dict(line.split("\t") for line in (folder / "images" / "labels.tsv").read_text("utf-8").splitlines())
    assert len(labels) == 2 and all(text in output for text in labels.values())
    assert len(charset_of(describe(tmp_path / "french"))) == 136
