import logging
import pickle
from types import SimpleNamespace

import cv2
import keras
import numpy as np
import pytest

import keras_textrec.data as data
from keras_textrec.data.batches import Batches
from keras_textrec.export.calibration import check_calibration
from keras_textrec.export.formats import Options
from keras_textrec.images import ImageConverter, load_image
from keras_textrec.reading.evaluate import evaluate_source, read_sets
from keras_textrec.text.charset import Charset
from keras_textrec.text.ctc_tokenizer import CTCTokenizer
from tests.data.conftest import jpeg

CONVERTER = ImageConverter(16, 40)
TOKENIZER = CTCTokenizer(Charset.named("alphanumeric"))


@pytest.fixture
def make(write, records):
    """Makes Batches of eight over the records, or over other ones."""

    def make(records=records, converter=CONVERTER, tokenizer=TOKENIZER, **options):
        make.count += 1
        source = data.lmdb(write(f"words{make.count}", records))
        return Batches(source, converter, tokenizer, 8, **{"length": 12, **options})

    make.count = 0
    return make


def assert_same(a, b):
    for left, right in zip(a, b, strict=True):
        np.testing.assert_array_equal(left, right)
        assert left.dtype == right.dtype


def differ(a, b):
    return any((left != right).any() for left, right in zip(a, b, strict=True))


def test_a_batch_is_the_converted_images_and_encoded_texts(make, records):
    x, y, weight = make().batch(1)
    images = [load_image(image) for image, _ in records[8:16]]
    assert_same((x, weight), (CONVERTER(images), np.ones(8, "float32")))
    assert y.shape == (8, 12) and y.dtype == np.int32
    for row, (_, text) in zip(y, records[8:16]):
        assert list(row) == TOKENIZER.encode(text) + [-1] * (12 - len(text))


def test_opencv_keeps_its_threads(make):
    """They are the whole process', and so the user's."""
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(3)
        batches = pickle.loads(pickle.dumps(make(training=True)))
        batches.batch(0)
        assert cv2.getNumThreads() == 3
    finally:
        cv2.setNumThreads(before)


def test_every_policy_gives_one_shape(make):
    for policy in ("pad", "stretch", "widen"):
        assert make(converter=ImageConverter(16, 40, policy)).batch(4)[0].shape == (8, 16, 40, 3)


# === Order ===


def test_evaluation_sees_every_record_once_in_order(make, records):
    batches = make()
    assert len(batches) == 5
    loaded = [batches.batch(number) for number in range(len(batches))]
    assert [x.shape for x, _, _ in loaded] == [(8, 16, 40, 3)] * 5
    assert [int(weight.sum()) for _, _, weight in loaded] == [8, 8, 8, 8, 5]
    x, y, weight = loaded[-1]
    assert not x[5:].any() and (y[5:] == -1).all() and not weight[5:].any()
    read = [TOKENIZER.charset.characters[i - 1] for _, y, _ in loaded for row in y for i in row if i > 0]
    assert "".join(read) == "".join(text for _, text in records)


def test_training_goes_through_the_source_again_and_again(make):
    batches = make(training=True)
    assert len(batches) == 4
    order = np.concatenate([batches.indices(number, epoch) for epoch in range(10) for number in range(4)])
    for start in range(0, 10 * 4 * 8 - 37, 37):
        assert sorted(order[start : start + 37]) == list(range(37))
    assert (order[:37] != order[37:74]).any()


@pytest.mark.parametrize("canvases", [None, [[16, 40], [16, 80]]])
@pytest.mark.parametrize("training", [True, False])
def test_processes_share_a_batch(make, training, canvases):
    """Each loads its rows of it, at the end of an evaluation none of some."""
    options = {"training": training, "canvases": canvases}
    whole = make(**options)
    parts = [make(**options, shard=(k, 4)) for k in range(4)]
    for number in (0, len(whole) - 1):
        batches = [part.batch(number) for part in parts]
        assert {len(weight) for _, _, weight in batches} == {2}
        assert_same([np.concatenate(arrays) for arrays in zip(*batches)], whole.batch(number))
        np.testing.assert_array_equal(np.concatenate([part.indices(number) for part in parts]), whole.indices(number))
    with pytest.raises(ValueError, match="A batch of 8 images cannot be shared by 3 processes alike"):
        make(shard=(0, 3))


def test_processes_do_not_draw_the_same(make):
    def noise(image, rng):
        return rng.integers(0, 256, image.shape, "uint8")

    first, second = (make(training=True, augment=noise, shard=(k, 2)).batch(0)[0] for k in range(2))
    assert not np.array_equal(first, second)


def test_steps_per_epoch(make):
    batches, whole = make(training=True, steps_per_epoch=3), make(training=True)
    assert len(batches) == 3
    again = [batches.indices(number, epoch) for epoch in range(4) for number in range(3)]
    assert_same(again, [whole.indices(number, epoch) for epoch in range(3) for number in range(4)])


def shift(image, rng):
    return np.roll(image, rng.integers(1, 20), 1)


def test_the_seed_and_the_place_decide(make):
    one, two, other = (make(training=True, augment=shift, seed=seed) for seed in (1, 1, 2))
    assert_same(one.batch(2, epoch=3), two.batch(2, epoch=3))  # also: `two` was at no other place before
    assert differ(one.batch(2, epoch=3), one.batch(2, epoch=4))
    assert differ(one.batch(2, epoch=3), other.batch(2, epoch=3))
    indices = one.indices(2, 3)
    assert differ(one.load(indices, np.random.default_rng(0)), one.load(indices, np.random.default_rng(1)))


@pytest.mark.parametrize("converter", [CONVERTER, ImageConverter(50, 90, turn_above=1.0)])
def test_the_augmentation_gets_the_image_no_higher_than_the_canvas(make, records, converter):
    seen = []

    def augment(image, rng):
        seen.append(image)
        return image[:, 3:]

    records = [*records[:6], (jpeg(0, 200, 60), "tall"), (jpeg(1, 70, 60), "w")]
    x, _, _ = make(records, converter=converter, augment=augment).batch(0)
    for image, (original, _) in zip(seen, records, strict=True):
        original = load_image(original)
        high, scale = converter.upright(image.shape)[0], converter.height / converter.upright(original.shape)[0]
        assert high <= converter.height
        assert image.shape[0] == (round(original.shape[0] * scale) if scale < 1 else original.shape[0])
        if scale >= 1:
            np.testing.assert_array_equal(image, original)
    np.testing.assert_array_equal(x, converter.convert([image[:, 3:] for image in seen], converter.width))


def test_no_image_is_read_to_shuffle():
    class Source:
        def __len__(self):
            return 1_000_000

        def __getitem__(self, index):
            raise AssertionError("read")

    batches = Batches(Source(), CONVERTER, TOKENIZER, 256, length=12, training=True)
    assert len(np.unique(batches.indices(17, 2))) == 256


# === What cannot be used ===


def test_an_unreadable_record_is_skipped_counted_and_logged_once(make, records, caplog):
    broken = [*records[:2], (b"no image", "two"), (records[3][0][:-300], "three"), *records[4:]]
    batches, whole = make(broken), make()
    with caplog.at_level(logging.WARNING):
        x, y, weight = batches.batch(0)
        assert_same(batches.batch(0), (x, y, weight))
    path = batches.source.path
    keys = [f"{path}: image-000000003", f"{path}: image-000000004"]
    assert list(batches.unreadable) == keys
    assert "not an image" in batches.unreadable[keys[0]]
    assert [key for key in keys for record in caplog.records if key in record.getMessage()] == keys
    assert list(weight) == [1, 1, 0, 0, 1, 1, 1, 1]
    assert not x[2:4].any() and (y[2:4] == -1).all()
    used = weight == 1
    assert_same((x[used], y[used]), [part[used] for part in whole.batch(0)[:2]])
    assert batches.labels.labels == 6


def test_a_batch_without_one_usable_record(make):
    x, y, weight = make([(b"broken", "text")] * 8).batch(0)
    assert not x.any() and (y == -1).all() and not weight.any()


def test_a_missing_image_file(tmp_path, records):
    (tmp_path / "a.jpg").write_bytes(records[0][0])
    (tmp_path / "gt.txt").write_text("a.jpg one\nb.jpg two\n")
    batches = Batches(data.folder(tmp_path), CONVERTER, TOKENIZER, 2, length=12)
    assert list(batches.batch(0)[2]) == [1, 0]
    assert list(batches.unreadable) == [str(tmp_path / "b.jpg")]


def test_dropped_labels_are_counted_once(make, records):
    texts = ["fine", "ünknown", "a", "muchtoolongforthis", "", "aaaaaaaaa", "b", "c"]
    tokenizer = CTCTokenizer(Charset.named("alphanumeric"), unknown="drop")
    batches = make([(records[0][0], text) for text in texts], tokenizer=tokenizer, time_steps=lambda width: 12)
    for _ in range(2):
        x, y, weight = batches.batch(0)
    assert list(weight) == [1, 0, 1, 0, 0, 0, 1, 1]
    assert not x[weight == 0].any() and (y[weight == 0] == -1).all() and x[0].any()
    assert batches.labels.labels == 8
    assert batches.labels.dropped == {"unknown": 1, "too long": 1, "empty": 1, "infeasible": 1}
    assert batches.labels.unknown == {"ü": 1}


def test_stripped_labels_are_counted(make, records):
    tokenizer = CTCTokenizer(Charset.named("alphanumeric"), unknown="strip")
    batches = make([(records[0][0], "it's")] * 8, tokenizer=tokenizer)
    assert batches.batch(0)[2].all()
    assert batches.labels.stripped == 8 and batches.labels.unknown == {"'": 8}


def test_a_label_outside_the_charset_stops_under_the_policy_error(make, records):
    with pytest.raises(ValueError, match=r"'Ünknown'.*outside the charset"):
        make([(records[0][0], "Ünknown")]).batch(0)


def test_an_empty_source(make):
    with pytest.raises(ValueError, match="no records"):
        make([])


def test_a_path_is_no_source_yet():
    wanted = r"^'words' is the path of a source; open it first, by textrec\.data\.open_source"
    uses = (
        lambda: Batches("words", CONVERTER, TOKENIZER, 8, length=12),
        lambda: data.filter("words", bool),
        lambda: data.mix([("words", 1.0)]),
        lambda: evaluate_source(None, "words"),
        lambda: check_calibration(SimpleNamespace(tokenizer=TOKENIZER), Options(calibrate="words")),
    )
    for use in uses:
        with pytest.raises(TypeError, match=wanted):
            use()
    with pytest.raises(TypeError, match=r"Sets have names: give what textrec\.data\.find_sources finds"):
        read_sets(None, "words")


# === Processes and memory ===


def test_batches_pickle(make):
    batches = make(training=True, augment=shift)
    batches.batch(0)
    again = pickle.loads(pickle.dumps(batches))
    assert_same(again.batch(1, 1), batches.batch(1, 1))


def test_memory_is_not_used_again_while_a_view_is_held(make):
    batches = make()
    held = [batches.batch(number)[0][1:, ..., 0] for number in range(5)]
    copies = [view.copy() for view in held]
    for number in range(5):
        batches.batch(number)
    assert_same(held, copies)


def test_memory_is_not_used_again_while_a_tensor_shares_it(make):
    batches = make()
    arrays = [batches.batch(number)[0].copy() for number in range(5)]
    held = [keras.ops.convert_to_tensor(batches.batch(number)[0]) for number in range(5)]
    for number in range(4, -1, -1):
        batches.batch(number)
    assert_same([keras.ops.convert_to_numpy(tensor) for tensor in held], arrays)


def test_memory_is_used_again_when_nobody_holds_it(make):
    batches = make()
    address = batches.batch(0)[0].ctypes.data
    assert address % 64 == 0
    assert batches.batch(1)[0].ctypes.data == address
