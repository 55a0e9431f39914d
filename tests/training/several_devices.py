"""Trains small networks on one device or several, by the calls that Keras' and PyTorch's documentation has.

`KERAS_BACKEND=... python -m tests.training.several_devices DATA OUT.npz HOW...`; each HOW, "one" or "data", leaves its
losses and weights in OUT.npz. What a process is told by its environment makes "data" several processes.
"""

import contextlib
import os
import sys

import keras
import numpy as np

from keras_textrec import CRNN, RARE, AttentionTokenizer, CTCTokenizer, ImageConverter, synchronize_batch_norm
from keras_textrec.backbones import ResNetVD
from keras_textrec.data import lmdb
from keras_textrec.training.recipes import Recipe

TINY = {"depths": (0, 1, 1, 1), "widths": (4, 4, 8, 8), "stem_widths": (4,)}
RECIPE = Recipe(batch_size=4, max_length=8, seed=3)


def make_rare() -> RARE:
    keras.utils.set_random_seed(0)
    tokenizer = AttentionTokenizer("0123456789abcdefghijklmnopqrstuvwxyz", lowercase=True)
    model = RARE(tokenizer, ImageConverter(32, 64), ResNetVD(**TINY), 8, rectify="small", steps=6)
    model.recipe = RECIPE
    return model


def make_crnn() -> CRNN:
    keras.utils.set_random_seed(0)
    tokenizer = CTCTokenizer("0123456789abcdefghijklmnopqrstuvwxyz", lowercase=True)
    model = CRNN(tokenizer, ImageConverter(32, 64), ResNetVD(**TINY), 8)
    model.recipe = RECIPE
    return model


def train(make, data: str, synchronized: bool = True) -> dict[str, np.ndarray]:
    """Two epochs of two steps, each with an evaluation whose last batch is not full: losses, metrics and weights."""
    model = make()
    if synchronized:
        synchronize_batch_norm(model)
    *_, similarity = model.make_metrics()
    # Not Adam: it makes whole steps of gradients that are nothing but rounding.
    optimizer = keras.optimizers.SGD(0.02, momentum=0.9, global_clipnorm=2.0)
    model.compile(optimizer, weighted_metrics=[similarity])
    logs = model.fit(
        model.training_data(lmdb(f"{data}/words"), steps_per_epoch=2),
        validation_data=model.evaluation_data(lmdb(f"{data}/validation")),
        epochs=2,
        shuffle=False,
        verbose=0,
    ).history
    weights = {f"weight {i}": keras.ops.convert_to_numpy(v.value) for i, v in enumerate(model.variables)}
    return {**{name: np.array(values) for name, values in logs.items()}, **weights}


def devices(how: str):
    """What the model is made and trained in."""
    if how == "one":
        return contextlib.nullcontext()
    if keras.backend.backend() == "jax":
        return keras.distribution.DataParallel(auto_shard_dataset=False).scope()
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope()
    import torch

    torch.distributed.init_process_group()
    return contextlib.nullcontext()


def main(data: str, output: str, *hows: str) -> None:
    if "KERAS_DISTRIBUTION_NUM_PROCESSES" in os.environ:
        keras.distribution.initialize()
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    arrays = {}
    for how in hows:
        with devices(how):
            for make in (make_crnn, make_rare):
                arrays |= {f"{how} {make.__name__} {name}": value for name, value in train(make, data).items()}
    np.savez(output, **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
