"""Ctrl-C, answered whatever the process does."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

GRACE = 1.5  # seconds that Python has to hear an interrupt itself


@contextmanager
def answered_interrupts(command: str) -> Iterator[None]:
    """Meanwhile Ctrl-C ends the process within two seconds, with one line on standard error and the status 130.

    Python hears an interrupt only between two of its own steps, and a backend's compiler may take minutes for one. A
    thread then ends the process at once. What is on disk is whole: it is written elsewhere first and then renamed, or
    in a transaction.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    heard = threading.Event()
    threading.Thread(target=_end_when_interrupted, args=(reader, command, heard), daemon=True).start()
    try:
        yield
    finally:
        heard.set()
        signal.set_wakeup_fd(before)
        os.close(writer)  # the thread ends


def interrupted(command: str) -> str:
    return f"keras-textrec {command}: interrupted."


def _end_when_interrupted(pipe: int, command: str, heard: threading.Event) -> None:
    while number := os.read(pipe, 1):
        if number[0] == signal.SIGINT and not heard.wait(GRACE):
            print(interrupted(command), file=sys.stderr, flush=True)
            os._exit(130)
    os.close(pipe)
