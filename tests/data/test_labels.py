import pickle

import pytest

import keras_textrec.data as data
from keras_textrec.data.labels import read_labels
from keras_textrec.data.strings import Strings

pytestmark = pytest.mark.once

RECORDS = [("b.jpg", "Hello"), ("a.jpg", 'with "quotes", comma')]
OBJECTS = '{"filename": "b.jpg", "text": "Hello"}\n{"filename": "a.jpg", "text": "with \\"quotes\\", comma"}\n'
FORMATS = {
    "mmocr_0.jsonl": OBJECTS,
    "mmocr_0.txt": OBJECTS,
    "hugging_face.jsonl": OBJECTS.replace("filename", "file_name").replace('"text"', '"label"'),
    "blank_lines.jsonl": "\ufeff" + OBJECTS.replace("\n", "\r\n\r\n"),
    "hugging_face.csv": 'file_name,id,label\nb.jpg,7,Hello\na.jpg,8,"with ""quotes"", comma"\n',
    "paddle.txt": 'b.jpg\tHello\na.jpg\twith "quotes", comma\n',
    "objects.json": f"[{OBJECTS.replace(chr(10), ',', 1)}]",
    "by_name.json": '{"b.jpg": "Hello", "a.jpg": "with \\"quotes\\", comma"}',
    "mmocr_1.json": '{"metainfo": {"dataset_type": "TextRecogDataset"}, "data_list": ['
    '{"img_path": "b.jpg", "instances": [{"text": "Hello"}]},'
    '{"img_path": "a.jpg", "instances": [{"text": "with \\"quotes\\", comma", "ignore": false}]}]}',
}


def read(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_labels(path))


@pytest.mark.parametrize("name", FORMATS)
def test_formats(tmp_path, name):
    assert read(tmp_path / name, FORMATS[name]) == RECORDS
    old = FORMATS[name].replace("\r", "").replace("\n", "\r").rstrip("\r")  # as Macs had them, of two records or more
    assert read(tmp_path / name, old) == RECORDS
    if not name.endswith(".json"):
        assert (
            read(tmp_path / name, FORMATS[name].lstrip("\ufeff").encode("utf-16")) == RECORDS
        )  # Windows' "Unicode", with its mark


def test_paddle_lists_of_images(tmp_path):
    content = '["a.jpg", "b.jpg"]\tHello\n[c].jpg\tthere\n'
    assert read(tmp_path / "gt.txt", content) == [("a.jpg", "Hello"), ("b.jpg", "Hello"), ("[c].jpg", "there")]


def test_a_text_of_several_lines_or_with_a_tab(tmp_path):
    assert read(tmp_path / "labels.csv", 'a.jpg,"one\ttwo\nthree"\n') == [("a.jpg", "one\ttwo\nthree")]
    assert read(tmp_path / "labels.jsonl", '{"file": "a.jpg", "text": "one\\ttwo"}') == [("a.jpg", "one\ttwo")]


def test_a_folder_of_hugging_face(tmp_path):
    """Splits below one root, each with its metadata: all of them are the dataset."""
    for split, text in (("test", "one"), ("train", "two")):
        (tmp_path / split).mkdir()
        (tmp_path / split / "0.png").write_bytes(split.encode())
        (tmp_path / split / "metadata.jsonl").write_text(f'{{"file_name": "0.png", "text": "{text}"}}\n')
    (tmp_path / "README.md").write_text("a dataset")
    assert list(data.open_source(tmp_path)) == [(b"test", "one"), (b"train", "two")]


@pytest.mark.parametrize("place", ["", "imgs", ".."])
def test_where_images_are_looked_for(tmp_path, place):
    """MMOCR keeps them in `imgs`, PaddleOCR names them from a folder above."""
    folder = tmp_path / "rec"
    folder.mkdir()
    (folder / place).mkdir(exist_ok=True)
    (folder / place / "a.jpg").write_bytes(b"a")
    (folder / "annotation.json").write_text('{"a.jpg": "Hello"}')
    source = data.open_source(folder)
    assert list(source) == [(b"a", "Hello")]
    assert source.text(0) == "Hello"


def test_strings():
    strings, texts = Strings(), ["Hello", "", "é漢", "\udc80"]
    for text in texts:
        strings.append(text)
    assert list(strings) == list(pickle.loads(pickle.dumps(strings))) == texts
    assert strings[-2] == "é漢" and len(strings) == 4


# === Bad input ===


@pytest.mark.parametrize(
    "name,content,message",
    [
        ("gt.txt", b"a.jpg\tone\nb.jpg\tCaf\xe9\nc.jpg\tna\xefve", r"Line 2 of .*gt.txt is not UTF-8 .*Café.* 1 more"),
        ("labels.csv", b"a.jpg,1,000\n", r"Line 1 .* a text that holds a tab or a comma belongs"),
        ("gt.txt", b"a.jpg\tone\ttwo\n", r"Line 1 .*\['a.jpg', 'one', 'two'\]; a text that holds a tab .*jsonl"),
        ("labels.csv", b'a.jpg,one\nb.jpg,"two\nc.jpg,three\n', r"of .*labels.csv cannot be read on from.* quote"),
        ("labels.csv", b"file,text\na.jpg,one,1\n", r"Line 2 of .* is not a file name and a text"),
        ("labels.tsv", b"id\tfile\ttext\n1\ta.jpg\n", r"Line 2 of .* is not 3 cells"),
        ("labels.tsv", b'a.jpg\t[{"transcription": "x", "points": []}]\n', "Line 1 .*boxes on a page"),
        ("labels.jsonl", b'{"file": "a.jpg", "text": "x"}\n{"file": "b', "Line 2 of .* is not JSON"),
        ("labels.jsonl", b'{"file": "a.jpg", "text": null}\n', "Line 1 of .*names no image and text"),
        ("labels.jsonl", b"[1, 2]\n", "Line 1 of .*is not a file name and a text"),
        ("labels.json", b'{"a.jpg": null}', r"Record 1 of .*names no image and text"),
        ("labels.json", b'{"data_list": [{"img_path": "a.jpg", "instances": []}]}', "Record 1 of .* has 0 texts"),
        ("labels.json", b'{"data_list": [{"img_path": "a.jpg", "instances": null}]}', "Record 1 of .* has 0 texts"),
        ("labels.json", b'{"data_list": [{"img_path": "a", "instances": ["x"]}]}', "Record 1 of .* no objects"),
        ("labels.csv", b"a.jpg," + b"x" * 200_000 + b"\n", "Line 1 of .* cannot be read on from: field larger than"),
        ("labels.json", b"[1, 2]", "not a list of objects"),
        ("labels.json", b'{"a.jpg": ', "is not JSON"),
    ],
)
def test_bad_label_files(tmp_path, name, content, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path / name, content)
