import logging

import pytest

from keras_textrec.data.label_check import check_labels, tell_labels
from keras_textrec.text import CTCTokenizer

pytestmark = pytest.mark.once


class Texts:
    """A source whose images nobody may read."""

    def __init__(self, texts):
        self.texts = texts
        self.seen = []

    def __len__(self):
        return len(self.texts)

    def text(self, index):
        self.seen.append(index)
        if isinstance(self.texts[index], Exception):
            raise self.texts[index]
        return self.texts[index]


def tokenizer(unknown="strip"):
    return CTCTokenizer("0123456789abcdef", lowercase=True, unknown=unknown)


def test_what_is_dropped_and_changed_is_told(caplog):
    source = Texts(["äöüßD10CF1", "abc", ValueError("damaged"), "zzz", "aabbccddee", "Ä1"])
    with caplog.at_level(logging.INFO):
        tell_labels(source, tokenizer(), length=8)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    for part in (
        "Labels: 2 of 5 labels dropped; 1 unknown; 1 too long; 2 stripped of unknown characters",
        "outside the charset: 'z' 3x, 'ä' 2x",
        "'äöüßD10CF1' is 'd10cf1'",
        "unknown, for example: 'zzz'",
        "leave such labels out (model.tokenizer.unknown=drop)",
    ):
        assert part in record.getMessage()


def test_what_is_well_is_not_told(caplog):
    with caplog.at_level(logging.INFO):
        tell_labels(Texts(["abc", "10"]), tokenizer())
        assert not caplog.records
        tell_labels(Texts(["ABC", "10"]), tokenizer())
    (record,) = caplog.records
    assert record.levelno == logging.INFO and "1 made lower case" in record.getMessage()


@pytest.mark.parametrize("unknown", ["strip", "drop", "error"])
def test_nothing_to_be_learnt_is_an_error(unknown):
    with pytest.raises(ValueError, match="None of these labels can be used: 2 of 2 labels dropped; 2 unknown; outside"):
        tell_labels(Texts(["привет", "мир"]), tokenizer(unknown))


def test_a_label_that_is_refused_is_told_at_once():
    with pytest.raises(ValueError, match=r"Not all labels can be used: 1 of 2 labels dropped; 1 unknown.*'strip'\)\.$"):
        tell_labels(Texts(["abc", "xyz"]), tokenizer("error"))
    with pytest.raises(ValueError, match=r"\(unknown='strip'\), or take upper case as lower \(lowercase=True\)\."):
        tell_labels(Texts(["abc", "aBC"]), CTCTokenizer("abc"))


def test_large_sources_are_looked_at_here_and_there(caplog):
    source = Texts(["abc"] * 5000 + ["xyz"] * 5000)
    report = check_labels(source, tokenizer(), most=1000)
    assert (report.labels, report.usable) == (1000, 500)
    assert source.seen[0] == 0 and source.seen[-1] == 9999 and len(set(source.seen)) == 1000
    source = Texts(["abc"] * 20_000 + ["xyz"] * 5000)
    tell_labels(source, tokenizer())
    assert "looked at; of 25,000 in all" in caplog.text


def test_what_to_do_about_labels_that_cannot_fit(caplog):
    """Of an MRZ line: a run of fillers needs a blank between each two."""
    tell_labels(Texts(["aaaaaaaa", "ab", "abcdefabcdef"]), tokenizer(), length=10, time_steps=12)
    assert "1 infeasible" in caplog.text and "a wider canvas, by training.canvases" in caplog.text
    assert "1 too long" in caplog.text and "training.max_length=N" in caplog.text
