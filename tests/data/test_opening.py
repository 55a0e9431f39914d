import pytest

from keras_textrec.data import ConcatSource, FolderSource, LMDBSource, find_sources, open_source, open_sources
from tests.tiny import draw, png, write_lmdb

pytestmark = pytest.mark.once


def texts(source):
    return [source[i][1] for i in range(len(source))]


@pytest.fixture
def place(tmp_path):
    """LMDBs `sets/one`, `sets/deep/two` and `single`, and `images` with a label file."""
    write_lmdb(tmp_path / "sets" / "one", ["a", "b"])
    write_lmdb(tmp_path / "sets" / "deep" / "two", ["c"])
    write_lmdb(tmp_path / "single", ["d"])
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "x.png").write_bytes(png(draw("e")))
    (tmp_path / "images" / "labels.tsv").write_text("x.png\te\n")
    return tmp_path


def test_what_lies_at_a_path(place):
    assert isinstance(open_source(place / "single"), LMDBSource)
    assert texts(open_source(place / "single")) == ["d"]
    assert texts(open_source(str(place / "sets"))) == ["c", "a", "b"]
    for path in (place / "images", place / "images" / "labels.tsv"):
        source = open_source(path)
        assert isinstance(source, FolderSource)
        assert source[0] == (png(draw("e")), "e")


def test_files(place):
    assert texts(open_source(place / "single" / "data.mdb")) == ["d"]
    (place / "images" / "other.json").write_text('{"x.png": "f"}')
    assert texts(open_source(place / "images" / "other.json")) == ["f"]
    (place / "images" / "notes.md").write_text("no labels")
    with pytest.raises(ValueError, match="notes.md is no dataset: give an LMDB folder"):
        open_source(place / "images" / "notes.md")


def test_a_label_file_of_any_name_where_nothing_else_is(place):
    (place / "sets" / "readme.txt").write_text("x.png no label")
    assert texts(open_source(place / "sets")) == ["c", "a", "b"]
    (place / "images" / "labels.tsv").rename(place / "images" / "rec_train.txt")
    assert texts(open_source(place / "images")) == ["e"]
    (place / "images" / "rec_test.txt").write_text("x.png\tt\n")
    with pytest.raises(ValueError, match=r"rec_test.txt, rec_train.txt\); name one of them"):
        open_source(place / "images")


def test_several_paths_are_one_source(place):
    source = open_sources([place / "images", place / "single", place / "sets"])
    assert isinstance(source, ConcatSource)
    assert texts(source) == ["e", "d", "c", "a", "b"]
    assert isinstance(open_sources([place / "single"]), LMDBSource)


def test_nothing_there(place):
    (place / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no folder .*lost"):
        open_source(place / "lost")
    with pytest.raises(FileNotFoundError, match="no label file .*empty"):
        open_source(place / "empty")
    with pytest.raises(FileNotFoundError, match="no folder .*lost"):
        find_sources(place / "lost")
    with pytest.raises(FileNotFoundError, match="no data.mdb, no TFRecord file and no label file in .*empty"):
        find_sources([place / "sets", place / "empty"])


def test_datasets_have_the_names_of_their_places(place):
    assert {name: texts(source) for name, source in find_sources(place / "sets").items()} == {
        "deep/two": ["c"],
        "one": ["a", "b"],
    }
    assert list(find_sources([place / "single", place / "images"])) == ["single", "images"]
    assert list(find_sources(place)) == ["images", "sets/deep/two", "sets/one", "single"]
    assert list(find_sources(str(place / "sets" / "one"))) == ["one"]


def test_two_datasets_of_one_name_are_refused(place):
    write_lmdb(place / "more" / "one", ["f"])
    with pytest.raises(ValueError, match="Two datasets are called one"):
        find_sources([place / "sets", place / "more"])


def test_a_damaged_dataset_is_refused(place):
    (place / "sets" / "one" / "data.mdb").write_bytes(b"no LMDB")
    for opening in (open_source, find_sources):
        with pytest.raises(ValueError, match="one/data.mdb is not a readable LMDB"):
            opening(place / "sets")
