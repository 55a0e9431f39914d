"""Trains tiny networks on one device or several, by the calls that Keras' and PyTorch's documentation has.

`KERAS_BACKEND=... python -m tests.training.several_devices DATA OUT.npz NETWORKS HOWS`: each of HOWS, "one", "data" or
"one,data", leaves the losses and weights of each of NETWORKS, of "crnn,rare", in OUT.npz. What a process is told by its
environment makes "data" several processes.
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

CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
TINY = {"depths": (0, 1, 1, 1), "widths": (4, 4, 8, 8), "stem_widths": (4,)}


def make(network: str):
    keras.utils.set_random_seed(0)
    converter, backbone = ImageConverter(32, 64), ResNetVD(**TINY)
    if network == "crnn":
        model = CRNN(CTCTokenizer(CHARACTERS, lowercase=True), converter, backbone, 8)
    else:
        tokenizer = AttentionTokenizer(CHARACTERS, lowercase=True)
        model = RARE(tokenizer, converter, backbone, 8, rectify="small", steps=6)
    model.recipe = Recipe(batch_size=4, max_length=8, seed=3)
    return model


def train(network: str, data: str) -> dict[str, np.ndarray]:
    """Three steps, then an evaluation whose last batch is not full: losses and weights."""
    model = make(network)
    synchronize_batch_norm(model)
    # Not Adam: it makes whole steps of gradients that are nothing but rounding.
    model.compile(keras.optimizers.SGD(0.02, momentum=0.9, global_clipnorm=2.0), weighted_metrics=None)
    logs = model.fit(
        model.training_data(lmdb(f"{data}/words"), steps_per_epoch=3),
        validation_data=model.evaluation_data(lmdb(f"{data}/validation")),
        shuffle=False,
        verbose=0,
    ).history
    weights = {f"weight {i}": keras.ops.convert_to_numpy(v.value) for i, v in enumerate(model.weights)}
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


def main(data: str, output: str, networks: str, hows: str) -> None:
    if "KERAS_DISTRIBUTION_NUM_PROCESSES" in os.environ:
        keras.distribution.initialize()
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    arrays = {}
    for how in hows.split(","):
        with devices(how):
            for network in networks.split(","):
                arrays |= {f"{how} {network} {name}": value for name, value in train(network, data).items()}
    np.savez(output, **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
