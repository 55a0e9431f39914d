import pickle

import numpy as np
import pytest

from keras_textrec.data import from_arrays, lmdb, mix, shard
from keras_textrec.data.memory_source import are_texts
from keras_textrec.data.sources import source_summary
from keras_textrec.images import decode
from tests.tiny import draw, png, write_lmdb

pytestmark = pytest.mark.once


def test_whatever_an_image_is(tmp_path):
    """The very pixels come back, in this order of channels."""
    image = draw("cat")
    image[:4] = (255, 0, 80)
    (tmp_path / "cat.png").write_bytes(png(image))
    images = [tmp_path / "cat.png", str(tmp_path / "cat.png"), png(image), image, (image / 255).astype("float32")]
    source = from_arrays(images, ["cat"] * 5)
    for data, text in (source[i] for i in range(5)):
        np.testing.assert_array_equal(decode(data), image)
        assert text == "cat"
    assert source.key(0) == str(tmp_path / "cat.png") and source.key(3) == "image 3"
    assert pickle.loads(pickle.dumps(source))[3] == source[3]


def test_an_array_of_images():
    images = np.stack([draw("cat"), 255 - draw("cat")])
    source = from_arrays(images, np.array(["cat", "tac"]))
    assert len(source) == 2 and source.text(1) == "tac"
    np.testing.assert_array_equal(decode(source[1][0]), images[1])


def test_what_is_no_image_is_an_unreadable_record():
    source = from_arrays([None, "lost.png", np.zeros((3, 3, 7), "uint8")], ["a", "b", "c"])
    for i in range(3):
        with pytest.raises((ValueError, OSError)):
            source[i]


@pytest.mark.parametrize(
    "texts, message", [(["a"], "2 images and 1 texts"), (["a", float("nan")], r"Text 1 is nan \(float\)")]
)
def test_texts_that_cannot_be(texts, message):
    with pytest.raises(ValueError, match=message):
        from_arrays([draw("a"), draw("b")], texts)


def test_what_texts_are():
    assert are_texts(["a"]) and are_texts(np.array(["a", "b"])) and are_texts(("a",))
    assert not any(are_texts(values) for values in (None, [], np.zeros((2, 3), "int32"), [[1, -1]], 5))


def test_a_source_in_words(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    a = lmdb(write_lmdb("words/a", ["x", "y"]))
    b = lmdb(write_lmdb(tmp_path / "b", ["z"]))
    assert source_summary(mix([(a, 1.0), (b, 1.0)])) == "2 records of words/a, 1 record of b"
    assert source_summary(shard(a, 0, 2)) == "1 record of words/a"
    assert source_summary(from_arrays([draw("a")], ["a"])) == "1 record of images given in Python"


def test_a_column_whose_first_text_is_missing_is_one_of_texts():
    assert are_texts([float("nan"), "dog"]) and not are_texts(np.zeros(3)) and not are_texts([])
    with pytest.raises(ValueError, match=r"Text 0 is nan \(float\); every text must be a string"):
        from_arrays([draw("cat"), draw("dog")], [float("nan"), "dog"])
