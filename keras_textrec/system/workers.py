"""Processes that work side by side.

A `concurrent.futures.ProcessPoolExecutor` loads images as fast (0.93 to 1.01 times, two cores), but loses all its
processes and tasks with one that is killed, waits for every queued task when Python is left, and each of its processes
that cannot start, or is interrupted while it does, prints a traceback.
"""

import atexit
import contextlib
import logging
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future
from multiprocessing.connection import Connection
from multiprocessing.pool import ExceptionWithTraceback
from typing import Any

from keras_textrec.system.errors import Failure
from keras_textrec.system.numbers import whole_number

logger = logging.getLogger(__name__)

_TRIES = 3  # of a task whose process is killed
_SMALL = 4096  # bytes of a task that wait in the pipe to a process that is at work
_STARTING, _WORKING = "keras_textrec: starting", "keras_textrec: working"  # names of a process
_UNGUARDED = 77  # the exit status of a process that, while it starts, is to start others

Initializer = Callable[[], Any] | None


class WorkersFailed(Failure):
    """Processes cannot start, or are killed again and again."""


class Workers:
    """Processes that have one function; the caller's script needs its `if __name__ == "__main__":`.

    Where it can be, they are forked from one server process that has imported this module once. The first starts at
    once, every other with its first task; each has its next task at hand. One that is killed is replaced, and its tasks
    are done again. They end with this object, and with Python, whatever is still to be done.

    Args:
        function: what they are to call; it pickles, and is sent once to each.
        processes: how many; None: one for each core.
        initializer: what each calls before anything else; it pickles, and may hold shared memory of `multiprocessing`.

    Raises:
        WorkersFailed: the first process did not start.
        Exception: what pickling the function here, or unpickling it there, raises.
    """

    def __init__(self, function: Callable, processes: int | None = None, initializer: Initializer = None):
        if multiprocessing.current_process().name == _STARTING:
            # The script is being imported and has no guard. The parent says so, once; an exception here would be one
            # more traceback for each process.
            os._exit(_UNGUARDED)
        self.processes = (os.cpu_count() or 1) if processes is None else whole_number("processes", processes)
        self._tasks = _Tasks(function, initializer)
        weakref.finalize(self, self._tasks.end, CancelledError("The processes were closed.")).atexit = False
        for number in range(self.processes):
            threading.Thread(target=_have_tasks_done, args=(self._tasks, number == 0), daemon=True).start()
        self._tasks.started.wait()
        self._tasks.check()

    def __call__(self, *arguments: Any) -> Any:
        """Has the function called in one of the processes: what it returns. Several threads may ask at a time.

        Raises:
            WorkersFailed: process after process was killed.
            CancelledError: `close` was called.
            Exception: what the function raises.
        """
        return self.submit(*arguments).result()

    def submit(self, *arguments: Any) -> Future:
        """As a call, but at once: the future of what it returns or raises. It cannot be cancelled."""
        return self._tasks.add(arguments)

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
        self._tasks.end(CancelledError("The processes were closed."))


class _Task:
    def __init__(self, arguments: tuple):
        self.message = pickle.dumps(arguments)
        self.future: Future = Future()
        self.future.set_running_or_notify_cancel()

    def finish(self, answer: bytes) -> None:
        try:
            returned, value = pickle.loads(answer)
        except Exception as error:
            returned, value = False, error
        (self.future.set_result if returned else self.future.set_exception)(value)


class _Tasks:
    """What is to be done by the processes, each of which has a thread here; `error`: why nothing is done any more."""

    def __init__(self, function: Callable, initializer: Initializer):
        self.function = pickle.dumps(function)
        self.initializer = initializer
        self.error: BaseException | None = None
        self.processes: set[multiprocessing.Process] = set()
        self.started = threading.Event()  # the first of them has, or there is an error
        self._waiting: deque[_Task] = deque()
        self._idle = 0  # threads that wait for a task
        self._change = threading.Condition()
        # Before multiprocessing ends all processes, as it does when Python is left: they would be taken for killed.
        atexit.register(self.end, CancelledError("Python is being left."))

    def add(self, arguments: tuple) -> Future:
        task = _Task(arguments)
        with self._change:
            self.check()
            self._waiting.append(task)
            self._change.notify()
        return task.future

    def take(self, given: deque[_Task]) -> bool:
        """Adds a task to those that a process has been given, if there is one for it; waits if it has none.

        A process gets a second one while it is at the first, so that it need not wait until its answer is read here;
        not if another process is idle, and not a long one, for which the pipe may have no room.
        """
        with self._change:
            self._idle += not given
            while not (given or self._waiting or self.error):
                self._change.wait()
            self._idle -= not given
            self.check()
            if not self._waiting or len(given) > 1:
                return False
            if given and (self._idle or len(self._waiting[0].message) > _SMALL):
                return False
            given.append(self._waiting.popleft())
            return True

    def check(self) -> None:
        if self.error:
            raise self.error.with_traceback(None)

    def end(self, error: BaseException) -> None:
        """Ends the processes; `error` is what comes of every task that is not done."""
        with self._change:
            self.error = self.error or error
            for task in self._waiting:
                task.future.set_exception(self.error)
            self._waiting.clear()
            self._change.notify_all()
        for process in list(self.processes):
            process.terminate()
        self.started.set()
        atexit.unregister(self.end)


def _have_tasks_done(tasks: _Tasks, first: bool) -> None:
    """What a thread does: has tasks done by a process, and by another one when that is killed."""
    if hasattr(signal, "pthread_sigmask"):
        # The processes that this thread starts inherit it: Ctrl-C is for this process, which then ends them.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    given: deque[_Task] = deque()
    deaths = 0  # since the last answer
    try:
        if not first:
            tasks.started.wait()
            tasks.take(given)
        while True:
            try:
                with _process(tasks) as pipe:
                    tasks.started.set()
                    for task in given:
                        pipe.send_bytes(task.message)
                    while True:
                        if tasks.take(given):
                            pipe.send_bytes(given[-1].message)
                        else:
                            given[0].finish(pipe.recv_bytes())
                            given.popleft()
                            deaths = 0
            except (EOFError, OSError) as death:
                tasks.check()
                logger.warning("A process was killed, perhaps for lack of memory; a new one follows.")
                deaths += 1
                if deaths == _TRIES:
                    error = WorkersFailed(f"{_TRIES} processes were killed, perhaps for lack of memory; use fewer.")
                    error.__cause__ = death
                    if not given:
                        raise error from death
                    given.popleft().future.set_exception(error)
                    deaths = 0
    except BaseException as error:
        tasks.end(error)
        for task in given:
            task.future.set_exception(tasks.error)


@contextlib.contextmanager
def _process(tasks: _Tasks) -> Iterator[Connection]:
    """The pipe to a new process that is ready for tasks. EOFError, OSError: it was killed."""
    can_fork = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if can_fork else "spawn")
    if can_fork:
        context.set_forkserver_preload([__name__])
    pipe, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(tasks.initializer, theirs), name=_STARTING, daemon=True)
    process.start()
    theirs.close()  # so that the pipe ends with the process
    tasks.processes.add(process)
    try:
        tasks.check()
        try:
            pipe.send_bytes(tasks.function)
            error = pipe.recv()
        except (EOFError, OSError):
            tasks.check()
            process.join()
            if 0 <= process.exitcode < 255:  # 255: the server process was killed too
                raise WorkersFailed(_why_not_started(process.exitcode)) from None
            raise
        if error:
            raise error
        yield pipe
    finally:
        process.terminate()
        tasks.processes.discard(process)


def _why_not_started(status: int) -> str:
    script = getattr(sys.modules["__main__"], "__file__", "the script")
    guard = 'if __name__ == "__main__":'
    if status == _UNGUARDED:
        return (
            f"{script} starts processes, each of which imports it first and is then to start processes itself: put "
            f"what it does under `{guard}`, or use no processes."
        )
    return (
        f"A process ended with status {status} before its first task; what it said stands above. It imports {script} "
        f"first, where everything but definitions must stand under `{guard}`."
    )


def _serve(initializer: Initializer, pipe: Connection) -> None:
    """What a process does, until its parent or the parent's end of the pipe is gone."""
    multiprocessing.current_process().name = _WORKING
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it could not be blocked
    if initializer:
        initializer()
    with contextlib.suppress(EOFError, ConnectionError):  # nobody is there any more
        message = pipe.recv_bytes()
        try:
            function = pickle.loads(message)
        except Exception as error:
            pipe.send(ExceptionWithTraceback(error, error.__traceback__))
            return
        pipe.send(None)
        while True:
            arguments = pipe.recv()
            try:
                answer = True, function(*arguments)
            except Exception as error:
                answer = False, ExceptionWithTraceback(error, error.__traceback__)
            pipe.send(answer)
