"""Trains tiny networks on one device or several, by the calls that Keras' and PyTorch's documentation has.

`KERAS_BACKEND=... python -m tests.training.several_devices DATA OUT.npz NETWORKS HOWS`: each of HOWS, "one", "data" or
"one,data", leaves the losses and the state of each of NETWORKS, of "guided,rare", in OUT.npz. What a process is told
by its environment makes "data" several processes. After ",killed", it runs the command `train`, the second process
until its second epoch.
"""

import contextlib
import os
import pathlib
import signal
import sys

import keras
import numpy as np

from keras_textrec import (
    RARE,
    AttentionTokenizer,
    CTCTokenizer,
    ImageConverter,
    SVTRv2,
    commands,
    synchronize_batch_norm,
)
from keras_textrec.backbones import ResNetVD
from keras_textrec.data import lmdb
from keras_textrec.layers.replicas import mean_over_replicas
from keras_textrec.layers.standard import BatchNormalization
from keras_textrec.text import NRTRTokenizer
from keras_textrec.training import SequenceLoss, run_folder
from keras_textrec.training.distillation import DecoupledDistillation
from keras_textrec.training.distribution import data_shard
from keras_textrec.training.optimizers import VariableAdam
from keras_textrec.training.parts import batch_norms
from keras_textrec.training.recipes import Recipe
from tests.conftest import draw_few_numbers

CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
TINY = {"depths": (0, 1, 1, 1), "widths": (4, 4, 8, 8), "stem_widths": (4,)}


class Guided(SVTRv2):
    """The least guided network: each column's mean colour, normalised and scored; the guide's, with the last symbol."""

    guided = True

    def __init__(self, characters: str):
        image, tokens = keras.Input((32, None, 3), name="image"), keras.Input((None,), dtype="int32", name="tokens")
        tokenizer = CTCTokenizer(characters, lowercase=True, unknown="strip")
        guide_tokenizer = NRTRTokenizer(tokenizer.charset)
        columns = BatchNormalization()(keras.ops.mean(image, 1))
        line = keras.ops.mean(columns, 1, keepdims=True)
        size = guide_tokenizer.vocabulary_size
        guide = keras.layers.Dense(size)(line) + keras.layers.Embedding(size, size)(tokens)
        outputs = {"ctc": keras.layers.Dense(tokenizer.vocabulary_size)(columns), "guide": guide}
        super(SVTRv2, self).__init__(inputs={"image": image, "tokens": tokens}, outputs=outputs)
        self.tokenizer, self.guide_tokenizer = tokenizer, guide_tokenizer
        self.converter = ImageConverter(32, 64, "pad")

    def time_steps(self, width=None):
        return width or 64


def make(network: str):
    """A new model, and its teacher, if it has one."""
    keras.utils.set_random_seed(0)
    if network == "guided":
        model, teacher = Guided(CHARACTERS), Guided(CHARACTERS[10:])
    else:
        tokenizer = AttentionTokenizer(CHARACTERS, lowercase=True)
        backbone = ResNetVD(**TINY)
        model, teacher = RARE(tokenizer, ImageConverter(32, 64), backbone, 8, rectify="small", steps=8), None
    model.recipe = Recipe(batch_size=4, max_length=8, seed=3)
    return model, teacher


def train(network: str, data: str, state: pathlib.Path) -> dict[str, np.ndarray]:
    """Three steps, then an evaluation whose last batch is not full (JAX would compile that too): losses and state."""
    model, teacher = make(network)
    synchronize_batch_norm(model)
    # A large epsilon: else Adam makes whole steps of gradients that are nothing but rounding.
    optimizer = VariableAdam(0.05, epsilon=1.0, global_clipnorm=2.0, use_ema=True, ema_momentum=0.9)
    optimizer.set_variables((), batch_norms(model))
    # Both losses that depend on the longest word of a batch.
    options = {"teacher": teacher} if teacher else {"loss": SequenceLoss(model.tokenizer.end_id, padding=True)}
    model.compile(optimizer, weighted_metrics=None, **options)
    validation = None if keras.backend.backend() == "jax" else model.evaluation_data(lmdb(f"{data}/validation"))
    logs = model.fit(
        model.training_data(lmdb(f"{data}/words"), steps_per_epoch=3),
        validation_data=validation,
        shuffle=False,
        verbose=0,
    ).history
    run_folder.save_state(model, state, 1, (0.0, 1))
    with np.load(state) as arrays:
        return {**{name: np.array(values) for name, values in logs.items()}, **arrays}


def guide_loss() -> np.ndarray:
    """A loss of four lines, the longest of which is in the first half: the mean of what its replicas have."""
    rng = np.random.default_rng(0)
    teacher, student = rng.normal(size=(2, 4, 6, 7)).astype("float32")
    targets = np.where(np.arange(6) < np.array([[5], [2], [1], [3]]), rng.integers(0, 7, (4, 6)), -1)

    def part(index: int, count: int) -> list:
        return [keras.ops.convert_to_tensor(np.split(x, count)[index]) for x in (teacher, targets, student)]

    def loss(teacher, targets, student):
        return DecoupledDistillation()((teacher, targets), student)

    if keras.backend.backend() != "tensorflow":
        return keras.ops.convert_to_numpy(mean_over_replicas(loss(*part(*data_shard()))))
    import tensorflow as tf

    strategy = tf.distribute.get_strategy()
    parts = strategy.experimental_distribute_values_from_function(
        lambda context: part(context.replica_id_in_sync_group, strategy.num_replicas_in_sync)
    )
    # Keras has divided the losses by the number of replicas.
    return strategy.reduce("SUM", strategy.run(loss, parts), axis=None).numpy()


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

    run_folder.Keeper.on_epoch_begin = on_epoch_begin
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
            arrays[f"{how} guide loss"] = guide_loss()
            for network in networks.split(","):
                found = train(network, data, pathlib.Path(f"{output}.state"))
                arrays |= {f"{how} {network} {name}": value for name, value in found.items()}
    np.savez(output, **arrays)
    return train_until_killed(data) if killed else 0


if __name__ == "__main__":
    draw_few_numbers()  # as pytest's process does, whose "one" is compared: RARE's rectifier has a large weight
    sys.exit(main(*sys.argv[1:]))
