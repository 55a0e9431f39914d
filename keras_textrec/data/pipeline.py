"""Batches into training, by tf.data or by a `keras.utils.PyDataset`: the same arrays in the same order."""

import concurrent.futures
import os
import threading
from typing import TYPE_CHECKING

import keras
import numpy as np

from keras_textrec.data.batches import Batch, Batches

if TYPE_CHECKING:
    import tensorflow as tf


def tf_dataset(batches: Batches, epoch: int = 0, threads: int | None = None) -> "tf.data.Dataset":
    """The batches as a finite `tf.data.Dataset`; each time it is iterated to its end, the next epoch follows.

    Args:
        batches: what to load.
        epoch: the first epoch.
        threads: how many batches are loaded at a time; None: one for each processor, at most 8.
    """
    import tensorflow as tf

    example = batches.load([])  # every batch has its structure, types and shapes
    like = keras.tree.flatten(example)
    progress = {"epoch": epoch}

    def numbers():
        epoch = progress["epoch"]
        for number in range(len(batches)):
            yield epoch, number

    def load(epoch, number):
        def load_in_python(epoch, number):
            return keras.tree.flatten(batches.batch(int(number), int(epoch)))

        arrays = tf.numpy_function(load_in_python, [epoch, number], [array.dtype for array in like])
        for array, known in zip(arrays, like):
            array.set_shape(known.shape)
        return epoch, number, *arrays

    def deliver(epoch, number, *arrays):
        # Keras looks at a dataset's first batch before it trains, and need not ask for the end. So an epoch is over
        # when its last batch leaves here, after all prefetching.
        def finish(epoch):
            progress["epoch"] = int(epoch) + 1
            return np.bool_(True)

        is_last = tf.equal(number, len(batches) - 1)
        done = tf.cond(is_last, lambda: tf.numpy_function(finish, [epoch], tf.bool), lambda: tf.constant(True))
        with tf.control_dependencies([done]):
            return keras.tree.pack_sequence_as(example, [tf.identity(array) for array in arrays])

    scalar = tf.TensorSpec((), tf.int64)
    dataset = tf.data.Dataset.from_generator(numbers, output_signature=(scalar, scalar))
    dataset = dataset.map(load, num_parallel_calls=threads or _default_threads(), deterministic=True).prefetch(2)
    dataset = dataset.map(deliver).apply(tf.data.experimental.assert_cardinality(len(batches)))
    options = tf.data.Options()
    options.experimental_optimization.inject_prefetch = False  # nothing may run ahead of `deliver`
    return dataset.with_options(options)


class BatchDataset(keras.utils.PyDataset):
    """The batches as a `keras.utils.PyDataset`, which needs no TensorFlow; each `fit` epoch is the next one.

    Pass `shuffle=False` to `fit`: it would shuffle the batches' order once more, without a seed.

    Args:
        batches: what to load.
        epoch: the first epoch.
        threads: how many batches are loaded at a time; None: one for each processor, at most 8.
    """

    def __init__(self, batches: Batches, epoch: int = 0, threads: int | None = None):
        # Keras' own workers stay off: what they have loaded when an epoch is cut short (Keras does so before it trains)
        # they put in front of the next one.
        super().__init__()
        self.batches = batches
        self.epoch = epoch
        self.threads = threads or _default_threads()
        self._pool = concurrent.futures.ThreadPoolExecutor(self.threads)
        self._loading: dict[tuple[int, int], concurrent.futures.Future] = {}
        self._lock = threading.Lock()
        self._running = self._finished = False

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> Batch:
        ahead = range(index, min(index + self.threads + 2, len(self)))
        with self._lock:
            self._finished |= self._running and index == len(self) - 1
            wanted = [(self.epoch, number) for number in ahead]
            old = self._loading
            self._loading = {
                key: old.pop(key, None) or self._pool.submit(self.batches.batch, key[1], key[0]) for key in wanted
            }
            for future in old.values():
                future.cancel()
            future = self._loading[self.epoch, index]
        return future.result()

    def on_epoch_begin(self) -> None:
        self._running, self._finished = True, False

    def on_epoch_end(self) -> None:
        """Moves on if the epoch's last batch was asked for: Keras also calls this after a first look at the data."""
        self.epoch += self._finished
        self._running = self._finished = False


def _default_threads() -> int:
    return min(8, os.cpu_count() or 1)
