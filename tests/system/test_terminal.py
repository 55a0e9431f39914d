import pytest

from keras_textrec.system.terminal import print_table, progress_bar

pytestmark = pytest.mark.once


def test_what_goes_into_a_file_does_not_go_above_the_bar(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # standard error is a terminal to rich, standard output is none
    with progress_bar() as progress:
        task = progress.add_task("read", total=1)
        print("[b]a row[/b]")
        progress.advance(task)
    output, errors = capsys.readouterr()
    assert output == "[b]a row[/b]\n"
    assert "read" in errors and "a row" not in errors


def test_a_table_keeps_the_ends_of_long_cells(capsys):
    place = "/a/long/path/" + "below/" * 20 + "image.png"
    print_table(("where", "label"), [(place, "a rather long label")])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80 and "".join(line.split("│")[1].strip() for line in lines if "│" in line) == place
