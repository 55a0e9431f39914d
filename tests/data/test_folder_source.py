import pickle

import pytest

import keras_textrec.data as data

pytestmark = pytest.mark.once

FORMATS = {
    "labels.tsv": "b.jpg\tHello\na.jpg\twith space, comma\n",
    "header.tsv": "text\tid\tfilename\nHello\t7\tb.jpg\nwith space, comma\t8\ta.jpg\n",
    "labels.csv": 'b.jpg,Hello\na.jpg,"with space, comma"\n',
    "metadata.csv": 'file_name,text\nb.jpg,Hello\na.jpg,"with space, comma"\n',
    "tabs/gt.txt": "b.jpg\tHello\na.jpg\twith space, comma\n",
    "icdar/gt.txt": 'b.jpg, "Hello"\na.jpg, "with space, comma"\n',
    "spaces/gt.txt": "b.jpg Hello\na.jpg with space, comma\n",
    "byte_order_mark/gt.txt": '\ufeffb.jpg, "Hello"\na.jpg, "with space, comma"',
    "windows/gt.txt": "b.jpg Hello\r\n\r\na.jpg with space, comma\r\n",
    "windows.csv": 'file_name,text\r\nb.jpg,Hello\r\na.jpg,"with space, comma"\r\n',
}


@pytest.fixture
def images(tmp_path):
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


@pytest.mark.parametrize("name", FORMATS)
def test_formats(images, name):
    file = images / name.rsplit("/", maxsplit=1)[-1]
    file.write_bytes(FORMATS[name].encode())
    for source in (data.folder(images), data.folder(images, labels=file)):
        assert list(source) == [(b"b.jpg", "Hello"), (b"a.jpg", "with space, comma")]
        assert source.key(1) == str(images / "a.jpg")
        assert isinstance(source, data.Source)
        assert list(pickle.loads(pickle.dumps(source))) == list(source)


def test_texts_with_quotes_and_other_scripts(images):
    (images / "gt.txt").write_text('a.jpg, "say \\"yes\\", é\u2028"\nb.jpg, """\n', encoding="utf-8")
    assert [text for _, text in data.folder(images)] == ['say "yes", é\u2028', '"']
    (images / "gt.txt").unlink()
    (images / "labels.csv").write_text('a.jpg,"say ""yes"", é"\nb.jpg,""\n', encoding="utf-8")
    assert [text for _, text in data.folder(images)] == ['say "yes", é', ""]


def test_a_usual_name_among_other_files(images):
    (images / "readme.txt").write_text("a.jpg wrong")
    (images / "gt.txt").write_text("a.jpg right")
    assert data.folder(images)[0][1] == "right"


def test_images_below(images):
    (images / "train").mkdir()
    (images / "train" / "c.jpg").write_bytes(b"c")
    (images / "gt.txt").write_text("train/c.jpg\tdeep\n")
    assert list(data.folder(images)) == [(b"c", "deep")]


def test_open_sources(images, write, records):
    (images / "gt.txt").write_text("a.jpg one\nb.jpg two\n")
    words = write("lmdbs/words", records)
    source = data.open_sources([images / "lmdbs", words, str(words)])
    assert list(source) == 3 * records
    elsewhere = images / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "gt.txt").write_text("../a.jpg one\n")
    assert list(data.open_sources([elsewhere, words])) == [(b"a.jpg", "one"), *records]
    with pytest.raises(FileNotFoundError):
        data.open_sources([images / "missing"])


# === Bad input ===


def test_missing_files(images):
    with pytest.raises(FileNotFoundError, match=r"no folder .*missing"):
        data.folder(images / "missing")
    with pytest.raises(FileNotFoundError, match="no label file"):
        data.folder(images)
    with pytest.raises(FileNotFoundError, match=r"no label file .*gt\.txt"):
        data.folder(images, labels=images / "gt.txt")
    (images / "gt.txt").write_text("a.jpg one\nc.jpg two\n")
    with pytest.raises(FileNotFoundError, match=r"c\.jpg"):
        data.folder(images)[1]
    (images / "gt.txt").write_text("c.jpg one\n")
    with pytest.raises(FileNotFoundError, match=r"c\.jpg, the first"):
        data.folder(images)


@pytest.mark.parametrize(
    "name,content,message",
    [
        ("gt.txt", b"a.jpg one\nb.jpg\n", r"Line 2 of .*gt\.txt is not"),
        ("labels.tsv", b"a.jpg\tone\ttwo\n", r"Line 1 of .*labels\.tsv is not"),
        ("labels.csv", b"a.jpg,one\n\nb.jpg,two,three\n", r"Line 3 of .*labels\.csv is not"),
        ("gt.txt", "a.jpg Café".encode("latin-1"), "not UTF-8"),
        ("gt.txt", b"\n", "names no image"),
        ("labels.csv", b"file_name,text\n", "names no image"),
    ],
)
def test_bad_label_files(images, name, content, message):
    (images / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        data.folder(images)


def test_several_label_files(images):
    for name in ("one.txt", "two.txt"):
        (images / name).write_text("a.jpg word\n")
    with pytest.raises(ValueError, match=r"one\.txt, two\.txt"):
        data.folder(images)
    assert len(data.folder(images, labels=images / "two.txt")) == 1
