"""Images a second of the data pipeline, against OpenCV decoding and resizing alone, on one LMDB.

    keras-textrec create-lmdb cache data_lmdb_release/validation --decoded 32
    python benchmarks/pipeline.py data_lmdb_release/validation --cache cache

OpenCV has the files in memory; the pipeline reads the LMDB, decodes, augments, resizes, pads, normalises and encodes
labels, and hands over batches as `fit` would get them. "read, decode, resize" is no more than that, and the
labels: what OpenCV can be compared with best. With several threads both have as many. All ways run in turn,
several times, and the best time of each counts: that is what the machine can do when nobody else is at work. On a busy
machine trust the ratio by CPU time, which is to OpenCV's in one thread.
"""

import argparse
import concurrent.futures
import importlib.util
import os
import time

import cv2
import numpy as np

import keras_textrec.data
from keras_textrec.data.augment import AUGMENTATIONS, augmentation
from keras_textrec.data.batches import Batches
from keras_textrec.data.pipeline import BatchDataset, tf_dataset
from keras_textrec.images import ImageConverter
from keras_textrec.text.charset import Charset
from keras_textrec.text.ctc_tokenizer import CTCTokenizer

HEIGHT, WIDTH = 32, 100


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="an LMDB, or a folder above several")
    parser.add_argument("--cache", help="the same, decoded once")
    parser.add_argument("--images", type=int, default=10_000, help="how many are read in a round")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=6)
    options = parser.parse_args()

    source = keras_textrec.data.lmdb(options.folder)
    tokenizer = CTCTokenizer(Charset.named("ascii"), unknown="strip")
    steps = max(1, min(options.images, len(source)) // options.batch_size)
    images = steps * options.batch_size
    cores = os.cpu_count() or 1

    def make(source=source, **changes):
        return Batches(
            source,
            ImageConverter(HEIGHT, WIDTH),
            tokenizer,
            options.batch_size,
            **{"length": 25, "training": True, "steps_per_epoch": steps, **changes},
        )

    first = make()
    files = [source[int(index)][0] for number in range(steps) for index in first.indices(number)]
    parts = [files[i::cores] for i in range(cores)]

    def opencv(part=files):
        for file in part:
            cv2.resize(cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR), (WIDTH, HEIGHT))

    def opencv_on_all_cores():
        with concurrent.futures.ThreadPoolExecutor(cores) as pool:
            list(pool.map(opencv, parts))

    def direct(batches):
        def load():
            for number in range(steps):
                batches.batch(number)

        return load

    drawn = make()
    pixels = np.empty((options.batch_size, HEIGHT, WIDTH, 3), "uint8")

    def draw():
        for number in range(steps):
            drawn.loader.draw(drawn.indices(number), None, 0, pixels)

    ways = {
        "cv2 decode + resize": opencv,
        f"cv2, {cores} threads": opencv_on_all_cores,
        "read, decode, resize": draw,
        "batch function": direct(make()),
        "batch function, 4 canvases": direct(make(canvases=[(32, 64), (32, 100), (32, 160), (32, 320)])),
    }
    cache = keras_textrec.data.lmdb(options.cache) if options.cache else None
    for name in (None, *AUGMENTATIONS):
        augment = augmentation(name) if name else None
        for place, processes in ((source, 0), (source, cores), (cache, cores)):
            if place is None:
                continue
            how = f"{name or 'as it is'}, {f'{processes} processes' if processes else f'{cores} threads'}"
            how += ", cache" if place is cache else ""
            ways[f"PyDataset, {how}"] = consumer(BatchDataset(make(place, augment=augment), processes=processes))
            if importlib.util.find_spec("tensorflow"):
                ways[f"tf.data, {how}"] = consumer(tf_dataset(make(place, augment=augment), processes=processes))
    seconds, cpu_seconds = dict.fromkeys(ways, float("inf")), dict.fromkeys(ways, float("inf"))
    for _ in range(options.rounds):
        for name, way in ways.items():
            start, cpu_start = time.perf_counter(), time.process_time()
            way()
            seconds[name] = min(seconds[name], time.perf_counter() - start)
            cpu_seconds[name] = min(cpu_seconds[name], time.process_time() - cpu_start)

    sizes = [cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR).shape[:2] for file in files]
    high, wide = np.median(sizes, 0)
    print(f"{images} images of {high:.0f} x {wide:.0f} pixels (median), batches of {options.batch_size}, {cores} cores")
    alone, together = list(ways)[:2]
    for name in ways:
        ratio = seconds[together if "threads" in name or "processes" in name else alone] / seconds[name]
        cpu_ratio = cpu_seconds[alone] / cpu_seconds[name]
        print(f"{name:42s} {images / seconds[name]:7.0f} images/s {ratio:5.0%}, by CPU time {cpu_ratio:5.0%}")


def consumer(dataset):
    """Goes through one epoch of a dataset as `fit` does."""

    def consume():
        for _ in dataset:
            pass

    return consume


if __name__ == "__main__":
    main()
