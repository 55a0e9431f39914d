import json

import pytest

from keras_textrec import CTCTokenizer, ImageConverter, Reading
from keras_textrec.data import find_sources, lmdb
from keras_textrec.reading import read_stream
from keras_textrec.reading.evaluate import read_set, scores
from keras_textrec.reports import evaluate
from keras_textrec.reports.tables import read_rows
from tests.tiny import write_lmdb

pytestmark = pytest.mark.once


class Reader:
    """A recogniser that gives prepared texts in the order of the records, each with its confidence."""

    converter = ImageConverter(32, 64)
    tokenizer = CTCTokenizer("abc")

    def __init__(self, *texts, confidence=0.9):
        self.texts = iter(texts)
        self.confidence = confidence

    def read_stream(self, images, batch_size):
        def read_batch(x, valid_ratio):
            return [Reading(next(self.texts), self.confidence) for _ in x]

        return read_stream(images, self.converter, read_batch, batch_size)


@pytest.fixture
def folder(tmp_path):
    write_lmdb(tmp_path / "sets" / "one", ["cat", "Dog", "no image", "emu"], damaged=[2])
    write_lmdb(tmp_path / "sets" / "<two>", ["привет", "!?"])
    return tmp_path / "sets"


@pytest.fixture
def evaluation(folder):
    first = Reader("привет", "", "cat", "dog", "<script>")  # sets come sorted by name
    second = Reader("пpивет", "!?", "cat", "cog", "emu")
    return evaluate({"first": first, "second & last": second}, find_sources(folder))


def test_every_set_under_every_protocol(evaluation):
    results = json.loads(json.dumps(evaluation.results))
    two, one = results["sets"]
    assert (one["name"], one["samples"], one["unreadable"], one["accuracy"], one["exact"]) == ("one", 4, 1, 0.5, 0.25)
    accuracy = {name: row["accuracy"] for name, row in one["protocols"].items()}
    assert accuracy == {"alphanumeric": 0.5, "punctuation": 0.5, "caseless": 0.5, "exact": 0.25, "letters": 0.5}
    # Beyond ASCII a label is compared by its own characters, and nothing that is read is never right.
    assert {row["accuracy"] for row in two["protocols"].values()} == {0.5}
    assert results["mean"]["accuracy"] == 0.5 and results["weighted_mean"]["exact"] == pytest.approx(2 / 6)
    assert results["against"]["weighted_mean"]["accuracy"] == pytest.approx(3 / 6)


def test_two_side_by_side(evaluation):
    assert evaluation.comparison() == [
        {"name": "<two>", "samples": 2, "only_first": 1, "only_second": 1, "difference": 0, "p": 1},
        {"name": "one", "samples": 4, "only_first": 1, "only_second": 1, "difference": 0, "p": 1},
        {"name": "all", "samples": 6, "only_first": 2, "only_second": 2, "difference": 0, "p": 1},
    ]


def test_a_row_for_each_word(evaluation, tmp_path):
    evaluation.write_csv(tmp_path / "words.csv")
    rows = read_rows(tmp_path / "words.csv")
    assert [(row["set"], row["label"], row["text"], row["right"], row["edits"]) for row in rows] == [
        ("<two>", "привет", "привет", "1", "0"),
        ("<two>", "!?", "", "0", "2"),
        ("one", "cat", "cat", "1", "0"),
        ("one", "Dog", "dog", "1", "1"),
        ("one", "no image", "", "0", "7"),
        ("one", "emu", "<script>", "0", "8"),
    ]
    assert [row["other_right"] for row in rows] == ["0", "1", "1", "0", "0", "1"]
    assert rows[4]["width"] == rows[4]["confidence"][:1] == "0" and float(rows[2]["contrast"]) > 30
    assert rows[2]["height"] == "24"


def test_the_page_needs_nothing_else(evaluation, tmp_path):
    evaluation.write_html(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "<script" not in page and "http" not in page and "src=" not in page.replace('src="data:image/jpeg', "")
    assert "&lt;script&gt;" in page and "&lt;two&gt;" in page and "second &amp; last" in page
    for heading in (
        "by what is compared",
        "Character errors",
        "Confidence",
        "Characters taken for others",
        "Only first",
    ):
        assert heading in page
    # Two words are wrong, in all sets and in their own; two are read by the one alone, two by the other.
    assert page.count("<img") == 2 + 2 + 2 + 2


def test_one_model_and_one_set(tmp_path):
    write_lmdb(tmp_path / "words", ["cat"])
    evaluation = evaluate({"it": Reader("cat")}, find_sources(tmp_path))
    evaluation.write_html(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "beside" not in page and "<details" not in page and "<img" not in page
    assert "against" not in evaluation.results
    with pytest.raises(ValueError, match="Give one model, or two to compare; these are 3"):
        evaluate(dict.fromkeys("abc"), {})


PAIRS = [("joint", "joint"), ("two words", "twowords"), ("Ab", "ab"), ("x", "y")]


def test_the_numbers_are_those_of_recmetric(parts, tmp_path):
    """The published numbers came without their texts: these pairs have the same ones under RecMetric's rules."""
    readings = read_set(Reader(*(text for text, _ in PAIRS)), lmdb(write_lmdb(tmp_path / "w", [b for _, b in PAIRS])))
    for case, protocol in [("plain", "exact"), ("is_filter", "alphanumeric")]:
        ours, expected = scores(readings, protocol), parts[0]["metric"][case]
        assert 4 * ours["accuracy"] / (4 + 1e-5) == pytest.approx(expected["acc"], rel=1e-9)
        assert 1 - 4 * (1 - ours["ned"]) / (4 + 1e-5) == pytest.approx(expected["norm_edit_dis"], rel=1e-9)


def test_the_numbers_are_a_plain_count(tmp_path):
    words = [("hello", "hello"), ("helo", "hello"), ("wurld", "world"), ("It s", "it's"), ("abcd", "ab")]
    readings = read_set(Reader(*(text for text, _ in words)), lmdb(write_lmdb(tmp_path / "w", [b for _, b in words])))
    found = scores(readings, "exact")
    assert found == {
        "accuracy": 1 / 5,
        "ned": pytest.approx((1 + 4 / 5 + 4 / 5 + 2 / 4 + 2 / 4) / 5),
        "cer": pytest.approx(6 / 21),
        "insertions": 2,
        "deletions": 2,
        "substitutions": 2,
        "characters": 21,
    }
