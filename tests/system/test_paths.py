import pathlib

import pytest

from keras_textrec.system.paths import check_apart, check_file, check_picture, public_path

pytestmark = pytest.mark.once


def test_a_file_that_can_be_written(tmp_path):
    check_file(tmp_path / "new.json")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "old.json").write_text("kept")
    check_file(str(tmp_path / "old.json"))
    assert (tmp_path / "old.json").read_text() == "kept"


def test_files_that_cannot_be_written(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder for .*missing/a\.json; make it first"):
        check_file(tmp_path / "missing" / "a.json")
    with pytest.raises(IsADirectoryError, match="is a folder; give the name of a file"):
        check_file(tmp_path)
    with pytest.raises(OSError, match="Nothing can be written into /proc"):
        check_file("/proc/a.json")


def test_pictures_that_cannot_be_written(tmp_path):
    check_picture(tmp_path / "a.PNG")
    for name in ("a", "a.xyz"):
        with pytest.raises(ValueError, match=rf"/{name} is no picture's name; end it in \.png or \.jpg\."):
            check_picture(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="no folder for"):
        check_picture(tmp_path / "missing" / "a.png")


def test_what_is_read_is_not_written_over(tmp_path):
    (tmp_path / "words").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "words")
    check_apart(tmp_path / "clean", [tmp_path / "words"])
    with pytest.raises(ValueError, match="link is what is read; give another folder for what is written"):
        check_apart(tmp_path / "link", [tmp_path / "other", tmp_path / "words"])


def test_a_published_path_tells_nothing_of_this_machine(tmp_path):
    assert public_path(tmp_path / "plates") == "plates"
    assert public_path("words/full") == str(pathlib.Path("words/full"))
