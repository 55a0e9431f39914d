"""Threads that work side by side."""

import queue
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any


class Threads:
    """What `concurrent.futures.ThreadPoolExecutor` is, but Python can be left at once, whatever is queued or under way.

    Args:
        count: how many threads.
    """

    def __init__(self, count: int):
        self._tasks: queue.SimpleQueue = queue.SimpleQueue()
        for _ in range(count):
            threading.Thread(target=_work, args=(self._tasks,), daemon=True).start()
            weakref.finalize(self, self._tasks.put, None).atexit = False

    def submit(self, function: Callable, *arguments: Any) -> Future:
        """Has the function called by a thread: the future of what it returns or raises."""
        future: Future = Future()
        self._tasks.put((future, function, arguments))
        return future


def _work(tasks: queue.SimpleQueue) -> None:
    while task := tasks.get():
        future, function, arguments = task
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(function(*arguments))
            except BaseException as error:
                future.set_exception(error)
        del task, future, function, arguments  # while it waits for the next one, nothing is to live by this one
