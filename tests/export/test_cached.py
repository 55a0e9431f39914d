"""`keras-textrec read --engine onnx`: exported once, read without Keras afterwards."""

import os
import pathlib
import subprocess
import sys

import pytest

from keras_textrec.export.cached import cached_export
from tests import tiny

pytestmark = pytest.mark.one_backend

READ = """
import sys
from keras_textrec.commands import main
status = main(["read", "--engine", "onnx", "--preset", *sys.argv[1:]])
assert not {"keras", "tensorflow", "torch", "jax"} & set(sys.modules), "a backend was loaded"
sys.exit(status)
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.utils._cache_assets.HF_ASSETS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_preset_is_exported_once_and_read_without_keras(cache, tmp_path):
    model, words = tiny.crnn(), sorted(map(str, pathlib.Path("examples/words").glob("*.jpg")))[:3]
    model.save_to_preset(tmp_path / "preset")
    path = cached_export(str(tmp_path / "preset"))
    written = path.stat().st_mtime_ns
    assert cached_export(str(tmp_path / "preset")) == path and path.stat().st_mtime_ns == written
    read = subprocess.run(
        [sys.executable, "-c", READ, str(tmp_path / "preset"), *words],
        capture_output=True,
        text=True,
        env={**os.environ, "HF_ASSETS_CACHE": str(cache)},
    )
    assert read.returncode == 0, read.stderr
    texts = [line.split("\t")[2] for line in read.stdout.splitlines()]
    assert texts == [reading.text for reading in model.read(words)]


def test_another_network_in_the_same_place_is_exported_anew(tmp_path):
    tiny.crnn().save_to_preset(tmp_path / "preset")
    before = cached_export(str(tmp_path / "preset"))
    tiny.make_crnn(hidden_size=8).save_to_preset(tmp_path / "preset")
    assert cached_export(str(tmp_path / "preset")) != before


def test_what_is_no_preset_leaves_nothing(cache):
    with pytest.raises(ValueError, match="crnn_smal_en"):
        cached_export("crnn_smal_en")
    assert not list(cache.rglob("*.onnx"))
