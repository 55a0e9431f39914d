import cv2
import keras
import numpy as np
import pytest

from keras_textrec.data.batches import Batches
from keras_textrec.data.pipeline import BatchDataset, tf_dataset
from keras_textrec.images import ImageConverter, load_image
from keras_textrec.images.size import image_size
from keras_textrec.text.charset import Charset
from keras_textrec.text.tokenizers import CTCTokenizer

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


def make(source=None, resize="pad", **options):
    tokenizer = CTCTokenizer(Charset.named("alphanumeric"), unknown="drop")
    return Batches(
        source or Memory(), ImageConverter(32, 100, resize), tokenizer, 4, length=4, canvases=CANVASES, **options
    )


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
