import cv2
import keras
import numpy as np
import pytest

from keras_textrec.data.batches import Batches
from keras_textrec.data.canvases import batch_sizes
from keras_textrec.data.pipeline import BatchDataset, tf_dataset
from keras_textrec.images import ImageConverter, load_image
from keras_textrec.images.size import image_size
from keras_textrec.text.charset import Charset
from keras_textrec.text.ctc_tokenizer import CTCTokenizer

CANVASES = [[32, 64], [32, 128], [16, 96]]  # ratios 2, 4, 6
SIDES = np.random.default_rng(0).integers(8, 120, (300, 2)).tolist()


class Memory:
    """Files of every kind, from memory; record 7 is broken."""

    def __init__(self, sides=SIDES):
        kinds = [".jpg", ".png", ".bmp"]
        noise = np.random.default_rng(1).integers(0, 256, (128, 128, 3), np.uint8)
        self.files = [cv2.imencode(kinds[i % 3], noise[:h, :w])[1].tobytes() for i, (h, w) in enumerate(sides)]
        self.files[7] = b"broken"

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        return self.files[index], "ab"

    def key(self, index):
        return f"file {index}"


def make(source=None, resize="pad", batch_size=4, **options):
    tokenizer = CTCTokenizer(Charset.named("alphanumeric"), unknown="drop")
    options = {"length": 4, "canvases": CANVASES, **options}
    return Batches(source or Memory(), ImageConverter(32, 100, resize), tokenizer, batch_size, **options)


def test_the_size_is_read_from_the_head_of_the_file():
    for file, (height, width) in zip(Memory().files, SIDES):
        if file != b"broken":
            assert image_size(file) == (height, width) == load_image(file).shape[:2]
    progressive = cv2.imencode(".jpg", np.zeros((30, 50, 3), "uint8"), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1))[1].tobytes()
    assert image_size(progressive) == (30, 50)
    for broken in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", progressive[:30]):
        with pytest.raises(ValueError):
            image_size(broken)


def test_every_batch_is_on_the_smallest_canvas_that_squeezes_none_of_its_images():
    batches = make(training=True)
    used = set()
    for number in range(len(batches)):
        indices = batches.indices(number)
        x, _, weight = batches.batch(number)
        ratios = [1.0 if i == 7 else SIDES[i][1] / SIDES[i][0] for i in indices]
        fitting = [w / h for h, w in CANVASES if w / h >= max(ratios) - 0.01]
        assert x.shape[2] / x.shape[1] == (min(fitting) if fitting else 6)
        assert list(weight) == [i != 7 for i in indices]
        used.add(x.shape)
    assert used == {(4, h, w, 3) for h, w in CANVASES}


def test_batches_are_made_of_images_of_like_shape():
    spread = []
    for canvases in (CANVASES, None):
        batches = make(training=True)
        batches._grouping = batches._grouping if canvases else None
        logs = [np.log([SIDES[i][1] / SIDES[i][0] for i in batches.indices(n)]) for n in range(len(batches))]
        spread.append(np.mean([np.std(log) for log in logs]))
    assert spread[0] < 0.2 * spread[1]


@pytest.mark.parametrize("training, passes", [(True, 32), (False, 1)])
def test_each_record_comes_once_a_pass(training, passes):
    batches = make(training=training)
    drawn = np.concatenate([batches.indices(number) for number in range(75 * passes)])
    assert (np.bincount(drawn) == passes).all() and len(drawn) == 300 * passes


def test_the_last_batch_of_evaluation_may_be_smaller():
    batches = make(Memory(SIDES[:30]))
    loaded = [batches.batch(number) for number in range(len(batches))]
    assert sum(int(weight.sum()) for _, _, weight in loaded) == 29
    assert {len(x) for x, _, _ in loaded} == {4}


def test_a_batch_depends_on_its_place_and_the_seed_alone():
    one, two, other = make(training=True, seed=1), make(training=True, seed=1), make(training=True, seed=2)
    for number, epoch in ((70, 3), (0, 0), (40, 1)):
        np.testing.assert_array_equal(one.indices(number, epoch), two.indices(number, epoch))
        two = make(training=True, seed=1)
    assert (one.indices(3) != other.indices(3)).any()


def test_the_label_must_fit_the_batches_own_canvas():
    batches = make(training=True, time_steps=lambda width: 2 if width > 64 else 1)
    for number in range(20):
        x, _, weight = batches.batch(number)
        assert weight.any() == (x.shape[2] > 64)
    assert batches.labels.dropped["infeasible"] > 0


def at_random(**options):
    """12, 6 and 16 images a batch: as many pixels on each canvas."""
    return make(batch_size=12, canvas_choice="random", training=True, **options)


@pytest.mark.once
def test_the_published_sizes_of_batches():
    assert batch_sizes(192, [[32, 320], [48, 320], [64, 320]]) == [192, 128, 96]
    assert batch_sizes(1, [[32, 320], [64, 320]]) == [1, 1]


@pytest.mark.once
def test_canvases_drawn_at_random():
    """Each comes as often as another, with its own number of images; and each record as often as another."""
    batches = at_random()
    assert batches.sizes == [12, 6, 16] and len(batches) == 26 and batches.images_per_epoch == 26 * 34 // 3
    drawn, orders, numbers = [], set(), 3 * 150  # 17 passes
    for number in range(numbers):
        indices, canvas = batches._place(number, 0)
        assert len(indices) == batches.sizes[canvas]
        drawn.append(indices)
        orders.add((number % 3, canvas))
    assert (np.bincount(np.concatenate(drawn)) == 17).all()
    assert len(orders) == 9  # any canvas may be the first, second or third
    assert {batches.batch(n)[0].shape for n in range(3)} == {(12, 32, 64, 3), (6, 32, 128, 3), (16, 16, 96, 3)}
    assert len({len(at_random(seed=s).indices(0)) for s in range(9)}) == 3


@pytest.mark.once
def test_a_run_on_random_canvases_goes_on_where_it_stood():
    one = at_random(seed=1, steps_per_epoch=5)
    for number, epoch in ((4, 3), (0, 1)):
        x, y, weight = one.batch(number, epoch)
        again = at_random(seed=1, steps_per_epoch=5).batch(number, epoch)
        np.testing.assert_array_equal(x, again[0])
        np.testing.assert_array_equal(y, again[1])
        assert len(x) == len(y) == len(weight) in one.sizes
    assert len(one.batch(0, 1)[0]) == len(one.indices(5))  # epochs go on one after the other


@pytest.mark.once
def test_evaluation_is_on_the_converters_own_canvas():
    batches = make(canvas_choice="random")
    assert batches.shapes == [(32, 100)] and len(batches) == 75
    np.testing.assert_array_equal(batches.indices(1), [4, 5, 6, 7])


def test_fit_takes_batches_of_several_sizes():
    model = keras.Sequential(
        [keras.Input((None, None, 3)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(1)]
    )
    model.compile("sgd", lambda y_true, y_pred: keras.ops.mean(y_pred, -1))
    feed = tf_dataset if keras.backend.backend() == "tensorflow" else BatchDataset
    dataset = feed(at_random(steps_per_epoch=6))
    assert np.isfinite(model.fit(dataset, epochs=2, verbose=0, shuffle=False).history["loss"]).all()


@pytest.mark.parametrize("feed", ["tf.data", "PyDataset"])
def test_fit_takes_batches_of_several_shapes(feed):
    if feed == "tf.data":
        pytest.importorskip("tensorflow")
    elif keras.backend.backend() == "tensorflow":
        pytest.skip("on TensorFlow, batches come through tf.data")
    elif keras.backend.backend() != "tensorflow" and feed == "tf.data":
        pytest.skip("on other backends, batches come through PyDataset")
    model = keras.Sequential(
        [keras.Input((None, None, 3)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(1)]
    )
    model.compile("sgd", lambda y_true, y_pred: keras.ops.mean(y_pred, -1))
    batches = make(training=True, steps_per_epoch=12)
    assert len({x.shape for x, _, _ in map(batches.batch, range(12))}) > 1
    dataset = tf_dataset(batches) if feed == "tf.data" else BatchDataset(batches)
    assert np.isfinite(model.fit(dataset, epochs=2, verbose=0).history["loss"]).all()
