"""Processes that work side by side."""

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.pool import ExceptionWithTraceback
from typing import Any

import cv2

logger = logging.getLogger(__name__)

_TRIES = 3  # of a task whose process is killed


class WorkerKilled(RuntimeError):
    """A process was killed at its task, and so were those that followed it."""


class Workers:
    """Processes that have one function; the caller's script needs its `if __name__ == "__main__":`.

    Where it can be, they are forked from one server process that has imported this package, Keras included, once. Each
    starts with its first task. One that is killed is replaced, and its task is done again. They end with this object.

    Args:
        function: what they are to call; it pickles, and is sent once to each.
        processes: how many; None: one for each core.
    """

    def __init__(self, function: Callable, processes: int | None = None):
        self.processes = processes or os.cpu_count() or 1
        self._closed = False
        self._workers = [_Worker(function) for _ in range(self.processes)]
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(2 * self.processes)  # so that each process has its next task at hand

    def __call__(self, *arguments: Any) -> Any:
        """Has the function called in one of the processes: what it returns. Several threads may ask at a time.

        Raises:
            WorkerKilled: process after process was killed.
            CancelledError: `close` was called.
            Exception: what the function raises.
        """
        with self._lock:
            worker = min(self._workers, key=lambda worker: worker.tasks)
            worker.tasks += 1
        death = None
        try:
            for _ in range(_TRIES):
                if self._closed:
                    raise CancelledError("The processes were closed.")
                try:
                    returned, value = worker(arguments)
                except (EOFError, OSError) as error:
                    death = error
                    continue
                if returned:
                    return value
                raise value
            raise WorkerKilled(f"{_TRIES} processes were killed, perhaps for lack of memory; use fewer.") from death
        finally:
            with self._lock:
                worker.tasks -= 1

    def submit(self, *arguments: Any) -> Future:
        """As a call, but at once: the future of what it returns or raises."""
        return self._threads.submit(self, *arguments)

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
        """Ends the processes; what they work on is lost."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.end()


class _Worker:
    """One process, from its first task on, and the pipe to it. Its tasks, by several threads, are done in turn."""

    def __init__(self, function: Callable):
        self.tasks = 0
        self._function = function
        self._process: multiprocessing.Process | None = None
        self._pipe: Connection | None = None
        self._sending = threading.Lock()
        self._receiving = threading.Lock()

    def __call__(self, arguments: tuple) -> tuple[bool, Any]:
        """Whether the function returned, and what it returned or raised. EOFError, OSError: the process is dead."""
        with self._sending:
            if self._process is None:
                self._start()
            process, pipe = self._process, self._pipe
            with self._ended_by_errors(process):
                pipe.send(arguments)
                self._receiving.acquire()  # answers come in the order of the tasks
        try:
            with self._ended_by_errors(process):
                if self._process is not process:  # an earlier task's end was its end
                    raise EOFError
                return pipe.recv()
        finally:
            self._receiving.release()

    def end(self) -> None:
        """Ends the process, now; who waits for it gets an EOFError. The next task has a new one."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()

    @contextlib.contextmanager
    def _ended_by_errors(self, process: multiprocessing.Process) -> Iterator[None]:
        """After an interrupt, too: the answer must not be taken for the next task's."""
        try:
            yield
        except BaseException as error:
            if self._process is process:
                if isinstance(error, EOFError | OSError):
                    logger.warning("A process was killed, perhaps for lack of memory; a new one follows.")
                self.end()
            raise

    def _start(self) -> None:
        can_fork = "forkserver" in multiprocessing.get_all_start_methods()
        context = multiprocessing.get_context("forkserver" if can_fork else "spawn")
        if can_fork:
            context.set_forkserver_preload([__name__])
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(self._function, theirs), daemon=True)
        self._process.start()
        theirs.close()  # so that the pipe ends with the process


def _serve(function: Callable, pipe: Connection) -> None:
    """What a process does, until its parent or the parent's end of the pipe is gone."""
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt ends the parent, and that ends the workers
    with contextlib.suppress(EOFError, ConnectionError):  # nobody is there any more
        while True:
            arguments = pipe.recv()
            try:
                answer = True, function(*arguments)
            except Exception as error:
                answer = False, ExceptionWithTraceback(error, error.__traceback__)
            pipe.send(answer)
