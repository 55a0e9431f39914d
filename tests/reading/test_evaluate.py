import logging

import numpy as np
import pytest

from keras_textrec import CTCTokenizer, ImageConverter, Lexicon, Reading
from keras_textrec.data import find_sources
from keras_textrec.reading import evaluate, read_stream
from keras_textrec.reading.evaluate import evaluate_sets, evaluate_source
from tests.tiny import crnn, draw, png, write_lmdb

pytestmark = pytest.mark.one_backend


class Answers:
    """A recogniser that gives prepared texts, one after the other; images of one width are asked for together."""

    converter = ImageConverter(32, 64, "widen")
    tokenizer = CTCTokenizer("abc")

    def __init__(self, *texts):
        self.texts = iter(texts)
        self.asked = []

    def read_stream(self, images, batch_size, **known):
        self.known = known

        def read_batch(x, valid_ratio):
            self.asked.append((len(x), batch_size))
            return [Reading(next(self.texts), 1.0) for _ in x]

        return read_stream(images, self.converter, read_batch, batch_size)


class Records(list):
    """A source of (bytes or an exception, text)."""

    def __getitem__(self, index):
        data, text = super().__getitem__(index)
        if isinstance(data, Exception):
            raise data
        return data, text

    def key(self, index):
        return f"record {index}"


IMAGE = png(draw("x"))


@pytest.mark.parametrize(
    "wanted, read, accuracy, exact, ned",
    [
        ("Hello", "Hello", 1, 1, 1),
        ("Hello", "hello", 1, 0, 4 / 5),
        ("it's", "its", 1, 0, 3 / 4),
        ("New York", "NewYork", 1, 1, 1),  # spaces are not compared
        ("cat", "cart", 0, 0, 3 / 4),
        ("cat", "", 0, 0, 0),
        ("!?", "", 0, 0, 0),  # nothing of it is among a-z and 0-9: it is to be read exactly
        ("!?", "! ?", 1, 1, 1),
        ("привет", "", 0, 0, 0),
        ("über", "uber", 0, 0, 3 / 4),
    ],
)
def test_one_word(wanted, read, accuracy, exact, ned):
    result = evaluate_source(Answers(read), Records([(IMAGE, wanted)]))
    assert (result["samples"], result["protocol"]) == (1, "alphanumeric")
    assert (result["accuracy"], result["exact"], result["ned"]) == (accuracy, exact, pytest.approx(ned))


@pytest.mark.parametrize(
    "wanted, read, accuracy, exact",
    [
        ("Привет!", "привет", 1, 0),
        ("Привет", "пока", 0, 0),
        ("你好", "", 0, 0),
        ("é", "e\u0301", 1, 1),
        ("!", "?", 0, 0),
    ],
)
def test_a_charset_beyond_ascii_is_judged_by_all_its_letters(wanted, read, accuracy, exact):
    model = Answers(read)
    model.tokenizer = CTCTokenizer("Прпиветока你好é!?")
    result = evaluate_source(model, Records([(IMAGE, wanted)]))
    assert (result["protocol"], result["accuracy"], result["exact"]) == ("letters", accuracy, exact)


def test_unreadable_records_count_as_wrong(caplog):
    records = Records([(b"no image", "a"), (IMAGE, "b"), (ValueError("no label"), "c"), (IMAGE, "d"), (IMAGE, "e")])
    records.append((png(draw("x")[:2].repeat(60, 1)), "too long for a line"))
    with caplog.at_level(logging.WARNING):
        result = evaluate_source(Answers("b", "d", "x"), records)
    assert result["samples"] == 6
    assert result["unreadable"] == 3
    assert result["accuracy"] == result["exact"] == result["ned"] == 2 / 6
    assert result["images_per_second"] > 0
    for record, key in zip(caplog.records, ("record 0", "record 2", "record 5"), strict=True):
        assert f"An unreadable record counts as wrong, {key}: " in record.getMessage()


def test_texts_stay_with_their_images():
    """Readings come by width: the long images' last."""
    long = png(draw("x" * 20))
    records = Records([(long, "a"), (IMAGE, "b"), (b"", "c"), (long, "d"), (IMAGE, "e"), (IMAGE, "f"), (IMAGE, "g")])
    model = Answers("b", "e", "f", "a", "d", "g")
    assert evaluate_source(model, records, batch_size=3)["exact"] == 6 / 7
    assert model.asked == [(3, 3), (2, 3), (1, 3)]


@pytest.mark.parametrize("batch_size", [0, -1])
def test_a_batch_size_is_a_number_of_images(batch_size):
    with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1"):
        evaluate_source(Answers("a"), Records([(IMAGE, "a")]), batch_size)


def test_an_empty_source_is_refused():
    with pytest.raises(ValueError, match="nothing to evaluate"):
        evaluate_source(Answers(), Records())


def test_the_mean_is_over_sets():
    """As the field does it: a small set counts as much as a large one."""
    one, two = Records([(IMAGE, "a")] * 3), Records([(IMAGE, "B")])
    results = evaluate_sets(Answers("a", "a", "x", "b"), {"one": one, "two": two})
    assert [row["name"] for row in results["sets"]] == ["one", "two"]
    assert results["mean"] == {"accuracy": pytest.approx((2 / 3 + 1) / 2), "exact": pytest.approx(1 / 3), "ned": 1 / 3}


def test_benchmarks_below_a_folder(tmp_path):
    """Labels that are the recogniser's own readings, but for one."""
    words = ["cat", "walrus", "dog"]
    readings = [crnn().read(draw(word)).text for word in words]
    for name, texts in [("photos/IC13", readings), ("SVT", [*readings[:2], "wrong"])]:
        write_lmdb(tmp_path / name, words)
        relabel(tmp_path / name, texts)
    assert list(find_sources(tmp_path)) == ["SVT", "photos/IC13"]
    results = crnn().evaluate_benchmarks(tmp_path, batch_size=2)
    assert [(row["name"], row["samples"], row["accuracy"]) for row in results["sets"]] == [
        ("SVT", 3, pytest.approx(2 / 3)),
        ("photos/IC13", 3, 1),
    ]
    assert results["mean"]["accuracy"] == pytest.approx(5 / 6)
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        crnn().evaluate_benchmarks(tmp_path / "lost")


def relabel(path, texts):
    import lmdb

    with lmdb.open(str(path)) as environment, environment.begin(write=True) as transaction:
        for number, text in enumerate(texts, 1):
            transaction.put(b"label-%09d" % number, text.encode())


def test_a_known_dataset_is_compared_by_its_protocol(monkeypatch):
    monkeypatch.setattr(evaluate, "protocol_of", lambda source: "chinese")
    result = evaluate_source(Answers("漢ａ", "字"), Records([(IMAGE, "漢 A"), (IMAGE, "子")]))
    assert (result["protocol"], result["accuracy"], result["exact"]) == ("chinese", 1 / 2, 0)


def test_labels_of_one_case_are_told(caplog):
    caplog.set_level(logging.INFO)
    evaluate_sets(Answers("a", "b"), {"cased": Records([(IMAGE, "Aa")]), "loud": Records([(IMAGE, "B")])})
    assert "The labels of loud are all in upper case" in caplog.text and "cased" not in caplog.text


def test_sets_are_read_within_their_words_too(tmp_path):
    path = write_lmdb(tmp_path / "signs", ["cab", "abc"])
    sources = find_sources(path)
    (tmp_path / "signs" / "lexicons.txt").write_text("cab\tabba\nabc\tcab\n", "utf-8")
    model = Answers("cab", "ab", "cab", "ABC")
    results = evaluate_sets(model, sources, lexicon=True)
    assert [(row["name"], row["accuracy"]) for row in results["sets"]] == [("signs", 0.5), ("signs, 2 words", 1.0)]
    assert results["mean"]["accuracy"] == 0.5
    assert [lexicon.words for lexicon in model.known["lexicon"]] == [("cab", "abba"), ("abc", "cab")]
    (tmp_path / "words.txt").write_text("cab\nabc\nbac\n", "utf-8")
    results = evaluate_sets(Answers("cab", "ab", "cab", "bac"), sources, lexicon=tmp_path / "words.txt")
    assert [row["name"] for row in results["sets"]] == ["signs", "signs, 3 words"]
    assert results["sets"][1]["words"] == 3
    opened = Lexicon(["cab", "abc"], unlisted=0.25)
    results = evaluate_sets(Answers("cab", "ab", "cab", "abc"), sources, lexicon=opened)
    assert [row["name"] for row in results["sets"]] == ["signs", "signs, 2 words, unlisted 0.25"]
    assert results["sets"][1]["unlisted"] == 0.25 and results["mean"]["accuracy"] == 0.5
    model = Answers("cab", "ab", "cab", "abc")
    results = evaluate_sets(model, sources, lexicon=True, orientations="tall", pattern=None)
    assert [row["name"] for row in results["sets"]] == ["signs", "signs, 2 words, tall"]
    assert model.known.keys() == {"lexicon", "orientations"} and results["sets"][1]["orientations"] == "tall"


def test_sets_are_read_as_they_may_stand_and_by_what_is_known_too(tmp_path):
    place = write_lmdb(tmp_path / "signs", ["cat"])
    words = draw("walrus"), draw("ox")
    sources = find_sources(place)
    sources["turned"] = Records([(png(np.rot90(image, 2)), crnn().read(image, allow="a-k").text) for image in words])
    results = evaluate_sets(crnn(), sources, orientations=(180,), allow="a-k")
    assert [row["name"] for row in results["sets"]][2:] == ["turned", "turned, 180, allow a-k"]
    assert results["sets"][2]["accuracy"] < results["sets"][3]["accuracy"] == 1
    assert results["weighted_mean"]["accuracy"] == 0
    again = crnn().evaluate_benchmarks(place, orientations=(180, 0), pattern="[a-z]+")
    assert [row["name"] for row in again["sets"]] == ["signs", "signs, 180/0, pattern"]
    assert again["sets"][1]["pattern"] == "[a-z]+"
    unread = Records([(RuntimeError("is read"), "a")])
    for wrong, message in (({"orientations": (45,)}, "orientations are"), ({"pattern": "("}, "pattern")):
        with pytest.raises(ValueError, match=message):
            evaluate_sets(crnn(), {"signs": unread}, **wrong)


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "No dataset has a lexicons.txt beside it"),
        ("cab\n", "has 1 lines for 2 records"),
        ("cab\n\n", "has an empty line"),
    ],
)
def test_words_that_do_not_go_with_the_records(content, message, tmp_path):
    sources = find_sources(write_lmdb(tmp_path / "signs", ["cab", "abc"]))
    if content is not None:
        (tmp_path / "signs" / "lexicons.txt").write_text(content, "utf-8")
    with pytest.raises(ValueError, match=message):
        evaluate_sets(Answers(), sources, lexicon=True)
