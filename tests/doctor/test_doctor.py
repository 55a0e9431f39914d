"""The data doctor finds what is wrong, and leaves the sources alone."""

import hashlib
import json
import pathlib
import types

import cv2
import numpy as np
import pytest
from PIL import Image

import keras_textrec.data as data
from keras_textrec.commands import main
from keras_textrec.doctor import inspect, left_in, write_clean, write_page
from keras_textrec.doctor.duplicates import Looks, similar_groups
from keras_textrec.doctor.pictures import same_picture
from keras_textrec.images import in_one_line, load_image
from keras_textrec.text import Charset, Reading
from tests.tiny import WORDS, crnn, draw, png, write_lmdb

pytestmark = pytest.mark.one_backend


@pytest.fixture
def sets(tmp_path):
    """A training and a test set with every fault; the last digits of the keys are in the comments."""

    def write(name, records):
        with data.LMDBWriter(tmp_path / name) as writer:
            for image, text in records:
                writer.append(image if isinstance(image, bytes) else png(image), text)
        return str(tmp_path / name)

    blank = np.full((20, 50, 3), 200, np.uint8)
    again = cv2.imencode(".jpg", draw("walrus")[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
    train = [
        (draw("cat"), "cat"),  # 1
        (b"no image", "dog"),  # 2, unreadable
        (draw("owl"), ""),  # 3, empty
        (draw("emu"), "\u00e9mu \u00e9"),  # 4, outside
        (draw("bee"), "beebeebee"),  # 5, longer than 8
        (draw("yak"), "aaaaaaa"),  # 6: 13 time steps
        (draw("fish"), "fish"),  # 7, 8: duplicates
        (draw("fish"), "fish"),
        (draw("gnu"), "gnu"),  # 9, 10: contradictory
        (draw("gnu"), "gna"),
        (draw("ant"), "ant"),  # 11: in the test set
        (draw("walrus"), "walrus"),  # 12, 13: look the same
        (again, "walrus"),
        (draw("lion"), "lion"),  # 14: looks like one of the test set
        (blank, "fog"),  # 15
        (draw("ibis")[::5], "ibis"),  # 16, tiny
        (cv2.resize(draw("orca"), (4200, 40)), "orca"),  # 17, huge
        (draw("bird"), "bird"),  # 18
    ]
    test = [(draw("ant"), "ant"), (cv2.resize(draw("lion"), None, fx=2, fy=2), "lion"), (draw("fox"), "fox")]
    return write("train", train), write("test", test)


def found(diagnosis):
    """The numbers of the records of each finding, counted from 1, and through into the test set."""
    return {finding.name: [position + 1 for position in finding.positions] for finding in diagnosis.findings}


def digest(folder):
    return hashlib.sha256(pathlib.Path(folder, "data.mdb").read_bytes()).hexdigest()


def diagnose(sets, **options):
    train, test = (data.lmdb(path) for path in sets)
    return inspect(train, test, progress=False, **options)


EXPECTED = {
    "unreadable": [2],
    "empty": [3],
    "too long": [5],
    "infeasible": [6],
    "outside the charset": [4],
    "blank": [15],
    "tiny": [16],
    "huge": [17],
    "contradictory": [9, 10],
    "in train and test": [11, 19],
    "duplicates": [7, 8],
    "nearly in train and test": [14, 20],
    "near duplicates": [12, 13],
}


def test_every_fault_is_found(sets):
    diagnosis = diagnose(sets, model=model(), reading=False)
    assert found(diagnosis) == EXPECTED
    assert diagnosis.scan.unknown == {"\u00e9": 2, " ": 1}


def test_without_a_model_texts_are_not_measured(sets):
    """A text of 9 letters is not too long for a network, but for its image."""
    expected = {**EXPECTED, "narrow for its text": [5]}
    del expected["too long"], expected["infeasible"]
    assert found(diagnose(sets, charset=Charset.named("ascii"))) == expected
    del expected["outside the charset"]
    assert found(diagnose(sets)) == expected


def test_a_clean_source(tmp_path):
    assert (
        inspect(data.lmdb(write_lmdb(tmp_path / "words")), model=model(), reading=False, progress=False).findings == []
    )
    with data.LMDBWriter(tmp_path / "none"):
        pass
    with pytest.raises(ValueError, match="no records"):
        inspect(data.lmdb(tmp_path / "none"))


def model(read=None):
    """The tiny recogniser, whose reading of an image `read` gives: 8 characters at most, 12 time steps of 64 pixels."""
    tiny = crnn()

    def stream(images):
        for position, image in enumerate(map(load_image, images)):
            try:
                tiny.converter.canvas_width(image.shape)
            except ValueError as error:
                yield position, error
            else:
                yield position, read(image)

    return types.SimpleNamespace(
        tokenizer=tiny.tokenizer,
        converter=tiny.converter,
        label_limits=lambda: (tiny.recipe.max_length, 12),
        read_stream=stream,
    )


def test_suspicious_labels(tmp_path):
    """The surest first; case and punctuation are not compared; an unsure reading says nothing."""
    texts = ["cat", "Dog", "bird7", "fish", "Owl", "emu", "ant"]
    readings = [("cut", 0.99), ("dog", 1.0), ("bird1", 0.999), ("fash", 0.9), ("owl!", 1.0), ("", 0.0), ("ant", 1.0)]
    source = data.lmdb(write_lmdb(tmp_path / "words", texts))
    left = iter([Reading(*reading) for reading in readings])
    reader = model(lambda image: next(left, Reading("", 0.0)))  # nothing when turned
    (finding,) = (diagnosis := inspect(source, model=reader, progress=False)).findings
    assert finding.name == "suspicious"
    rows = [(row["text"], row["note"]) for row in diagnosis.examples(finding, 10)]
    assert rows == [("bird7", "read as 'bird1', 0.999"), ("cat", "read as 'cut', 0.990")]


def test_lines_too_long_to_be_read():
    """They are named, and the others read."""
    line = draw("w" * 40, 8)
    source = Labelled([png(cv2.resize(line, (2000, 8))), png(draw("cat"))], ["long", "cat"])
    diagnosis = inspect(source, model=model(lambda image: Reading("cut", 1.0)), progress=False)
    assert found(diagnosis) == {"too wide": [1], "suspicious": [2]}


def test_fix_writes_what_can_be_learnt(sets, tmp_path):
    before = [digest(path) for path in sets]
    diagnosis = diagnose(sets, model=model(), reading=False)
    counts = write_clean(tmp_path / "clean", diagnosis, progress=False)
    assert counts == {
        "kept": 7,
        "mended": 0,
        "unreadable": 1,
        "empty": 1,
        "outside the charset": 1,
        "too long": 1,
        "infeasible": 1,
        "blank": 1,
        "tiny": 1,
        "in the test set": 1,
        "contradictory": 2,
        "duplicates": 1,
    }
    clean, train = data.lmdb(tmp_path / "clean"), data.lmdb(sets[0])
    assert list(clean) == [train[number - 1] for number in (1, 7, 12, 13, 14, 17, 18)]
    left = found(inspect(clean, data.lmdb(sets[1]), model=model(), reading=False, progress=False))
    assert list(left) == ["huge", "nearly in train and test", "near duplicates"]
    assert left_in(diagnosis) == {"huge": 1, "nearly in train and test": 1, "near duplicates": 2}
    assert [digest(path) for path in sets] == before
    with pytest.raises(FileExistsError):
        write_clean(tmp_path / "clean", diagnosis, progress=False)


def test_texts_that_are_wrong_by_themselves(tmp_path, capsys):
    """Found without a charset, and mended where a rule can do it; what only looks alike is for people."""
    texts = ["cat", "ca\u200bt", "New\u00a0York", "cafe\u0301", "h\u043etel", "\u200b", "café", "rose"]
    pictures = [png(draw(word)) for word in ("cat", "coat", "New York", "cafe", "hotel", "fog", "cafe", "rose")]
    with data.LMDBWriter(tmp_path / "words") as writer:
        for picture, text in zip(pictures, texts):
            writer.append(picture, text)
    diagnosis = inspect(data.lmdb(tmp_path / "words"), progress=False)
    assert found(diagnosis) == {
        "empty": [6],
        "invisible characters": [2, 6],
        "unusual spaces": [3],
        "another normal form": [4],
        "mixed scripts": [5],
        "duplicates": [4, 7],  # NFC and NFD are one text: they do not contradict each other
    }
    notes = {f.name: next(diagnosis.examples(f, 1))["note"] for f in diagnosis.findings}
    assert notes["invisible characters"] == "U+200B ZERO WIDTH SPACE"
    assert notes["mixed scripts"] == "U+043E CYRILLIC SMALL LETTER O"
    assert main(["inspect-data", str(tmp_path / "words"), "--fix", str(tmp_path / "clean")]) == 1
    printed = capsys.readouterr().out
    assert "Texts that were mended (invisible characters, spaces, normal form): 3." in printed
    assert "Not left out, for you to judge: 1 mixed scripts" in printed
    assert [text for _, text in data.lmdb(tmp_path / "clean")] == ["cat", "cat", "New York", "café", "hоtel", "rose"]


def test_what_can_be_mended_is_not_outside_the_charset(tmp_path):
    source = data.lmdb(write_lmdb(tmp_path / "words", ["ca\u200bt", "dog"]))
    assert found(inspect(source, charset=Charset("acdgot"), progress=False)) == {"invisible characters": [1]}


def test_fix_with_nothing_left(tmp_path):
    diagnosis = inspect(data.lmdb(write_lmdb(tmp_path / "words", ["cat", "dog"], damaged=[0, 1])), progress=False)
    with pytest.raises(ValueError, match="No record is left .* 2 unreadable"):
        write_clean(tmp_path / "clean", diagnosis, progress=False)
    assert not (tmp_path / "clean").exists()


def test_the_page_shows_pictures_and_escapes_texts(tmp_path):
    texts = ["<script>alert(1)</script>", '"><img src=x onerror=y>', "half \ud83d", "&amp;"]
    source = Labelled([png(draw("cat"))] * 4, texts)
    write_page(tmp_path / "page.html", inspect(source, progress=False))
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "&lt;script&gt;alert(1)" in page and "&amp;amp;" in page and "half \\ud83d" in page
    assert "<script" not in page and "src=x" not in page.replace("&lt;img src=x", "") and "onerror" in page
    assert page.count('src="data:image/jpeg;base64,') == 4 + 2  # two are narrow for their texts, too
    assert "http" not in page


class Labelled:
    """A source of images and texts that no file would hold."""

    def __init__(self, images, texts):
        self.records = list(zip(images, texts))

    def __len__(self):
        return len(self.records)

    def __getitem__(self, index):
        return self.records[index]

    def key(self, index):
        return f"<b>{index}"


def test_pictures_are_bounded(tmp_path):
    source = Labelled([png(draw("cat"))] * 300, ["cat"] * 300)
    write_page(tmp_path / "page.html", inspect(source, progress=False))
    assert (tmp_path / "page.html").read_text("utf-8").count("<img") == 60


def looks(bits, ratio, word):
    thumbnail = np.packbits(bits.view(np.uint8), axis=1).repeat(2, 1)
    return Looks(bits, np.unpackbits(thumbnail, axis=1)[:, ::8][:, :32] * np.uint8(255), ratio, word)


def test_pairs_that_are_compared():
    """Looks that differ in a few bits, among random ones, are found whichever bits these are, and in large groups too;
    what a comparison denies is left out, and nothing is compared twice."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 1 << 63, (3000, 2), np.uint64)
    ratios, words = np.full(3000, 2.0), np.arange(3000).astype(np.uint64)
    for row in range(100):  # four bits, two in each half
        flips = [rng.choice(64, 2, replace=False) for _ in range(2)]
        bits[2000 + row] = bits[row] ^ np.array([sum(1 << int(b) for b in half) for half in flips], np.uint64)
    bits[2200:2700] = bits[2200]
    ratios[2650:2700] = 3.0  # stretched
    bits[2800:2900] = 0  # blank
    compared = []

    def same(ones, others):
        compared.extend(zip(ones.tolist(), others.tolist()))
        return np.minimum(ones, others) != 0

    groups = similar_groups(looks(bits, ratios, words), np.arange(3000) != 1, same)
    assert sorted(np.bincount(groups.numbers)) == [2] * 98 + [50, 450]
    pairs = {tuple(groups.members[groups.numbers == number]) for number in range(100)}
    assert {(row, 2000 + row) for row in range(2, 100)} <= pairs
    assert len(set(compared)) == len(compared) < 2000


@pytest.mark.parametrize("count", [2, 40])
def test_of_one_word_all_are_compared_whose_thumbnails_are_alike(count):
    rng = np.random.default_rng(0)
    thumbnails = rng.integers(0, 256, (count + 2, 32)).astype(np.uint8)
    thumbnails[count:] = np.clip(thumbnails[:2] + rng.normal(0, 30, (2, 32)), 0, 255)  # the first two again
    bits = rng.integers(0, 1 << 63, (count + 2, 2), np.uint64)
    bits[count:] = bits[:2] ^ np.uint64(1 << 3 | 1 << 17 | 1 << 45)
    records = Looks(bits, thumbnails, np.full(count + 2, 2.0), np.zeros(count + 2, np.uint64))
    groups = similar_groups(records, np.ones(count + 2, bool), lambda ones, others: np.ones(len(ones), bool))
    assert groups.members.tolist() == [0, count, 1, count + 1]


WALRUS = cv2.GaussianBlur(draw("walrus", 40), (0, 0), 0.7) // 2 + np.array([40, 60, 80], np.uint8)  # grey on a tint


@pytest.mark.parametrize(
    "change",
    [
        lambda x: cv2.imdecode(cv2.imencode(".jpg", x, [cv2.IMWRITE_JPEG_QUALITY, 50])[1], 1),
        lambda x: cv2.resize(x, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
        lambda x: cv2.resize(x, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC),
        lambda x: x[2:-1, 3:-2],
        lambda x: np.clip(x * 1.2 + 10, 0, 255).astype(np.uint8),
        lambda x: (x * 0.6).astype(np.uint8),
    ],
    ids=["JPEG", "half", "double", "cut", "brighter", "darker"],
)
def test_the_same_picture(change):
    assert same_picture(WALRUS, change(WALRUS), same_text=True)
    assert same_picture(change(WALRUS), WALRUS, same_text=True)


@pytest.mark.parametrize("words", [("market", "basket"), ("mall", "mail"), ("AB-1234", "AB-1284"), ("fall", "tall")])
def test_other_words_are_other_pictures(words):
    one, other = map(draw, words)
    other = cv2.resize(other, one.shape[1::-1])
    assert not same_picture(one, other, same_text=False)
    assert not same_picture(one, other, same_text=True)


def test_other_colours_and_letters_are_other_pictures():
    assert not same_picture(WALRUS, WALRUS[..., ::-1], same_text=True)
    assert not same_picture(draw("the"), draw("The"), same_text=True)
    slanted = cv2.warpAffine(
        WALRUS, np.float32([[1, -0.25, 5], [0, 1, 0]]), WALRUS.shape[1::-1], borderValue=(167, 187, 207)
    )
    assert not same_picture(WALRUS, slanted, same_text=True)
    blank = np.full((20, 50, 3), 200, np.uint8)
    assert not same_picture(blank, blank, same_text=True)


def test_turned_words(tmp_path):
    """Where a model reads, what it says counts; where none does, the shape. A word of two letters may be narrow."""
    texts = ["bird", "fish", "walrus", "ox", "emus", "ibis"]
    turns = [1, 2, 3, 1, 0, 0]
    with data.LMDBWriter(tmp_path / "words") as writer:
        for text, turn in zip(texts, turns):
            writer.append(png(np.rot90(draw(text), turn)), text)
    source = data.lmdb(tmp_path / "words")
    assert found(inspect(source, progress=False)) == {"narrow for its text": [1, 3]}

    upright = {draw(text).tobytes(): text for text in texts}

    def read(image):
        """Reads what stands upright."""
        return Reading(upright.get(image.tobytes(), "x"), 0.5)

    (finding,) = (diagnosis := inspect(source, model=model(read), progress=False)).findings
    rows = [(row["text"], row["note"]) for row in diagnosis.examples(finding, 10)]
    assert finding.name == "turned" and rows == [
        ("bird", "read as 'bird' when turned by 270 degrees to the left"),
        ("fish", "read as 'fish' when turned by 180 degrees to the left"),
        ("walrus", "read as 'walrus' when turned by 90 degrees to the left"),
    ]


def test_plates_of_two_lines(tmp_path):
    plates = {"ab1234": ("ab", "1234"), "cd56": ("cd", "56"), "fish": ("fish",)}
    images = {}
    for text, lines in plates.items():
        drawn = [draw(line) for line in lines]
        width = max(line.shape[1] for line in drawn)
        white = [((0, 0), (0, width - line.shape[1]), (0, 0)) for line in drawn]
        images[text] = np.concatenate([np.pad(line, pad, constant_values=255) for line, pad in zip(drawn, white)])
    source = Labelled(map(png, images.values()), images)
    assert found(inspect(source, progress=False)) == {"narrow for its text": [1, 2]}
    in_line = {in_one_line(image).tobytes(): text for text, image in images.items()}
    in_line[images["fish"].tobytes()] = "fish"

    def read(image):
        """Reads one line."""
        return Reading(in_line.get(image.tobytes(), "x"), 0.5)

    (finding,) = (diagnosis := inspect(source, model=model(read), progress=False)).findings
    assert (finding.name, finding.positions.tolist()) == ("two lines", [0, 1])
    assert finding.note(1) == "read as 'cd56' in one line"
    assert left_in(diagnosis) == {"two lines": 2}


# === The command ===


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("doctor") / "tiny"
    crnn().save_to_preset(folder)
    return str(folder)


def test_the_command_reports(sets, preset, tmp_path, capsys):
    outputs = ["--json", str(tmp_path / "report.json"), "--html", str(tmp_path / "page.html")]
    command = ["inspect-data", sets[0], "--test", sets[1], "--preset", preset, "--no-reading", *outputs]
    assert main([*command, "--fix", str(tmp_path / "clean")]) == 1
    printed, errors = capsys.readouterr()
    assert "unreadable: 1 record. " in printed and "image-000000002" in printed and "is not an image" in printed
    assert "look at records" not in printed + errors  # bars are for terminals
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    counts = {finding["name"]: finding["records"] for finding in report["findings"]}
    assert counts["duplicates"] == 2 and counts["outside the charset"] == 1
    assert report["outside_the_charset"] == {"\u00e9": 2, " ": 1}
    assert report["sets"]["train"]["records"] == 18 and report["sets"]["test"]["images"] == 3
    assert (
        report["sets"]["train"]["case"]["lower"] == 17 and report["sets"]["test"]["histogram"]["characters"]["4"] == 1
    )
    (unreadable,) = report["findings"][0]["listed"]
    assert unreadable["key"].endswith("train: image-000000002") and unreadable["text"] == "dog"
    printed = " ".join(printed.split())
    assert "Left out: 1 unreadable, 1 empty, 1 outside the charset" in printed and "1 blank, 1 tiny" in printed
    assert "for you to judge: 1 huge, 1 nearly in train and test, 2 near duplicates." in printed
    assert len(data.lmdb(tmp_path / "clean")) > 0


def test_the_command_reads(preset, tmp_path, capsys):
    """An untrained network is never sure."""
    words = write_lmdb(tmp_path / "words")
    assert main(["inspect-data", words, "--preset", preset]) == 0
    assert "Nothing is wrong; 10 records." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["missing"], "no folder"),
        (["words", "--fix", "words"], "holds an LMDB already"),
        (["photos", "--fix", "photos"], "photos is what is read; give another folder"),
        (["words", "--fix", "words/data.mdb/clean"], "data.mdb is a file; give another folder"),
        (["words", "--preview", "sheet.pgn"], "sheet.pgn is no picture's name"),
        (["words", "--json", "no/report.json"], "no folder for"),
        (["words", "--charset", "aab"], "more than once"),
        (["words", "--augment", "recaug"], "--preview"),
        (["words", "--preview", "sheet.png", "--augment", "more"], "no augmentation 'more'"),
        (["words", "--preview", "sheet.png", "--fix", "clean"], "run again without it for --fix"),
    ],
)
def test_what_cannot_be_done_is_not_a_finding(options, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_lmdb("words", WORDS[:2])
    assert main(["inspect-data", *options]) == 2
    assert message in capsys.readouterr().err


def test_charsets(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chars.txt").write_text("c\na\nt\n")
    write_lmdb("words", ["cat", "tac"])
    for charset, status in (("chars.txt", 0), ("cat", 0), ("alphanumeric", 0), ("ca", 1)):
        assert main(["inspect-data", "words", "--charset", charset]) == status


def test_preview(tmp_path, monkeypatch, caplog, capsys):
    monkeypatch.chdir(tmp_path)
    write_lmdb("words", WORDS[:6], damaged=[3])
    assert main(["inspect-data", "words", "--preview", "plain.png"]) == 0
    assert main(["inspect-data", "words", "--preview", "augmented.png", "--augment", "recaug"]) == 0
    assert caplog.text.count("Left out words: image-000000004") == 2
    write_lmdb("bad", WORDS[:1], damaged=[0])
    assert main(["inspect-data", "bad", "--preview", "bad.png", "--augment", "recaug"]) == 2
    assert "of 1 records none can be read" in capsys.readouterr().err
    plain, augmented = (np.asarray(Image.open(name)) for name in ("plain.png", "augmented.png"))
    assert plain.shape[0] < augmented.shape[0] and plain.min() < 50
