"""Processes that work side by side."""

import multiprocessing.connection
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any

import cv2

_function: Callable | None = None  # of a worker process


class Workers:
    """Processes that have one function; the caller's script needs its `if __name__ == "__main__":`.

    Where it can be, they are forked from one server process that has imported this package, Keras included, once. A
    process that dies breaks the pool: futures then raise `concurrent.futures.process.BrokenProcessPool`.

    Args:
        function: what they are to call; it pickles, and is sent once.
        processes: how many; None: one for each core.
    """

    def __init__(self, function: Callable, processes: int | None = None):
        self.processes = processes or os.cpu_count() or 1
        can_fork = "forkserver" in multiprocessing.get_all_start_methods()
        context = multiprocessing.get_context("forkserver" if can_fork else "spawn")
        if can_fork:
            context.set_forkserver_preload([__name__])
        self._pool = ProcessPoolExecutor(self.processes, context, _start, (function,))

    def submit(self, *arguments: Any) -> Future:
        """Has the function called in one of the processes: the future of what it returns or raises."""
        return self._pool.submit(_call, *arguments)

    def in_order(self, tasks: Iterable[Any]) -> Iterator[Any]:
        """What the function makes of each task, one after the other; a few are worked on ahead."""
        waiting: deque[Future] = deque()
        for task in tasks:
            waiting.append(self.submit(task))
            if len(waiting) > 3 * self.processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _start(function: Callable) -> None:
    global _function
    _function = function
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt ends the parent, and that ends the workers
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A pool's workers know nothing of a parent that was killed, and would wait for ever."""
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def _call(*arguments: Any) -> Any:
    return _function(*arguments)
