"""What the processes of one training tell each other beside the steps: that all can begin, with the same, and go on."""

import atexit
import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Iterator

import keras
import numpy as np

from keras_textrec.data.sources import Source, spread, text_of
from keras_textrec.system.errors import Failure
from keras_textrec.training.distribution import process_count

# Texts of a source that processes compare before they begin.
COMPARED = 64
# In the texts of errors, all of one class, that PyTorch and JAX raise where another process no longer answers.
SIGNS_OF_LOSS = ("gloo", "nccl", "connection", "peer", "coordination", "unavailable")
MESSAGE = 4096  # bytes that a process tells the others


def exchange(text: str) -> list[str]:
    """What each process has to say, in their order; cut after some thousand characters. All have to call it."""
    if process_count() == 1:
        return [text]
    message = np.zeros(MESSAGE, "uint8")
    said = text.encode("utf-8", "replace")[:MESSAGE]
    message[: len(said)] = np.frombuffer(said, "uint8")
    if keras.backend.backend() == "jax":
        from jax.experimental.multihost_utils import process_allgather

        messages = np.asarray(process_allgather(message))
    else:
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
        parts = [torch.zeros(MESSAGE, dtype=torch.uint8, device=device) for _ in range(process_count())]
        torch.distributed.all_gather(parts, torch.from_numpy(message).to(device))
        messages = [part.cpu().numpy() for part in parts]
    return [row.tobytes().rstrip(b"\0").decode("utf-8", "ignore") for row in messages]


@contextlib.contextmanager
def together() -> Iterator[None]:
    """What fails within for one process ends all of them, before they wait for each other.

    Raises:
        Failure: another process could not; it says why.
    """
    reason = ""
    try:
        yield
    except (OSError, ValueError, ImportError, Failure) as error:
        reason = str(error) or type(error).__name__
        raise
    finally:
        if process_count() > 1:
            failed = {index: said for index, said in enumerate(exchange(reason)) if said}
            if failed and not reason:
                index, said = next(iter(failed.items()))
                raise Failure(f"Process {index} of {process_count()} cannot begin: {said}")


class ProcessLost(Failure):
    """Another process of the training has ended, and the others cannot go on."""


@contextlib.contextmanager
def others_told() -> Iterator[None]:
    """Within, all processes take the same steps: raises `ProcessLost` for what the backends raise if another has ended.

    A process that fails within leaves as soon as it has said why, so that the others do not wait for it.
    """
    try:
        yield
    except BaseException as error:
        if process_count() == 1:
            raise
        if keras.backend.backend() == "jax":  # which else waits for the others at its end, for minutes
            atexit.register(_leave, 130 if isinstance(error, KeyboardInterrupt) else 1)
        if not isinstance(error, RuntimeError) or not any(sign in str(error).lower() for sign in SIGNS_OF_LOSS):
            raise
        raise ProcessLost("Another process of this training has ended.") from error


def _leave(status: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def check_agreement(facts: dict[str, str]) -> None:
    """Raises a ValueError in every process where one of them has another fact than process 0."""
    first, *others = map(json.loads, exchange(json.dumps(facts)))
    for index, other in enumerate(others, 1):
        for name in facts:
            if other[name] != first[name]:
                raise ValueError(
                    f"Process {index} has another {name} than process 0 ({other[name]}, not {first[name]}); all need "
                    "the same."
                )


def source_facts(source: Source) -> str:
    """How many records a source has, and a sum over some of their texts."""
    texts = hashlib.sha256()
    for position in spread(len(source), COMPARED):
        with contextlib.suppress(OSError, ValueError):  # loading it will tell
            texts.update(text_of(source, int(position)).encode("utf-8", "replace") + b"\0")
    return f"{len(source):,} records, texts {texts.hexdigest()[:8]}"
