import pathlib

import pytest

from keras_textrec.system.paths import check_file, public_path

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


def test_a_published_path_tells_nothing_of_this_machine(tmp_path):
    assert public_path(tmp_path / "plates") == "plates"
    assert public_path("words/full") == str(pathlib.Path("words/full"))
