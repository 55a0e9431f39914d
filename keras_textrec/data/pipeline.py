"""Batches into training, by tf.data or by a `keras.utils.PyDataset`: the same arrays in the same order."""

import concurrent.futures
import os
import threading
import weakref
from typing import TYPE_CHECKING

import keras
import numpy as np

from keras_textrec.data.batches import Batch, Batches
from keras_textrec.data.loader import LoaderProcesses

if TYPE_CHECKING:
    import tensorflow as tf


def tf_dataset(batches: Batches, epoch: int = 0, threads: int | None = None, processes: int = 0) -> "tf.data.Dataset":
    """The batches as a finite `tf.data.Dataset`; each time it is iterated to its end, the next epoch follows.

    Args: as `BatchDataset` has them.
    """
    import tensorflow as tf

    data = BatchDataset(batches, epoch, threads, processes)
    example = batches.load([])  # every batch has its structure and types

    def load():
        data.on_epoch_end()  # here, because Keras looks at a first batch before it trains, and need not ask for the end
        data.on_epoch_begin()
        for number in range(len(data)):
            yield data[number]

    def spec(array: np.ndarray) -> tf.TensorSpec:
        several = array.ndim == 4 and len(batches.shapes) > 1
        return tf.TensorSpec((len(array), None, None, 3) if several else array.shape, array.dtype)

    dataset = tf.data.Dataset.from_generator(load, output_signature=keras.tree.map_structure(spec, example))
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(batches)))
    options = tf.data.Options()
    options.experimental_optimization.inject_prefetch = False  # the threads of `data` run ahead, and nothing else
    dataset = dataset.with_options(options)
    # TensorFlow keeps the generator for ever, and that would keep the processes.
    weakref.finalize(dataset, data.close).atexit = False
    return dataset


class BatchDataset(keras.utils.PyDataset):
    """The batches as a `keras.utils.PyDataset`, which needs no TensorFlow; each `fit` epoch is the next one.

    Pass `shuffle=False` to `fit`: it would shuffle the batches' order once more, without a seed.

    Args:
        batches: what to load.
        epoch: the first epoch.
        threads: how many batches are loaded at a time; None: two more than processes, or one for each processor but
            at most 8.
        processes: how many read, decode, augment and resize images, beside this one; 0: the threads do that. With
            some, the caller's script needs its `if __name__ == "__main__":`.

    Raises:
        ValueError: processes are asked for, and the source or the augmentation does not pickle.
    """

    def __init__(self, batches: Batches, epoch: int = 0, threads: int | None = None, processes: int = 0):
        # Keras' own workers stay off: what they have loaded when an epoch is cut short (Keras does so before it trains)
        # they put in front of the next one.
        super().__init__()
        self.batches = batches
        self.epoch = epoch
        self.threads = threads or (processes + 2 if processes else min(8, os.cpu_count() or 1))
        self._loader = None
        if processes:
            size = 3 * batches.batch_size * max(height * width for height, width in batches.shapes)
            self._loader = LoaderProcesses(batches.loader, size, processes, self.threads)
        self._pool = concurrent.futures.ThreadPoolExecutor(self.threads)
        self._loading: dict[tuple[int, int], concurrent.futures.Future] = {}
        self._lock = threading.Lock()
        self._running = self._finished = False

    def close(self) -> None:
        """Ends the processes, if there are any."""
        if self._loader:
            self._loader.close()

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> Batch:
        ahead = range(index, min(index + self.threads + 2, len(self)))
        with self._lock:
            self._finished |= self._running and index == len(self) - 1
            wanted = [(self.epoch, number) for number in ahead]
            old = self._loading
            self._loading = {
                key: old.pop(key, None) or self._pool.submit(self.batches.batch, key[1], key[0], self._loader)
                for key in wanted
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
