"""Trains tiny networks on one device or several, by the calls that Keras' and PyTorch's documentation has.

`KERAS_BACKEND=... python -m tests.training.several_devices DATA OUT.npz NETWORKS HOWS`: each of HOWS, "one", "data" or
"one,data", leaves the losses and weights of each of NETWORKS, of "crnn,rare", in OUT.npz. What a process is told by its
environment makes "data" several processes. After ",killed", it runs the command `train`, the second process until its
second epoch.
"""

import contextlib
import os
import signal
import sys

import keras
import numpy as np

from keras_textrec import CRNN, RARE, AttentionTokenizer, CTCTokenizer, ImageConverter, commands, synchronize_batch_norm
from keras_textrec.backbones import ResNetVD
from keras_textrec.data import lmdb
from keras_textrec.training.recipes import Recipe
from keras_textrec.training.run_folder import Keeper

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
    """Three steps, then an evaluation whose last batch is not full (JAX would compile that too): losses and weights."""
    model = make(network)
    synchronize_batch_norm(model)
    # Not Adam: it makes whole steps of gradients that are nothing but rounding.
    optimizer = keras.optimizers.SGD(0.005, momentum=0.9, global_clipnorm=2.0)
    # TensorFlow would trace for longer than it runs.
    model.compile(optimizer, weighted_metrics=None, run_eagerly=keras.backend.backend() == "tensorflow")
    validation = None if keras.backend.backend() == "jax" else model.evaluation_data(lmdb(f"{data}/validation"))
    logs = model.fit(
        model.training_data(lmdb(f"{data}/words"), steps_per_epoch=3),
        validation_data=validation,
        shuffle=False,
        verbose=0,
    ).history
    weights = {f"weight {i}": keras.ops.convert_to_numpy(v.value) for i, v in enumerate(model.weights)}
    return {**{name: np.array(values) for name, values in logs.items()}, **weights}


@contextlib.contextmanager
def devices(how: str):
    """What the model is made and trained in."""
    backend = keras.backend.backend()
    if how == "one":
        yield
    elif backend == "jax":
        with keras.distribution.DataParallel(auto_shard_dataset=False).scope():
            yield
    elif backend == "tensorflow":
        import tensorflow as tf

        with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
            yield
    else:
        import torch

        torch.distributed.init_process_group()
        yield
        torch.distributed.destroy_process_group()


def command(data: str) -> list[str]:
    """A `train` of two epochs."""
    settings = ("epochs=2", "steps_per_epoch=2", "dtype=float32")
    options = [option for setting in settings for option in ("-o", f"training.{setting}")]
    sources = ["--train", f"{data}/words", "--validation", f"{data}/validation", "--output", f"{data}/run"]
    return ["train", f"{data}/preset", *sources, *options, "--processes", "0"]


def train_until_killed(data: str) -> int:
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1 and os.environ["RANK"] == "1":
            os.kill(os.getpid(), signal.SIGKILL)

    Keeper.on_epoch_begin = on_epoch_begin
    os.environ["MASTER_PORT"] = os.environ["NEXT_PORT"]
    return commands.main(command(data))


def main(data: str, output: str, networks: str, hows: str) -> int:
    if "KERAS_DISTRIBUTION_NUM_PROCESSES" in os.environ:
        keras.distribution.initialize()
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    hows, killed, _ = hows.partition(",killed")
    arrays = {}
    for how in hows.split(","):
        with devices(how):
            for network in networks.split(","):
                arrays |= {f"{how} {network} {name}": value for name, value in train(network, data).items()}
    np.savez(output, **arrays)
    return train_until_killed(data) if killed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
