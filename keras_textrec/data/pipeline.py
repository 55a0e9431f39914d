"""Batches into training, by tf.data or by a `keras.utils.PyDataset`: the same arrays in the same order."""

import contextlib
import os
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_textrec.data.batches import Batch, RecordBatches
from keras_textrec.data.loader import LoaderProcesses
from keras_textrec.system.numbers import whole_number
from keras_textrec.system.threads import Threads

if TYPE_CHECKING:
    import tensorflow as tf


def tf_dataset(
    batches: RecordBatches, epoch: int = 0, threads: int | None = None, processes: int = 0
) -> "tf.data.Dataset":
    """The batches as a finite `tf.data.Dataset`; each time it is iterated to its end, the next epoch follows.

    Args: as `BatchDataset` has them.
    """
    import tensorflow as tf

    data = BatchDataset(batches, epoch, threads, processes)
    example = batches.load([])  # every batch has its structure and types

    def load():
        yield from data

    def spec(array: np.ndarray) -> tf.TensorSpec:
        rows = len(array) if len(set(batches.sizes)) == 1 else None
        several = array.ndim == 4 and len(batches.shapes) > 1
        return tf.TensorSpec((rows, None, None, 3) if several else (rows, *array.shape[1:]), array.dtype)

    dataset = tf.data.Dataset.from_generator(load, output_signature=keras.tree.map_structure(spec, example))
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(batches)))
    options = tf.data.Options()
    options.experimental_optimization.inject_prefetch = False  # the threads of `data` run ahead, and nothing else
    # There is nothing to tune. TensorFlow wakes the tuning thread of an iterator that ends before it says that it ends;
    # on a busy machine that sleeps on then, up to a minute, and `fit` waits for it between two epochs.
    options.autotune.enabled = False
    dataset = dataset.with_options(options)
    dataset.loading = data
    # TensorFlow keeps the generator for ever, and that would keep the processes.
    weakref.finalize(dataset, data.close).atexit = False
    return dataset


def loading_of(data: Any) -> Any:
    """The `BatchDataset` behind what `tf_dataset` made; other data as they are."""
    return getattr(data, "loading", data)


def batches_of(data: Any) -> RecordBatches | None:
    """The batches behind what `tf_dataset` or `BatchDataset` made; None for other data."""
    batches = getattr(loading_of(data), "batches", None)
    return batches if isinstance(batches, RecordBatches) else None


@contextlib.contextmanager
def errors_as_raised(*datasets: Any) -> Iterator[None]:
    """For a `fit`: an error of loading is raised as it is, where TensorFlow would tell it in a text with tracebacks."""
    try:
        yield
    except Exception:  # whatever a backend makes of it
        for dataset in datasets:
            error = loading_of(dataset).error
            if error:
                raise error from None
        raise


class BatchDataset(keras.utils.PyDataset):
    """The batches as a `keras.utils.PyDataset`, which needs no TensorFlow; each pass over all is the next epoch.

    In training, batches come in their order, whatever numbers are asked for: `fit` asks for shuffled ones unless it is
    told `shuffle=False`, and the batches are shuffled already. A pass that was cut short comes again.

    Args:
        batches: what to load.
        epoch: the first epoch.
        threads: how many batches are loaded at a time; None: two more than processes, or one for each processor but
            at most 8.
        processes: how many read, decode, augment and resize images, beside this one; 0: the threads do that. With
            some, the caller's script needs its `if __name__ == "__main__":`.

    Attributes:
        error: what loading a batch raised last.

    Raises:
        ValueError: processes are asked for, and the source or the augmentation does not pickle.
        WorkersFailed: the processes do not start.
    """

    def __init__(self, batches: RecordBatches, epoch: int = 0, threads: int | None = None, processes: int = 0):
        # Keras' own workers stay off: what they have loaded when an epoch is cut short (Keras does so before it trains)
        # they put in front of the next one.
        super().__init__()
        self.batches = batches
        self.epoch = epoch
        self.error: Exception | None = None
        processes = whole_number("processes", processes, least=0)
        usual = processes + 2 if processes else min(8, os.cpu_count() or 1)
        self.threads = usual if threads is None else whole_number("threads", threads)
        self._loader = None
        if processes:
            pixels = [rows * height * width for rows, (height, width) in zip(batches.rows, batches.shapes, strict=True)]
            size = 3 * max(pixels)
            self._loader = LoaderProcesses(batches.loader, size, processes, self.threads)
        self._pool = Threads(self.threads)
        self._loading: dict[tuple[int, int], Future] = {}
        self._lock = threading.Lock()
        self._begins = False
        self._next = 0

    def close(self) -> None:
        """Ends the processes, if there are any."""
        if self._loader:
            self._loader.close()

    def __len__(self) -> int:
        return len(self.batches)

    @property
    def num_batches(self) -> int:
        """As `len`. With asking for it, Keras and `for` begin a pass."""
        self._begins = True
        return len(self)

    def __getitem__(self, index: int) -> Batch:
        with self._lock:
            number = self._take_turn() if self.batches.training else index
            wanted = [(self.epoch, ahead) for ahead in range(number, min(number + self.threads + 2, len(self)))]
            old = self._loading
            self._loading = {
                key: old.pop(key, None) or self._pool.submit(self.batches.batch, key[1], key[0], self._loader)
                for key in wanted
            }
            for future in old.values():
                future.cancel()
            future = self._loading[self.epoch, number]
        try:
            return future.result()
        except Exception as error:
            self.error = error
            raise

    def begin_again(self, epoch: int) -> None:
        """The next pass is that of `epoch`, whatever has been loaded ahead."""
        with self._lock:
            self.epoch, self._next, self._begins = epoch, 0, False

    def _take_turn(self) -> int:
        """The number of the next batch, after a whole pass in the next epoch."""
        if self._next == len(self):
            self.epoch += 1
            self._next = 0
        elif self._begins:
            self._next = 0
        self._begins = False
        self._next += 1
        return self._next - 1
