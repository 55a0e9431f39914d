import pytest

from keras_textrec.reports.tables import read_rows, write_rows

pytestmark = pytest.mark.once


def test_rows_come_back_as_texts_with_all_columns(tmp_path):
    path = tmp_path / "rows.csv"
    assert read_rows(path) == []
    write_rows(path, [{"a": 1, "b": 'x, "y"\nz'}, {"a": 0.5, "c": "漢 half \ud83d"}])
    assert read_rows(path) == [
        {"a": "1", "b": 'x, "y"\nz', "c": ""},
        {"a": "0.5", "b": "", "c": "漢 half \\ud83d"},
    ]
    assert [file.name for file in tmp_path.iterdir()] == ["rows.csv"]
