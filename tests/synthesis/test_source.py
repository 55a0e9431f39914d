import os
import pickle
import signal

import numpy as np
import pytest

from keras_textrec.data import open_source
from keras_textrec.data.batches import Batches
from keras_textrec.data.mixing import Subset, mix
from keras_textrec.data.pipeline import BatchDataset
from keras_textrec.data.sources import ConcatSource, prefetch, text_of
from keras_textrec.images import ImageConverter
from keras_textrec.synthesis import RenderedSource
from keras_textrec.synthesis import fonts as fonts_module
from keras_textrec.synthesis import source as source_module
from keras_textrec.text.ctc_tokenizer import CTCTokenizer

pytestmark = pytest.mark.once

WORDS = ["Hotel", "street", "open"]


@pytest.fixture
def source(fonts, light_children):
    source = RenderedSource(processes=1, fonts=fonts, words=WORDS, count=500)
    yield source
    if source._workers:
        source._workers.close()


def test_records_are_the_renderer(source):
    assert len(source) == 500
    assert source[3] == tuple(source.renderer.render_jpeg(3)[:2]) and source[-1] == source[499]
    assert text_of(source, 3) == source[3][1]
    assert source.key(3) == "rendered words: image 3"
    with pytest.raises(IndexError):
        source[500]
    again = pickle.loads(pickle.dumps(source))
    assert again[3] == source[3]


def test_prefetched_records_are_the_same(source):
    """Through a source made of it, too; whether or not anybody comes for them."""
    plain = [source[index] for index in range(8)]
    whole = Subset(ConcatSource([source, source]), range(1000))
    prefetch(whole, range(498, 508))
    assert [whole[500 + index] for index in range(8)] == plain
    prefetch(mix([(source, 1.0)]), [2])
    assert source[2] == plain[2]


def test_a_killed_worker_is_replaced(source, caplog, new_processes):
    plain = source[5]
    prefetch(source, [1])
    source[1]
    prefetch(source, range(5, 400))
    (process,) = new_processes()
    os.kill(process.pid, signal.SIGKILL)
    assert all(source[index] for index in range(6, 400)) and source[5] == plain
    assert caplog.text.count("A process was killed") == 1


def test_processes_that_load_render_too(source):
    batches = Batches(source, ImageConverter(16, 40), CTCTokenizer("abc", unknown="strip"), 8, length=12, training=True)
    dataset = BatchDataset(batches, processes=1)
    loaded = dataset[0]
    assert source._workers is None  # no others beside them
    for ours, theirs in zip(loaded, batches.batch(0)):
        np.testing.assert_array_equal(ours, theirs)


def test_images_wanted_twice_are_rendered_once(source, monkeypatch):
    """For batches of like shapes, sizes are read before images; no more is kept than fits."""
    monkeypatch.setattr(source_module, "_KEPT", 64)
    prefetch(source, range(40))
    first = [source[index] for index in range(40)]
    monkeypatch.setattr(source.renderer, "render_jpeg", None)
    submitted = []
    monkeypatch.setattr(source._workers, "submit", submitted.append)
    prefetch(source, range(40))
    assert [source[index] for index in range(40)] == first and not submitted
    monkeypatch.undo()
    monkeypatch.setattr(source_module, "_KEPT", 64)
    prefetch(source, range(40, 80))
    assert len(source._kept) == 64 and 79 in source._kept and 0 not in source._kept


def test_a_configuration_is_a_source(tmp_path, fonts, monkeypatch):
    monkeypatch.setattr(fonts_module, "font_folders", list)
    (tmp_path / "words.txt").write_text("Hotel\nstreet\n")
    config = f"count: 7\nseed: 4\nfonts: {{folders: {fonts[0].path}}}\ntext: {{words: {tmp_path / 'words.txt'}}}\n"
    (tmp_path / "words.yaml").write_text(config)
    source = open_source(tmp_path / "words.yaml")
    assert len(source) == 7 and source.key(0) == f"{tmp_path / 'words.yaml'}: image 0"
    assert source[6][1] in {source.renderer.text(6)}
