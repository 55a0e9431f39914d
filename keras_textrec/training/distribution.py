"""Training on several devices: each computes a part of every batch, and all have the same weights after every step.

The losses and weights are those of one device with the same batches. What does the work:

- JAX: `keras.distribution.DataParallel`, over the devices of one process, or of several that `initialize` joins.
- TensorFlow: `tf.distribute.MirroredStrategy`, over the devices of one machine.
- PyTorch: one process a device, started by `torchrun`, and `data_parallel.py`.
"""

import contextlib
import json
import logging
import os
from collections.abc import Iterator

import keras

from keras_textrec.layers.replicas import torch_processes
from keras_textrec.system.errors import Failure

logger = logging.getLogger(__name__)

NO_MULTI_WORKER = (
    "Keras 3 cannot train with that. On several machines, use KERAS_BACKEND=jax or torch (docs/distributed.md); "
    "MirroredStrategy uses all GPUs of one machine."
)


# === Where this process stands ===


def process_index() -> int:
    """Which of the training's processes this is; number 0 alone writes files."""
    if torch_processes() > 1:
        import torch

        return torch.distributed.get_rank()
    if keras.backend.backend() == "jax":
        import jax

        return jax.process_index()
    return 0


def process_count() -> int:
    if keras.backend.backend() == "jax":
        import jax

        return jax.process_count()
    return torch_processes()


def data_shard() -> tuple[int, int]:
    """(k, N): this process feeds the k-th of N equal parts of every batch."""
    distribution = keras.distribution.distribution()
    if torch_processes() > 1:
        return process_index(), process_count()
    if keras.backend.backend() != "jax" or distribution is None or distribution.auto_shard_dataset:
        return 0, 1  # Keras shares out what each process gives it whole, or says that it cannot
    return distribution.data_shard_id, min(distribution.num_processes, distribution.num_model_replicas)


def replica_count(model: keras.Model) -> int:
    """How many devices share a batch of this model."""
    distribution = keras.distribution.distribution()
    if keras.backend.backend() == "tensorflow":
        return model.distribute_strategy.num_replicas_in_sync
    return distribution.num_model_replicas if distribution is not None else process_count()


def check_batch(model: keras.Model, batch_size: int) -> None:
    """Raises a ValueError where the model's devices cannot share a batch alike."""
    devices = replica_count(model)
    if batch_size % devices:
        lower = batch_size // devices * devices
        sizes = f"{lower} or {lower + devices}" if lower else f"{devices}"
        raise ValueError(f"A batch of {batch_size} images cannot be shared by {devices} devices alike; give {sizes}.")


# === A training ===


@contextlib.contextmanager
def distributed(mode: str) -> Iterator[None]:
    """Models that are made and trained within use the devices that there are.

    Args:
        mode: "data", several devices that share every batch; "none", one device; "auto", as many as there are.

    Raises:
        ValueError: "data" and there is one device; or processes that were started for another backend, or wrongly.
        Failure: the processes do not find each other.
    """
    _check_launch(mode)
    with {"jax": _jax, "tensorflow": _tensorflow, "torch": _torch}[keras.backend.backend()](mode):
        if process_index():  # one process tells what all do
            logging.getLogger("keras_textrec").setLevel(logging.WARNING)
        yield


def _check_launch(mode: str) -> None:
    """Whether what started this process did so for this backend and mode."""
    backend = keras.backend.backend()
    if "cluster" in json.loads(os.environ.get("TF_CONFIG") or "{}"):
        raise ValueError(f"TF_CONFIG names a cluster, for MultiWorkerMirroredStrategy. {NO_MULTI_WORKER}")
    launched = {
        "torch": ("torchrun", _told("WORLD_SIZE", 1)),
        "jax": ("KERAS_DISTRIBUTION_NUM_PROCESSES", _told("KERAS_DISTRIBUTION_NUM_PROCESSES", 1)),
    }
    for needed, (launcher, processes) in launched.items():
        if processes > 1 and (backend != needed or mode == "none"):
            instead = "leave out --distribute none" if backend == needed else f"set KERAS_BACKEND={needed}"
            raise ValueError(
                f"{processes} processes were started ({launcher}), and each would train alone and write to one folder; "
                f"{instead}, or start one."
            )


def _told(variable: str, default: int) -> int:
    """What a launcher says of this process."""
    value = os.environ.get(variable, str(default))
    if not value.isdecimal():
        raise ValueError(f"{variable} must be a whole number, not {value!r}.")
    return int(value)


def _several(mode: str, devices: list[str], more: str) -> bool:
    """Whether these devices are to share batches."""
    if mode == "data" and len(devices) < 2:
        raise ValueError(f"--distribute data needs two devices or more, and there is {len(devices)}: {more}.")
    if mode == "none" or len(devices) < 2:
        return False
    logger.info("Each batch is shared by %d devices.", len(devices))
    return True


@contextlib.contextmanager
def _jax(mode: str) -> Iterator[None]:
    import jax

    if "KERAS_DISTRIBUTION_NUM_PROCESSES" in os.environ and not jax.distributed.is_initialized():
        place, processes = _told("KERAS_DISTRIBUTION_PROCESS_ID", 0), _told("KERAS_DISTRIBUTION_NUM_PROCESSES", 1)
        if place >= processes:
            raise ValueError(
                f"KERAS_DISTRIBUTION_PROCESS_ID is {place}; it counts from 0, and there are {processes} processes."
            )
        try:
            keras.distribution.initialize()
        except (RuntimeError, ValueError) as error:
            raise Failure(f"The processes of this training do not find each other: {error}") from error
    devices = keras.distribution.list_devices()
    if not _several(mode, devices, "XLA_FLAGS=--xla_force_host_platform_device_count=2 makes two of a processor"):
        yield
        return
    with keras.distribution.DataParallel(devices=devices, auto_shard_dataset=False).scope():
        yield


@contextlib.contextmanager
def _tensorflow(mode: str) -> Iterator[None]:
    import tensorflow as tf

    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    devices = [device.name for device in tf.config.list_logical_devices(kind)]
    if not _several(mode, devices, f"one {kind}; tf.config.set_logical_device_configuration makes several of it"):
        yield
        return
    with tf.distribute.MirroredStrategy(devices).scope():
        yield


@contextlib.contextmanager
def _torch(mode: str) -> Iterator[None]:
    import torch

    if "WORLD_SIZE" not in os.environ:
        if mode == "data":
            raise ValueError(
                "On PyTorch each device has a process of its own; start them by torchrun --nproc-per-node N -m "
                "keras_textrec train ..."
            )
        if mode == "auto" and torch.cuda.device_count() > 1:
            logger.info(
                "One of %d GPUs is used; torchrun --nproc-per-node %d uses all.", *[torch.cuda.device_count()] * 2
            )
        yield
        return
    place = _told("LOCAL_RANK", 0)
    if torch.cuda.is_available():
        if place >= torch.cuda.device_count():
            raise ValueError(
                f"torchrun started process {place + 1} on a machine with {torch.cuda.device_count()} GPUs; give "
                f"--nproc-per-node {torch.cuda.device_count()} at most."
            )
        torch.cuda.set_device(place)
    try:
        store, rank, processes = next(torch.distributed.rendezvous("env://"))
        # The store may outlive a relaunch, with the addresses of processes that have ended.
        store = torch.distributed.PrefixStore(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"), store)
        torch.distributed.init_process_group(store=store, rank=rank, world_size=processes)
    except (RuntimeError, ValueError) as error:
        raise Failure(f"The processes of this training do not find each other: {error}") from error
    logger.info("Each batch is shared by %d processes.", processes)
    yield
    torch.distributed.destroy_process_group()  # not after an error: it may wait for the others


def is_relaunch() -> bool:
    """Whether `torchrun` starts this process again, because one of them had ended."""
    return _told("TORCHELASTIC_RESTART_COUNT", 0) > 0


def local_process_count() -> int:
    """The training's processes on this machine, as far as their launcher says."""
    return _told("LOCAL_WORLD_SIZE", 1)
