"""Images a second of the data pipeline, against OpenCV decoding and resizing alone, on one LMDB.

    python benchmarks/pipeline.py data_lmdb_release/validation

OpenCV has the files in memory and runs in one thread. The pipeline reads the LMDB, decodes, resizes, pads, normalises
and encodes labels, and hands over batches as `fit` would get them. All ways run in turn, several times, and the
best time of each counts: that is what the machine can do when nobody else is at work. On a busy machine trust the ratio
by CPU time.
"""

import argparse
import importlib.util
import itertools
import time

import cv2
import numpy as np

import keras_textrec.data
from keras_textrec.data.pipeline import BatchDataset, Batches, tf_dataset
from keras_textrec.images import ImageConverter
from keras_textrec.text.charset import Charset
from keras_textrec.text.tokenizers import CTCTokenizer

HEIGHT, WIDTH = 32, 100


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="an LMDB, or a folder above several")
    parser.add_argument("--images", type=int, default=10_000, help="how many are read in a round")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=8)
    options = parser.parse_args()

    source = keras_textrec.data.lmdb(options.folder)
    tokenizer = CTCTokenizer(Charset.named("ascii"), unknown="strip")
    steps = max(1, min(options.images, len(source)) // options.batch_size)
    batches = Batches(
        source,
        ImageConverter(HEIGHT, WIDTH),
        tokenizer,
        options.batch_size,
        length=25,
        training=True,
        steps_per_epoch=steps,
    )
    images = steps * options.batch_size
    files = [source[index][0] for index in range(min(images, len(source)))]

    def opencv():
        for file in itertools.islice(itertools.cycle(files), images):
            cv2.resize(cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR), (WIDTH, HEIGHT))

    def direct():
        for number in range(steps):
            batches.batch(number)

    ways = {"cv2 decode + resize, one thread": opencv, "batch function, one thread": direct}
    for threads in (1, 2):
        ways[f"PyDataset, {threads} thread(s)"] = consumer(BatchDataset(batches, threads=threads))
        if importlib.util.find_spec("tensorflow"):
            ways[f"tf.data, {threads} thread(s)"] = consumer(tf_dataset(batches, threads=threads))
    seconds, cpu_seconds = dict.fromkeys(ways, float("inf")), dict.fromkeys(ways, float("inf"))
    for _ in range(options.rounds):
        for name, way in ways.items():
            start, cpu_start = time.perf_counter(), time.process_time()
            way()
            seconds[name] = min(seconds[name], time.perf_counter() - start)
            cpu_seconds[name] = min(cpu_seconds[name], time.process_time() - cpu_start)

    first = cv2.imdecode(np.frombuffer(files[0], np.uint8), cv2.IMREAD_COLOR).shape
    print(f"{images} images, the first of {first[0]} x {first[1]} pixels, batches of {options.batch_size}")
    alone = next(iter(ways))
    for name in ways:
        ratio, cpu_ratio = (times[alone] / times[name] for times in (seconds, cpu_seconds))
        print(f"{name:32s} {images / seconds[name]:7.0f} images/s {ratio:5.0%}, by CPU time {cpu_ratio:5.0%}")


def consumer(dataset):
    """Goes through one epoch of a dataset as `fit` does."""

    def consume():
        if isinstance(dataset, BatchDataset):
            dataset.on_epoch_begin()
        for _ in dataset:
            pass
        if isinstance(dataset, BatchDataset):
            dataset.on_epoch_end()

    return consume


if __name__ == "__main__":
    main()
