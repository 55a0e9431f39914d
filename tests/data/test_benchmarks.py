import pytest

import keras_textrec.data as data
from keras_textrec.data.benchmarks import BENCHMARKS, check_benchmark, find_benchmarks, label_case, protocol_of
from tests.data.test_mixing import Words

pytestmark = pytest.mark.once

EVALUATION = ["IIIT5k_3000", "SVT", "IC03_860", "IC03_867", "IC13_857", "IC13_1015", "IC15_1811", "IC15_2077"]


class Set(Words):
    """A source of so many records at a place."""

    def __init__(self, path, length):
        super().__init__(*["text"] * length)
        self.path = path


def warning(path, records, caplog):
    caplog.clear()
    check_benchmark(path, records)
    return caplog.text


def test_the_benchmarks_are_whole():
    sizes = {benchmark.name: benchmark.records for benchmark in BENCHMARKS}
    assert sum(sizes[name] for name in [*EVALUATION, "SVTP", "CUTE80"]) == 12_067
    assert sizes["MJ_train"] + sizes["MJ_valid"] + sizes["MJ_test"] + 5_522_808 == 14_442_049
    assert sum(n for name, n in sizes.items() if name.startswith("Union14M-L-LMDB-Filtered/")) == 3_224_143
    challenges = [n for name, n in sizes.items() if name.startswith("u14m/") and not name.endswith("_ori")]
    assert sum(challenges) == 409_383
    assert sum(n for name, n in sizes.items() if name.startswith("scene_")) == 636_455


@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda benchmark: benchmark.name)
def test_the_right_number_of_records(benchmark, caplog):
    for path in (f"/data/{benchmark.name}", f"/data/{benchmark.name.upper()}/"):
        assert benchmark in find_benchmarks(path)
        assert not warning(path, benchmark.records, caplog)


def test_the_wrong_number_of_records(caplog):
    assert "IC13_857 has 1,015 records: this is IC13_1015." in warning("/data/IC13_857", 1015, caplog)
    assert "MJ/train has 802,731 records: this is MJ_valid." in warning("/data/MJ/train", 802731, caplog)
    assert "evaluation/SVT has 257 records: this is val/SVT." in warning("/data/evaluation/SVT", 257, caplog)
    assert "val/SVT has 647 records: this is SVT." in warning("/data/val/SVT", 647, caplog)
    assert "curve has 2,000 records; u14m/curve has 2,426." in warning("/data/u14m/curve", 2000, caplog)
    assert not warning("/data/curve", 2000, caplog)
    assert not warning("/data/MySVT", 3, caplog)


def test_datasets_are_checked_on_opening(write, records, caplog):
    data.lmdb(write("evaluation/CUTE80", records))
    assert "CUTE80 has 37 records; CUTE80 has 288." in caplog.text
    caplog.clear()
    folder = write("SVTP", []).parent / "u14m" / "curve"
    (folder / "imgs").mkdir(parents=True)
    (folder / "imgs" / "a.jpg").write_bytes(b"a")
    (folder / "annotation.jsonl").write_text('{"filename": "a.jpg", "text": "a"}')
    data.open_source(folder)
    assert "curve has 1 records; u14m/curve has 2,426." in caplog.text


def test_protocols():
    assert protocol_of(Set("/data/IC13_857", 857)) == "alphanumeric"
    assert protocol_of(Set("/data/benchmark_bctr_test/web_test", 14059)) == "chinese"
    assert protocol_of(Set("/data/web_test", 100)) is None  # somebody else's web_test
    assert protocol_of(Words("a")) is None


@pytest.mark.parametrize(
    "texts,case",
    [
        (["HELLO", "N° 5"], "upper"),
        (["HELLO", "n° 5"], None),
        (["straße", None, "漢字"], "lower"),
        (["漢字", "5"], None),
        ([], None),
    ],
)
def test_label_case(texts, case):
    assert label_case(Words(*texts)) == case


def test_photographs(shared, caplog):
    """Training splits of three benchmarks, one of them with labels in capitals."""
    sources = data.find_sources(shared / "data" / "validation")
    assert not caplog.text
    assert {name: label_case(source) for name, source in sources.items()} == {
        "IC15_train": None,
        "IIIT5k_train": None,
        "SVT_train": "upper",
    }


def test_a_link_to_a_known_set(tmp_path):
    (tmp_path / "scene_test").mkdir()
    (tmp_path / "mine").symlink_to(tmp_path / "scene_test")
    (tmp_path / "other").mkdir()
    (tmp_path / "SVT").symlink_to(tmp_path / "other")
    assert [benchmark.name for benchmark in find_benchmarks(tmp_path / "mine")] == ["scene_test"]
    assert [benchmark.name for benchmark in find_benchmarks(tmp_path / "SVT")] == ["SVT"]
