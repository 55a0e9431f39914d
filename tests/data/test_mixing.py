import pickle

import numpy as np
import pytest

import keras_textrec.data as data
from keras_textrec.data.batches import Batches
from keras_textrec.data.mixing import Subset, with_replay
from keras_textrec.images import ImageConverter
from keras_textrec.text.charset import Charset
from keras_textrec.text.ctc_tokenizer import CTCTokenizer

pytestmark = pytest.mark.once


class Words:
    """Records whose images must not be read."""

    def __init__(self, *texts):
        self.texts = texts

    def __len__(self):
        return len(self.texts)

    def __getitem__(self, index):
        raise AssertionError("read an image")

    def text(self, index):
        if self.texts[index] is None:
            raise ValueError("damaged")
        return self.texts[index]

    def key(self, index):
        return f"word {index}"


def numbered(first, count):
    return Words(*(str(first + i) for i in range(count)))


def training(source, batch_size=8, seed=0):
    tokenizer = CTCTokenizer(Charset.named("alphanumeric"))
    return Batches(source, ImageConverter(16, 40), tokenizer, batch_size, length=9, training=True, seed=seed)


def order(batches, epochs=1):
    return np.concatenate([batches.indices(n, epoch) for epoch in range(epochs) for n in range(len(batches))])


# === Mixing ===


def test_every_batch_holds_the_ratios():
    batches = training(data.mix([(numbered(0, 1000), 3), (numbered(1000, 30), 1)]))
    for number in range(50):
        assert np.count_nonzero(batches.indices(number) >= 1000) == 2
    odd = training(data.mix([(numbered(0, 50), 0.5), (numbered(50, 50), 0.3), (numbered(100, 50), 0.2)]), batch_size=7)
    shares = [np.bincount(odd.indices(number) // 50, minlength=3) for number in range(300)]
    assert np.ptp(shares, axis=0).max() <= 2
    np.testing.assert_allclose(np.mean(shares, axis=0), [3.5, 2.1, 1.4], atol=0.01)


def test_every_source_is_gone_through_again_and_again():
    drawn = order(training(data.mix([(numbered(0, 100), 0.5), (numbered(100, 30), 0.5)])), epochs=10)
    for first, length in ((0, 100), (100, 30)):
        own = drawn[(drawn >= first) & (drawn < first + length)]
        for start in range(0, len(own) - length, length):
            assert sorted(own[start : start + length]) == list(range(first, first + length))
        assert (own[:length] != own[length : 2 * length]).any()


def test_the_seed_and_the_place_decide():
    source = data.mix([(numbered(0, 100), 0.9), (numbered(100, 30), 0.1)])
    one, two, other = (training(source, seed=seed) for seed in (1, 1, 2))
    drawn = order(one, epochs=5)
    np.testing.assert_array_equal(two.indices(3, epoch=4), one.indices(3, epoch=4))  # at once, as on resuming
    np.testing.assert_array_equal(order(pickle.loads(pickle.dumps(one)), epochs=5), drawn)
    assert (order(other, epochs=5) != drawn).any()


def test_evaluation_reads_a_mixture_once():
    source = data.mix([(numbered(0, 3), 1), (numbered(3, 2), 1)])
    assert source.ratios == (0.5, 0.5)
    assert [data.text_of(source, i) for i in range(len(source))] == list("01234")
    assert source.key(4) == "word 1"


@pytest.mark.parametrize(
    "parts,message",
    [
        ([(numbered(0, 3), 0.5), (numbered(0, 0), 0.5)], "no records"),
        ([(numbered(0, 3), 0.5), (numbered(0, 3), 0)], "thousandth"),
        ([(numbered(0, 3), -1), (numbered(0, 3), 2)], "thousandth"),
        ([(numbered(0, 3), 1), (numbered(0, 3), 1e-9)], "thousandth"),
        ([(numbered(0, 3), float("nan"))], "thousandth"),
        ([], "at least one"),
    ],
)
def test_no_mixture(parts, message):
    with pytest.raises(ValueError, match=message):
        data.mix(parts)


def test_sources_in_ratios_by_path(write, records):
    paths = [write("one", records[:20]), write("two", records[20:])]
    assert data.open_sources(paths, [3, 1]).ratios == (0.75, 0.25)
    with pytest.raises(ValueError, match="1 ratios for 2 sources"):
        data.open_sources(paths, [1])


# === Filtering and sharing out ===


def test_filter(write, records):
    kept = data.filter(data.lmdb(write("words", records)), lambda text: "1" in text)
    assert list(kept) == [record for record in records if "1" in record[1]]
    assert kept.key(0).endswith("image-000000002")
    assert list(pickle.loads(pickle.dumps(kept))) == list(kept)


def test_filter_reads_no_image_and_leaves_what_it_cannot_read():
    source = data.ConcatSource([Words("a", "bb", None), Words("ccc")])
    kept = data.filter(source, lambda text: len(text) > 1)
    assert [kept.key(i) for i in range(len(kept))] == ["word 1", "word 2", "word 0"]
    with pytest.raises(ValueError, match="none of the 2 texts"):
        data.filter(Words("a", "b"), str.isdigit)


def test_shards_share_out_the_records():
    shards = [data.shard(numbered(0, 11), index, 3) for index in range(3)]
    assert [[shard.text(i) for i in range(len(shard))] for shard in shards] == [
        ["0", "3", "6"],
        ["1", "4", "7"],
        ["2", "5", "8"],
    ]
    assert len({len(training(shard)) for shard in shards}) == 1
    assert isinstance(shards[0].positions, range)  # no memory for each record
    with pytest.raises(ValueError, match="no process 3 of 3"):
        data.shard(numbered(0, 11), 3, 3)
    with pytest.raises(ValueError, match="2 records cannot be shared out among 3"):
        data.shard(numbered(0, 2), 0, 3)


def test_a_mixture_stays_one():
    source = data.mix([(numbered(0, 10), 0.9), (numbered(10, 4), 0.1)])
    for changed in (data.shard(source, 1, 2), data.filter(source, lambda text: int(text) % 2 == 1)):
        assert changed.ratios == source.ratios
        assert [changed.text(i) for i in range(len(changed))] == ["1", "3", "5", "7", "9", "11", "13"]


def test_sources_show_themselves(write, records):
    path = write("words", records)
    source = data.lmdb(path)
    one = f"LMDBSource({len(records):,} records in {path})"
    assert repr(source) == one
    assert repr(data.ConcatSource([source, source])) == f"ConcatSource({2 * len(records)} records: {one}, {one})"
    mixed = data.mix([(source, 1), (source, 3)])
    assert repr(mixed) == f"MixedSource({2 * len(records)} records: 25.0% of {one}, 75.0% of {one})"
    assert repr(Subset(source, range(2))) == f"Subset(2 records of {one})"


def test_replay_keeps_the_ratios_of_mixtures():
    new, more, old = (Words(text, text) for text in ("new", "more", "old"))
    both = with_replay(data.mix([(new, 3), (more, 1)]), old, 0.2)
    assert both.sources == (new, more, old) and both.ratios == pytest.approx((0.6, 0.2, 0.2))
    for share in (0.0, 1.0, 30.0):
        with pytest.raises(ValueError, match="must be above 0 and below 1"):
            with_replay(new, old, share)
