import dataclasses
import gc
import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

import keras_textrec.data as data
from keras_textrec.data.augment import AUGMENTATIONS, augmentation
from keras_textrec.data.batches import Batches
from keras_textrec.data.pipeline import BatchDataset, errors_as_raised, tf_dataset
from keras_textrec.images import ImageConverter
from keras_textrec.system.workers import WorkersFailed
from keras_textrec.text.charset import Charset
from keras_textrec.text.ctc_tokenizer import CTCTokenizer
from tests.tiny import make_crnn


def shift(image, rng):
    return np.roll(image, rng.integers(1, 20), 1)


@pytest.fixture
def batches(write, records):
    tokenizer = CTCTokenizer(Charset.named("alphanumeric"))
    source = data.lmdb(write("words", records))
    return Batches(source, ImageConverter(16, 40), tokenizer, 8, length=12, training=True, augment=shift, seed=3)


@pytest.fixture(params=["tf.data", "PyDataset"])
def feed(request):
    if request.param == "PyDataset":
        return BatchDataset
    pytest.importorskip("tensorflow")
    return tf_dataset


def epochs_of(dataset, epochs):
    """The batches of several epochs, as Keras goes through a dataset."""
    for _ in range(epochs):
        for number, batch in enumerate(dataset):
            yield [np.asarray(part) for part in batch]
            if number == len(dataset) - 1:
                break


def expected(batches, epochs):
    return [batches.batch(number, epoch) for epoch in epochs for number in range(len(batches))]


def assert_same(left, right):
    left, right = list(left), list(right)
    assert len(left) == len(right) > 0
    for a, b in zip(left, right):
        for part, other in zip(a, b, strict=True):
            np.testing.assert_array_equal(part, other)
            assert part.dtype == other.dtype


@pytest.mark.parametrize("options", [{"threads": 1}, {"threads": 5}, {"processes": 2}], ids=str)
def test_batches_come_in_order_epoch_after_epoch(batches, feed, options):
    dataset = feed(batches, epoch=2, **options)
    assert len(dataset) == len(batches)
    assert_same(epochs_of(dataset, 3), expected(batches, [2, 3, 4]))


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_every_augmentation_feeds(write, records, feed, name):
    source, tokenizer = data.lmdb(write("words", records)), CTCTokenizer(Charset.named("alphanumeric"))
    batches = Batches(
        source, ImageConverter(16, 40), tokenizer, 8, length=12, training=True, augment=augmentation(name)
    )
    assert_same(epochs_of(feed(batches), 1), expected(batches, [0]))


def test_tf_data_has_static_shapes(batches):
    pytest.importorskip("tensorflow")
    shapes = [tuple(spec.shape) for spec in tf_dataset(batches).element_spec]
    assert shapes == [(8, 16, 40, 3), (8, 12), (8,)]


def test_an_epoch_that_was_cut_short_comes_again(batches, feed):
    dataset = feed(batches, threads=2)
    next(iter(dataset))
    assert_same(epochs_of(dataset, 1), expected(batches, [0]))


class Fingerprint(keras.metrics.Metric):
    """A number that tells the labels of the last batch from others."""

    def __init__(self):
        super().__init__(name="fingerprint")
        self.value = self.add_weight(initializer="zeros", name="value")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.value.assign(
            keras.ops.sum(keras.ops.cast(y_true, "float32") * keras.ops.reshape(keras.ops.arange(96.0), (8, 12)))
        )

    def result(self):
        return self.value + 0.0


@pytest.mark.parametrize(("first", "shuffle"), [(0, True), (5, False)])
def test_fit_sees_the_epochs(batches, feed, first, shuffle):
    """In their order and each loaded once, but for those of Keras' first look, though it shuffles their numbers."""
    loaded, load = [], batches.batch
    batches.batch = lambda number, epoch, loader: loaded.append((epoch, number)) or load(number, epoch, loader)
    model = keras.Sequential([keras.Input((16, 40, 3)), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", lambda y_true, y_pred: keras.ops.mean(y_pred, -1), metrics=[Fingerprint()])
    dataset, seen = feed(batches, epoch=first, threads=2), []
    keep = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs["fingerprint"]))
    for epochs in (2, 1):
        model.fit(dataset, epochs=epochs, shuffle=shuffle, verbose=0, callbacks=[keep])
    del batches.batch
    assert len(set(loaded)) == 3 * len(dataset) and len(loaded) <= 3 * len(dataset) + 2
    wanted = expected(batches, range(first, first + 3))
    assert seen == [float((y * np.arange(96.0).reshape(8, 12)).sum()) for _, y, _ in wanted]
    assert len(set(seen)) == len(seen)


def test_fit_goes_on_through_an_epoch_of_the_data_in_epochs_of_its_own(batches):
    """`steps_per_epoch` of `fit`, fewer than the batches of an epoch."""
    if keras.backend.backend() == "tensorflow":
        pytest.skip("on TensorFlow, batches come through tf.data, which Keras begins anew")
    model = keras.Sequential([keras.Input((16, 40, 3)), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", lambda y_true, y_pred: keras.ops.mean(y_pred, -1), metrics=[Fingerprint()])
    seen = []
    keep = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs["fingerprint"]))
    model.fit(BatchDataset(batches), epochs=2, steps_per_epoch=2, verbose=0, callbacks=[keep])
    wanted = [batches.batch(number) for number in range(4)]
    assert seen == [float((y * np.arange(96.0).reshape(8, 12)).sum()) for _, y, _ in wanted]


def test_batches_of_an_evaluation_come_by_their_numbers(write, records):
    batches = Batches(
        data.lmdb(write("words", records)), ImageConverter(16, 40), CTCTokenizer("abc", unknown="strip"), 8, length=12
    )
    dataset = BatchDataset(batches)
    for number in (3, 0, 3, 4):
        assert_same([dataset[number]], [batches.batch(number)])


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no process can be bound to a core on this system")
def test_an_epochs_end_does_not_wait_for_tensorflows_tuning(batches):
    """On a busy core, half of the iterators that had lived for a second waited for another one before they ended."""
    pytest.importorskip("tensorflow")
    dataset, cores = tf_dataset(batches), os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        iterators = [iter(dataset) for _ in range(8)]
        for iterator in iterators:
            next(iterator)
        time.sleep(1.4)
        waited = []
        while iterators:
            start = time.perf_counter()
            iterators.pop()
            waited.append(time.perf_counter() - start)
    finally:
        busy.kill()
        os.sched_setaffinity(0, cores)
    assert max(waited) < 0.7


def test_errors_of_loading_are_raised_as_they_are(batches, feed):
    """Also where TensorFlow wraps them."""
    dataset = feed(batches)

    def fail(number, epoch, loader):
        raise WorkersFailed("3 processes were killed.")

    batches.batch = fail
    with pytest.raises(WorkersFailed, match="3 processes were killed"), errors_as_raised(dataset):
        next(iter(dataset))


def test_processes_tell_what_threads_tell(write, records):
    """Of records that cannot be used; on the canvas that each batch has."""
    records = [*records[:10], (b"no image", "lost"), (records[0][0], "Ünknown"), *records[10:20]]
    source = data.lmdb(write("words", records))
    tokenizer = CTCTokenizer(Charset.named("alphanumeric"), unknown="drop")

    def make():
        return Batches(source, ImageConverter(16, 40), tokenizer, 8, length=12, canvases=[(16, 24), (16, 64)])

    threads, processes = make(), make()
    assert_same(BatchDataset(processes, processes=2), expected(threads, [0]))
    assert processes.unreadable == threads.unreadable and len(processes.unreadable) == 1
    assert processes.labels == threads.labels and processes.labels.dropped["unknown"] == 1


def test_a_killed_process_is_replaced(batches, caplog, new_processes):
    dataset = BatchDataset(batches, processes=1)
    dataset[0]
    for future in dataset._loading.values():
        future.result()
    loader = dataset._loader
    (process,) = new_processes()
    os.kill(process.pid, signal.SIGKILL)
    assert_same((batches.batch(number, 0, loader) for number in range(len(batches))), expected(batches, [0]))
    assert caplog.text.count("A process was killed") == 1


def test_processes_end_with_the_dataset(batches, feed, new_processes):
    """Not before: an iterator is enough to keep them."""
    iterator = iter(feed(batches, processes=1))
    next(iterator)
    (process,) = new_processes()
    gc.collect()
    next(iterator)
    assert process.is_alive()
    del iterator
    gc.collect()
    process.join(20)
    assert not process.is_alive()


def test_what_does_not_pickle_is_refused(write, records):
    tokenizer = CTCTokenizer(Charset.named("alphanumeric"))
    batches = Batches(
        data.lmdb(write("words", records)), ImageConverter(16, 40), tokenizer, 8, length=12, augment=lambda i, rng: i
    )
    with pytest.raises(ValueError, match="that pickle .functions of a module, no lambdas.; use processes=0"):
        BatchDataset(batches, processes=1)


@pytest.mark.parametrize("processes", [0, 1])
def test_a_label_outside_the_charset_stops_fit(write, records, feed, processes):
    tokenizer = CTCTokenizer(Charset.named("alphanumeric"))
    source = data.lmdb(write("words", [*records[:20], (records[0][0], "Ünknown")]))
    dataset = feed(Batches(source, ImageConverter(16, 40), tokenizer, 7, length=12, training=True), processes=processes)
    with pytest.raises(Exception, match="'Ünknown' holds characters outside the charset"):
        list(epochs_of(dataset, 1))


def test_augmentation_is_the_recipes_or_is_named(write, records):
    model, source = make_crnn(), data.lmdb(write("words", records))

    def images(augment):
        return np.asarray(next(iter(model.training_data(source, augment=augment)))[0])

    plain, rotated = images(False), images(augmentation("rotation"))
    np.testing.assert_array_equal(images(True), plain)  # its recipe has none
    np.testing.assert_array_equal(images("rotation"), rotated)
    model.recipe = dataclasses.replace(model.recipe, augment="rotation")
    np.testing.assert_array_equal(images(True), rotated)
    assert (rotated != plain).any()
    with pytest.raises(ValueError, match="There is no augmentation 'more'"):
        images("more")


@pytest.mark.one_backend
@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="this backend is TensorFlow")
def test_reading_data_needs_no_tensorflow():
    code = "import sys, keras_textrec.data.pipeline as p; p.BatchDataset; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
