"""Processes that were forked from one whose backend had threads: there the backend waits for them for ever."""

import os

_process: int | None = None


def enter_backend() -> None:
    """Says that this process uses the backend, from here on.

    Raises:
        RuntimeError: it was forked from one that did. (TensorFlow, JAX and PyTorch would hang, even with a new model.)
    """
    global _process
    if _process is None:
        _process = os.getpid()
    elif _process != os.getpid():
        raise RuntimeError(
            "This process was forked from one that has a model already, and in such a process no model answers: let "
            "only the children load models (gunicorn: without --preload), or start them by the method 'spawn' or "
            "'forkserver' of multiprocessing."
        )
