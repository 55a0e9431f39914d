import itertools
import json
import pickle
import unicodedata
from collections import Counter

import keras
import numpy as np
import pytest

from keras_textrec.text import (
    AttentionTokenizer,
    Charset,
    CTCTokenizer,
    LabelReport,
    NRTRTokenizer,
    SARTokenizer,
)

pytestmark = pytest.mark.once

ALPHANUMERIC = Charset.named("alphanumeric")


@pytest.mark.parametrize("case, lowercase", [("ctc_none25", True), ("ctc_ic15_25", False)])
def test_encodes_as_paddleocr(parts, case, lowercase):
    tokenizer = CTCTokenizer(ALPHANUMERIC, lowercase=lowercase, unknown="strip", max_length=25)
    expected = parts[0]["label_encode"][case]
    assert tokenizer.vocabulary_size == expected["n_chars"]
    for text, array, length in expected["cases"]:
        assert tokenizer.encode(text) == (None if array is None else array[:length]), text
    texts = [text for text, _, _ in expected["cases"]]
    ids, keep = tokenizer.encode_batch(texts, length=25)
    assert keep.tolist() == [array is not None for _, array, _ in expected["cases"]]
    assert (np.maximum(ids, 0)[keep] == [array for _, array, _ in expected["cases"] if array]).all()


def test_a_line_of_fillers_needs_a_blank_between_any_two():
    """A passport's line: 44 characters, and up to 2 * 44 - 1 steps; labels of more than a network has are told."""
    tokenizer = CTCTokenizer("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<")
    line = "P<UTOERIKSSON<<ANNA<MARIA".ljust(44, "<")
    for text in (line, "<" * 44):
        ids = tokenizer.encode(text, time_steps=87)
        lattice = np.zeros((1, 87, tokenizer.vocabulary_size), "float32")
        lattice[0, np.arange(87), [ids[step // 2] if step % 2 == 0 else 0 for step in range(87)]] = 1.0
        assert tokenizer.decode(lattice)[0].text == text
        lattice[0, 1::2] = lattice[0, :-1:2]  # without blanks a run is one character
        assert len(tokenizer.decode(lattice)[0].text) == len("".join(key for key, _ in itertools.groupby(text)))
    assert tokenizer.required_time_steps(tokenizer.encode("<" * 44)) == 87
    report = tokenizer.check([line, "<" * 44], length=44, time_steps=86)
    assert report.dropped == {"infeasible": 1} and "<" * 44 in report.examples["infeasible"][0]
    assert tokenizer.check([line], length=44, time_steps=25).dropped == {"infeasible": 1}


def test_encodes_with_a_large_charset(parts):
    # Every character of the published cases in some order, and the space last, as use_space_char puts it.
    expected = parts[0]["label_encode"]["ctc_ch25"]
    places = {}
    for text, array, length in expected["cases"]:
        places.update(zip(array[:length], text, strict=True) if array else ())
    characters = [places.get(id, f"<{id}>") for id in range(1, expected["n_chars"])]
    tokenizer = CTCTokenizer(characters, unknown="strip", max_length=25)
    assert tokenizer.vocabulary_size == 6625 and characters[-1] == " "
    for text, array, length in expected["cases"]:
        assert tokenizer.encode(text) == (None if array is None else array[:length]), text


def test_decodes_as_paddleocr(parts):
    readings = CTCTokenizer(ALPHANUMERIC).decode(parts[1]["dec.ctc.probs"])
    for reading, (text, confidence) in zip(readings, parts[0]["decode"]["ctc"], strict=True):
        assert reading.text == text == "".join(c.text for c in reading.characters)
        assert reading.confidence == pytest.approx(confidence, abs=1e-6)


def test_decode_gives_confidence_and_place_of_every_character():
    probabilities = np.full((1, 8, 3), 0.05, "float32")
    for frame, (id, value) in enumerate(
        [(0, 0.9), (1, 0.5), (1, 0.8), (0, 0.9), (1, 0.7), (2, 0.6), (0, 0.9), (0, 0.9)]
    ):
        probabilities[0, frame, id] = value
    (reading,) = CTCTokenizer("ab").decode(probabilities)
    assert reading.text == "aab"
    # The middles of the runs, 2, 4.5 and 5.5, move by 0.25; borders lie between them.
    assert [(c.left * 8, c.right * 8) for c in reading.characters] == [(1, 3.5), (3.5, 5.25), (5.25, 6.25)]
    assert [c.confidence for c in reading.characters] == pytest.approx([0.5, 0.7, 0.6])
    assert reading.confidence == pytest.approx(0.6)
    assert json.loads(json.dumps(reading.to_dict())) == {
        "text": "aab",
        "confidence": reading.confidence,
        "characters": [vars(c) for c in reading.characters],
    }


@pytest.mark.parametrize(
    ("frames", "valid_ratio", "places"),
    [
        (
            [1, 0, 0, 0, 2, 0, 0, 0, 0, 0],
            1.0,
            [(0.0, 4.0), (4.0, 8.0)],
        ),  # 1.5 to the right, not the 2 to the middle
        ([1, 0, 0, 0, 2, 0, 0, 0, 0, 0], 0.6, [(0.0, 3.0), (3.0, 6.0)]),  # 0.5 to the right, and not beyond the image
        ([0, 0, 0, 1, 0, 0, 0, 2, 2, 2], 1.0, [(0.0, 5.0), (5.0, 10.0)]),  # 1 to the left
        ([0, 1, 0, 0, 0, 0, 0, 0, 0, 0], 0.8, [(0.0, 8.0)]),
        ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1.0, []),
    ],
)
def test_places_of_letters(frames, valid_ratio, places):
    (reading,) = CTCTokenizer("ab").decode(np.eye(3)[None, frames], valid_ratio=np.array([valid_ratio]))
    assert [(c.left * 10, c.right * 10) for c in reading.characters] == [pytest.approx(place) for place in places]


def test_decode_ties_and_multi_code_point_entries():
    (reading,) = CTCTokenizer(["ffi", "x\u0301"]).decode(np.array([[[0.2, 0.4, 0.4], [0.5, 0.5, 0.0], [0, 0, 1.0]]]))
    assert reading.text == "ffix\u0301"


def test_places_that_no_label_is_encoded_to():
    """Of a publisher's dictionary: each is read, and a character's last place is what its labels mean."""
    tokenizer = CTCTokenizer(["a", "", "b", "a"], unknown="strip")
    assert tokenizer.encode("ab") == [4, 3]
    (reading,) = tokenizer.decode(np.eye(5)[[1, 0, 2, 3, 4]][None])
    assert reading.text == "aba" and [c.text for c in reading.characters] == ["a", "", "b", "a"]


def test_decode_refuses_another_vocabulary():
    with pytest.raises(ValueError, match=r"\(images, time steps, 37\)"):
        CTCTokenizer(ALPHANUMERIC).decode(np.zeros((2, 25, 95)))


@pytest.mark.parametrize(
    "text, message",
    [
        ("naïve café", r"label 'naïve café' holds characters outside the charset: \[' ', 'é', 'ï'\]"),
        ("", "is empty"),
        ("abcdefg", "longer than 6 characters"),
        ("aabbc", "more than the network's 6 time steps"),
    ],
)
def test_policy_error(text, message):
    tokenizer = CTCTokenizer(ALPHANUMERIC, max_length=6)
    for encode in (tokenizer.encode, lambda text, time_steps: tokenizer.encode_batch(["ok", text], 10, time_steps)):
        with pytest.raises(ValueError, match=message):
            encode(text, time_steps=6)


LABELS = ["plain", "naïve café", "ééé", "", "abcdefg", "aabbc", "éaabb"]


@pytest.mark.parametrize(
    "policy, kept, dropped, stripped",
    [
        ("drop", ["plain"], {"unknown": 3, "empty": 1, "too long": 1, "infeasible": 1}, 0),
        ("strip", ["plain", "aabb"], {"unknown": 1, "empty": 1, "too long": 2, "infeasible": 1}, 1),
        ("error", None, {"unknown": 3, "empty": 1, "too long": 1, "infeasible": 1}, 0),
    ],
)
def test_policies_and_counts(policy, kept, dropped, stripped):
    tokenizer = CTCTokenizer(ALPHANUMERIC, unknown=policy)
    report = tokenizer.check(LABELS, length=6, time_steps=6)
    assert report == LabelReport(7, Counter(dropped), stripped, Counter({"é": 5, "ï": 1, " ": 1}))
    if kept is not None:
        ids, keep = tokenizer.encode_batch(LABELS, length=6, time_steps=6)
        assert ids.shape == (7, 6) and ids.dtype == "int32" and keep.dtype == bool
        texts = ["".join(ALPHANUMERIC.characters[id - 1] for id in row if id > 0) for row in ids]
        assert [text for text, good in zip(texts, keep, strict=True) if good] == kept
        assert (ids[~keep] == -1).all() and keep.sum() == report.labels - sum(report.dropped.values())


def test_reports_add_and_read_well():
    tokenizer = CTCTokenizer(ALPHANUMERIC, unknown="strip")
    report = sum((tokenizer.check([label], 6, 6) for label in LABELS), LabelReport())
    assert report == tokenizer.check(LABELS, 6, 6)
    assert str(report).startswith("5 of 7 labels dropped; 2 too long; 1 unknown; 1 empty; 1 infeasible; 1 stripped")
    assert "'é' 5x" in str(report)
    assert pickle.loads(pickle.dumps(report)) == report


def test_unknown_policy_is_refused():
    with pytest.raises(ValueError, match="must be one of"):
        CTCTokenizer("ab", unknown="ignore")


@pytest.mark.parametrize("charset", ["ab ", ["a", "ffi"], ["a", ""], ["b", "a", "b"]])
def test_serialisation_round_trip(charset):
    tokenizer = CTCTokenizer(charset, lowercase=True, unknown="strip", max_length=7)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(tokenizer)))
    for copy in (keras.saving.deserialize_keras_object(config), pickle.loads(pickle.dumps(tokenizer))):
        assert copy.get_config() == tokenizer.get_config()
        assert copy.charset == tokenizer.charset
        assert copy.encode("A") == [tokenizer.charset.index("a") + 1]


def read(tokenizer, *ids):
    """What the tokenizer makes of these classes, a blank between them."""
    frames = [frame for id in ids for frame in (id, 0)]
    return tokenizer.decode(np.eye(tokenizer.vocabulary_size)[None, frames])[0]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize(
    "charset, label, ids",
    [
        ("caféß", "café", [1, 2, 3, 4]),
        (["c", "a", "f", "e", "\u0301"], "café", [1, 2, 3, 4, 5]),  # the accent is a class of its own
        (["e", "\u0301", "é"], "é", [3]),
        ("ếệ", "ếệ", [1, 2]),
        (["ê", "\u0301", "\u0323", "e"], "ế", [1, 2]),  # a part of it is one character
        (["\u0958", "\u0915", "\u093c"], "\u0958\u0915", [1, 2]),  # Unicode never composes this one
        (["\u212b", "x"], "Åx", [1, 2]),  # the sign of the unit: another code for the same letter
        (["\u212b", "Å"], "Å", [2]),
        ("\uf902", "\u8eca", [1]),
        ("한글", "한글", [1, 2]),
        (["ᄒ", "ᅡ", "ᆫ"], "한", [1, 2, 3]),
    ],
)
def test_composed_and_decomposed_are_one_label(form, charset, label, ids):
    tokenizer = CTCTokenizer(charset)
    written = unicodedata.normalize(form, label)
    assert tokenizer.encode(written) == ids
    assert tokenizer.check([written]).usable == 1


def test_an_accent_is_not_stripped_from_its_letter():
    tokenizer = CTCTokenizer("cafe", unknown="strip")
    for form in ("NFC", "NFD"):
        label = unicodedata.normalize(form, "café")
        assert tokenizer.encode(label) == [1, 2, 3]
        assert tokenizer.check([label]).unknown == {"é": 1}


def test_lower_case_is_composed_too():
    tokenizer = CTCTokenizer("é", lowercase=True)
    assert tokenizer.encode("É") == tokenizer.encode("E\u0301") == [1]


def test_right_to_left_labels_are_encoded_as_pictures_show_them():
    tokenizer = CTCTokenizer("שלום 12")
    assert tokenizer.right_to_left
    assert tokenizer.encode("שלום 12") == [6, 7, 5, 4, 3, 2, 1]
    reading = read(tokenizer, 6, 7, 5, 4, 3, 2, 1)
    assert reading.text == "שלום 12"
    assert [c.text for c in reading.characters] == list("שלום 12")
    assert reading.characters[0].left > reading.characters[3].left > reading.characters[6].left > 0


def test_direction_is_declared():
    assert not CTCTokenizer("abcé").right_to_left
    assert CTCTokenizer("abcش").right_to_left
    logical = CTCTokenizer("שלום", right_to_left=False)
    assert logical.encode("שלום") == [1, 2, 3, 4]
    assert read(logical, 1, 2, 3, 4).text == "שלום"
    assert CTCTokenizer.from_config(logical.get_config()).right_to_left is False
    config = CTCTokenizer("abc").get_config()
    assert CTCTokenizer.from_config({**config, "charset": "שלום"}).right_to_left  # another script
    del config["right_to_left"]
    assert not CTCTokenizer.from_config(config).right_to_left  # written before there was the argument


@pytest.mark.parametrize("cls", [AttentionTokenizer, SARTokenizer, NRTRTokenizer])
def test_attention_decoders_read_right_to_left_too(cls):
    tokenizer = cls("אבג1")
    ids = tokenizer.encode("אב1")
    assert ids == [tokenizer.first_id + place for place in (3, 1, 0)]
    probabilities = np.eye(tokenizer.vocabulary_size)[None, [*ids, tokenizer.end_id]]
    (reading,) = tokenizer.decode(probabilities, np.arange(4.0)[None, :, None])
    assert reading.text == "אב1"
    assert reading.attention.ravel().tolist() == [2, 1, 0]


def test_what_a_network_is_given():
    """A tokenizer of its class, or characters; never another's."""
    tokenizer = CTCTokenizer("ab")
    assert CTCTokenizer.of(tokenizer, "CRNN") is tokenizer
    assert CTCTokenizer.of("ab", "CRNN").charset == CTCTokenizer.of(Charset("ab"), "CRNN").charset == Charset("ab")
    with pytest.raises(ValueError, match="CRNN needs the tokenizer CTCTokenizer, not AttentionTokenizer; give it that"):
        CTCTokenizer.of(AttentionTokenizer("ab"), "CRNN")


def test_a_report_tells_what_is_changed_and_shows_examples():
    tokenizer = CTCTokenizer("df10cé", lowercase=True, unknown="strip")
    report = tokenizer.check(["äöüßD10CF1", "D10", "df", "e\u0301", "ß", "", "ab", "äx", "xyz"])
    assert (report.labels, report.usable, report.stripped, report.lowered, report.normalized) == (9, 4, 1, 2, 1)
    assert report.examples["stripped"] == ("'äöüßD10CF1' is 'd10cf1'",)
    assert report.examples["unknown"] == ("'ß'", "'ab'", "'äx'")
    text = str(report + report)
    for part in (
        "10 of 18 labels dropped; 8 unknown; 2 empty; 2 stripped of unknown characters; 4 made lower case",
        "2 brought into composed form (NFC)",
        "outside the charset: 'ä' 4x, 'ß' 4x",
        "stripped, for example: 'äöüßD10CF1' is 'd10cf1', 'äöüßD10CF1' is 'd10cf1'",
    ):
        assert part in text, text


def test_a_tokenizer_shows_itself():
    expected = (
        "CTCTokenizer(37 classes, Charset(36 characters: 0123456789abcdefghijklmnopqrstuvwxyz), lowercase=False, "
    )
    assert repr(CTCTokenizer(ALPHANUMERIC)).startswith(expected + "unknown='error', max_length=None")
