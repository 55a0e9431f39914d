import cv2
import numpy as np
import pytest

from keras_textrec.data.lmdb import lmdb
from keras_textrec.synthesis import WordRenderer, synthesize, writer

WORDS = ["Hotel", "street", "open", "bakery"]


def records(path):
    source = lmdb(path)
    return [source[index] for index in range(len(source))]


def test_lmdb_is_the_renderer_in_order(tmp_path, fonts):
    synthesize(tmp_path / "words", 30, seed=2, fonts=fonts, words=WORDS, processes=1, start=5, progress=False)
    renderer = WordRenderer(fonts, WORDS, seed=2)
    assert records(tmp_path / "words") == [renderer.render_jpeg(index) for index in range(5, 35)]
    image, text = records(tmp_path / "words")[0]
    assert cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR) is not None and isinstance(text, str)


def test_processes_change_nothing(tmp_path, fonts, monkeypatch):
    monkeypatch.setattr(writer, "_CHUNK", 16)
    arguments = {"count": 40, "fonts": fonts, "words": WORDS, "progress": False}
    synthesize(tmp_path / "one", processes=1, **arguments)
    synthesize(tmp_path / "two", processes=2, **arguments)
    assert records(tmp_path / "one") == records(tmp_path / "two")


def test_count_must_be_positive(tmp_path, fonts):
    with pytest.raises(ValueError, match="count is 0"):
        synthesize(tmp_path / "none", 0, fonts=fonts)
    assert not (tmp_path / "none").exists()
