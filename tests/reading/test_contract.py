"""What files say about themselves comes back, and what is none of ours is told from it."""

import dataclasses

import pytest

from keras_textrec.reading.confidence import Calibration
from keras_textrec.reading.contract import CONTRACT, Contract, decoder_of
from keras_textrec.text import AttentionTokenizer, CTCTokenizer, NRTRTokenizer, SARTokenizer

pytestmark = pytest.mark.once


def contract(tokenizer):
    return Contract(
        charset=tuple(tokenizer.charset),
        model="CRNN",
        preset="mine",
        version="0.1.0",
        license="",
        language="en",
        decoder=decoder_of(tokenizer),
        converter={"height": 32, "width": 100},
        sample_image=b"\x89PNG",
        sample_text="é",
    )


@pytest.mark.parametrize("cls", [CTCTokenizer, AttentionTokenizer, SARTokenizer, NRTRTokenizer])
@pytest.mark.parametrize("charset", ["abé", ["a", "", "ff", "a"], "اب1"])
def test_metadata_come_back(cls, charset):
    tokenizer = cls(charset)
    written = contract(tokenizer)
    metadata = written.to_metadata()
    assert metadata["contract"] == "1"
    assert all(isinstance(value, str) for value in metadata.values())
    read = Contract.from_metadata(metadata, "m.onnx")
    assert read == written
    again = read.make_tokenizer()
    assert type(again) is cls
    assert (again.charset, again.right_to_left) == (tokenizer.charset, tokenizer.right_to_left)
    assert read.make_converter().height == 32


def test_a_calibration_comes_back_and_files_without_one_say_nothing():
    plain = contract(CTCTokenizer("ab"))
    assert "calibration" not in plain.to_metadata()
    written = dataclasses.replace(plain, calibration=Calibration(-0.5, 0.8), confidence="probability")
    metadata = written.to_metadata()
    assert Contract.from_metadata(metadata, "m.onnx") == written
    del metadata["confidence"]  # a file of before: it may be either
    assert Contract.from_metadata(metadata, "m.onnx") == dataclasses.replace(written, confidence="")


@pytest.mark.parametrize("orientations", ["tall", [0, 180], [0, "stacked"]])
def test_orientations_come_back(orientations):
    plain = contract(CTCTokenizer("ab"))
    assert "orientations" not in plain.to_metadata()
    written = dataclasses.replace(plain, orientations=orientations)
    assert Contract.from_metadata(written.to_metadata(), "m.onnx") == written


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"contract": None}, "m.onnx is no export of keras_textrec: it has no 'contract'"),
        ({"contract": "one"}, "m.onnx is no export of keras_textrec"),
        (
            {"contract": str(CONTRACT + 1), "version": "9.0"},
            "exported by keras_textrec 9.0, contract 2; this version re",
        ),
        ({"charset": None}, "The metadata of m.onnx are damaged: .*charset.* Export it again"),
        ({"charset": "[1"}, "The metadata of m.onnx are damaged"),
        ({"decoder": "{}"}, "The metadata of m.onnx are damaged: .*kind"),
        ({"decoder": '{"kind": "beam"}'}, "The metadata of m.onnx are damaged: .*no decoder is called 'beam'"),
        ({"sample_image": "?"}, "The metadata of m.onnx are damaged"),
        ({"calibration": '{"slope": 1}'}, "The metadata of m.onnx are damaged: .*'intercept' and 'slope'"),
    ],
)
def test_other_metadata(change, sentence):
    metadata = {**contract(CTCTokenizer("ab")).to_metadata(), **change}
    with pytest.raises(ValueError, match=sentence):
        Contract.from_metadata({key: value for key, value in metadata.items() if value is not None}, "m.onnx")


def test_a_decoder_of_another_kind():
    other = Contract.from_metadata(
        {**contract(CTCTokenizer("ab")).to_metadata(), "decoder": '{"kind": "attention", "end": 7, "first": 1}'}, "m"
    )
    with pytest.raises(ValueError, match="No tokenizer decodes as"):
        other.make_tokenizer()
