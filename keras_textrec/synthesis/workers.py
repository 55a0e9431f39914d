"""Processes that render side by side."""

import multiprocessing.connection
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor

import cv2

from keras_textrec.synthesis.render import Word, WordRenderer

_renderer: WordRenderer | None = None  # of a worker process


class Workers:
    """Worker processes with one renderer; the caller's script needs its `if __name__ == "__main__":`.

    Where it can be, they are forked from one server process that has imported this package, Keras included, once. A
    worker that dies breaks the pool: futures then raise `concurrent.futures.process.BrokenProcessPool`.

    Args:
        processes: how many; None: one for each core.
    """

    def __init__(self, renderer: WordRenderer, processes: int | None = None):
        self.processes = processes or os.cpu_count() or 1
        can_fork = "forkserver" in multiprocessing.get_all_start_methods()
        context = multiprocessing.get_context("forkserver" if can_fork else "spawn")
        if can_fork:
            context.set_forkserver_preload([__name__])
        self._pool = ProcessPoolExecutor(self.processes, context, _start, (renderer,))

    def submit(self, indices: Sequence[int]) -> Future:
        """Has these images rendered: the future of a list of `Word`s with JPEG files."""
        return self._pool.submit(_render, indices)

    def in_order(self, chunks: Iterable[Sequence[int]]) -> Iterator[list[Word]]:
        """The images of one chunk after the other."""
        waiting: deque[Future] = deque()
        for chunk in chunks:
            waiting.append(self.submit(chunk))
            if len(waiting) > 3 * self.processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _start(renderer: WordRenderer) -> None:
    global _renderer
    _renderer = renderer
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt ends the parent, and that ends the workers
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A pool's workers know nothing of a parent that was killed, and would wait for ever."""
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def _render(indices: Sequence[int]) -> list[Word]:
    return [_renderer.render_jpeg(index) for index in indices]
