"""Label files and folders that other programs and systems made: each works, or is told in a sentence."""

import csv
import logging
import os
import pickle
import unicodedata

import pytest

import keras_textrec.data as data
from keras_textrec.data.labels import read_labels

pytestmark = pytest.mark.once

TEXTS = ["one", "two 2", "three"]


@pytest.fixture
def place(tmp_path):
    """A folder of three images, a.jpg, b.jpg, c.jpg, each with its name as its content."""
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def records(path):
    return list(data.open_source(path))


RECORDS = [(b"a.jpg", "one"), (b"b.jpg", "two 2"), (b"c.jpg", "three")]


# === Names ===


@pytest.mark.parametrize(
    "written,lying",
    [
        ("images\\word.jpg", "images/word.jpg"),
        ("Images\\Word.JPG", "images/word.jpg"),
        ("word.jpg", "word.JPG"),
        (unicodedata.normalize("NFC", "éü.jpg"), unicodedata.normalize("NFD", "éü.jpg")),
        (unicodedata.normalize("NFD", "é/ü.jpg"), unicodedata.normalize("NFC", "é/ü.jpg")),
        ("word.jpg ", "word.jpg"),
        ("./word.jpg", "word.jpg"),
    ],
)
def test_names_of_another_system(tmp_path, written, lying):
    (tmp_path / lying).parent.mkdir(exist_ok=True)
    (tmp_path / lying).write_bytes(b"image")
    (tmp_path / "labels.tsv").write_text(f"{written}\ttext\n", encoding="utf-8")
    source = data.open_source(tmp_path)
    assert list(source) == list(pickle.loads(pickle.dumps(source))) == [(b"image", "text")]


def test_the_first_images_may_be_missing(place):
    (place / "labels.tsv").write_text("lost.jpg\tx\nb.jpg\ttwo\n")
    source = data.open_source(place)
    assert source[1] == (b"b.jpg", "two")
    with pytest.raises(FileNotFoundError, match=r"There is no image .*lost\.jpg\."):
        source[0]


@pytest.mark.parametrize(
    "name,cause",
    [
        ("C:\\data\\a.jpg", "Its names are whole paths, of another machine"),
        ("/home/somebody/a.jpg", "Its names are whole paths, of another machine"),
        ("a.png", r"But there is a\.jpg: correct the names"),
        ("lost.jpg", "the first that .*labels.tsv names.$"),
    ],
)
def test_why_images_are_missing(place, name, cause):
    (place / "labels.tsv").write_text(f"{name}\tx\n")
    with pytest.raises(FileNotFoundError, match=cause):
        data.open_source(place)


# === Cells and columns ===

TABLES = {
    "semicolons.csv": "a.jpg;one\nb.jpg;two 2\nc.jpg;three\n",
    "semicolons.txt": "a.jpg;one\nb.jpg;two 2\nc.jpg;three\n",
    "commas.txt": "a.jpg,one\nb.jpg,two 2\nc.jpg,three\n",
    "tabs.csv": "a.jpg\tone\nb.jpg\ttwo 2\nc.jpg\tthree\n",
    "plates.csv": "id,file,plate\n1,a.jpg,one\n2,b.jpg,two 2\n3,c.jpg,three\n",
    "german.csv": "Bild;Kennzeichen\na.jpg;one\nb.jpg;two 2\nc.jpg;three\n",
    "text first.csv": "plate,picture\none,a.jpg\ntwo 2,b.jpg\nthree,c.jpg\n",
    "pandas' index.csv": ",img,content\n0,a.jpg,one\n1,b.jpg,two 2\n2,c.jpg,three\n",
    "numbered.tsv": "1\ta.jpg\tone\n2\tb.jpg\ttwo 2\n3\tc.jpg\tthree\n",
    "a name that is none.csv": "name,file,text\nAnna,a.jpg,one\nBert,b.jpg,two 2\nCarl,c.jpg,three\n",
    "more columns.csv": "image,source,text,label\na.jpg,web,one,7\nb.jpg,web,two 2,8\nc.jpg,web,three,9\n",
    "keys.jsonl": '{"img": "a.jpg", "gt": "one"}\n{"img": "b.jpg", "text": "two 2"}\n{"img": "c.jpg", "gt": "three"}\n',
}


@pytest.mark.parametrize("name", TABLES)
def test_tables(place, name):
    (place / name).write_text(TABLES[name], encoding="utf-8")
    assert records(place / name) == RECORDS


def test_columns_that_cannot_be_told(place):
    (place / "labels.csv").write_text("file,town,plate\na.jpg,Bonn,one\n")
    with pytest.raises(ValueError, match=r"labels\.csv has the columns \['file', 'town', 'plate'\].*call it `text`"):
        data.open_source(place)


def test_the_quotes_of_pandas(place):
    texts = ['say "yes"', "plain", '"', "tab\there"]
    with (place / "labels.tsv").open("w", newline="") as file:
        csv.writer(file, delimiter="\t", lineterminator="\n").writerows(zip(["a.jpg"] * 4, texts))
    assert [text for _, text in read_labels(place / "labels.tsv")] == texts


@pytest.mark.parametrize("text", ['"', '"Hello"', 'a "b" c', '5"', '""', '""" and "'])
def test_quotes_that_belong_to_the_text(place, text):
    (place / "labels.tsv").write_text(f'a.jpg\t{text}\nb.jpg\t"x\n')
    assert next(read_labels(place / "labels.tsv")) == ("a.jpg", text)


def test_numbers_are_texts(place):
    (place / "labels.jsonl").write_text('{"file": "a.jpg", "text": 12.50}\n{"file": "b.jpg", "text": 7}\n')
    assert [text for _, text in records(place)] == ["12.50", "7"]
    (place / "labels.jsonl").unlink()
    (place / "labels.json").write_text('{"a.jpg": 1234567890123456789}')
    assert records(place) == [(b"a.jpg", "1234567890123456789")]


def test_errors_stay_short(place):
    (place / "labels.jsonl").write_text('{"words": ["' + '", "'.join(map(str, range(9999))) + '"]}\n')
    with pytest.raises(ValueError, match="Line 1 of .* names no image") as error:
        data.open_source(place)
    assert len(str(error.value)) < 500


# === Folders ===


def test_a_text_file_for_each_image(place, caplog):
    for name, text in zip("abc", TEXTS):
        (place / f"{name}.gt.txt").write_text(f"{text}\n")
    assert records(place) == RECORDS
    assert data.folder(place).key(1) == str(place / "b.jpg")
    assert list(data.find_sources(place)) == [place.name]
    assert not caplog.text
    (place / "lost.gt.txt").write_text("x")
    (place / "d.png").write_bytes(b"d")
    (place / "b.gt.txt").write_text("two\nlines\n")
    caplog.set_level(logging.WARNING)
    source = data.open_source(place)
    assert len(source) == 3 and source[2] == RECORDS[2]
    assert "2 files are no pair, d.png first" in caplog.text
    with pytest.raises(ValueError, match=r"b\.gt\.txt has several lines"):
        source[1]


def test_thousands_of_text_files_make_a_short_error(tmp_path):
    for number in range(3000):
        (tmp_path / f"img_{number:04d}.gt.txt").touch()
    with pytest.raises(ValueError, match=r"img_0004\.gt\.txt and 2,995 more\); name one of them") as error:
        data.open_source(tmp_path)
    assert len(str(error.value)) < 500


def test_a_folder_of_paddleocr(place):
    rec = place / "rec"
    rec.mkdir()
    for part in ("train", "test"):
        (rec / part).mkdir()
        (rec / part / "w.jpg").write_bytes(part.encode())
        (rec / f"rec_gt_{part}.txt").write_text(f"{part}/w.jpg\tword\n")
    with pytest.raises(ValueError, match=r"rec_gt_test\.txt, rec_gt_train\.txt\); name one of them"):
        data.open_source(place)
    assert records(rec / "rec_gt_train.txt") == [(b"train", "word")]
    with pytest.raises(FileNotFoundError, match=r"but rec_gt_test\.txt, rec_gt_train\.txt in the folder above"):
        data.open_source(rec / "train")
    (rec / "rec_gt_test.txt").unlink()
    assert records(place) == [(b"train", "word")]


def test_a_folder_of_ppocrlabel(place):
    (place / "Label.txt").write_text('p/1.jpg\t[{"transcription": "x", "points": [[0, 0]]}]\n')
    (place / "rec_gt.txt").write_text("a.jpg\tone\n")
    (place / "fileState.txt").write_text("p/1.jpg\t1\n")
    assert records(place) == RECORDS[:1]


def test_label_files_of_unusual_names_are_told(place):
    deep = place / "deep"
    deep.mkdir()
    (deep / "a.jpg").write_bytes(b"a.jpg")
    (deep / "words.txt").write_text("a.jpg one\n")
    assert records(place) == RECORDS[:1]
    (deep / "notes.txt").write_text("nothing")
    with pytest.raises(FileNotFoundError, match=r"but deep/notes\.txt, deep/words\.txt: name the one"):
        data.open_source(place)


# === Links ===


def test_links_lead_nowhere_twice(place, write):
    sets = place / "sets"
    for name, text in (("one", "a"), ("two", "b")):
        write(f"sets/{name}", [(b"image", text)])
    os.symlink(sets / "one", sets / "again")
    os.symlink(sets, sets / "back")
    os.symlink(place, sets / "further back")
    os.symlink(sets, place / "same")
    for opening in (data.open_source, data.lmdb):
        assert [text for _, text in opening(sets)] == ["a", "b"]
        assert len(opening(place)) == 2
    assert list(data.find_sources(sets)) == ["one", "two"]
    assert list(data.find_sources([sets, place / "same"])) == ["one", "two"]
    assert list(data.find_sources(place / "same")) == ["one", "two"]


def test_a_label_file_of_two_names(place):
    (place / "gt.txt").write_text("a.jpg one\n")
    os.symlink(place / "gt.txt", place / "labels.txt")
    assert records(place) == RECORDS[:1]
