import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import CancelledError

import pytest

from keras_textrec.system.workers import WorkerKilled, Workers

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("light_children")]

CODE = """
import os, signal
from keras_textrec.system.workers import Workers
if __name__ == "__main__":
    workers = Workers(os.getpid, 1)
    print(workers(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def make():
    made = []

    def make(function, processes=1):
        made.append(Workers(function, processes))
        return made[-1]

    yield make
    for workers in made:
        workers.close()


def wait_for(condition):
    for _ in range(100):
        if condition():
            return True
        time.sleep(0.05)
    return False


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_tasks_are_done_elsewhere_and_in_order(make):
    workers = make(str.upper, 2)
    assert list(workers.in_order(map(str, "abcdefghijklmnopqrstuvwxyz"))) == list("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    process = make(os.getpid)
    assert process() == process.submit().result() != os.getpid()


def test_what_the_function_raises_is_raised(make):
    workers = make(int)
    with pytest.raises(ValueError, match="invalid literal") as caught:
        workers("word")
    assert "_serve" in str(caught.value.__cause__)  # the other process' traceback
    assert workers("12") == 12
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        workers(lambda: None)
    assert workers("13") == 13


def test_a_killed_process_is_replaced(make, caplog, new_processes):
    """At work or idle."""
    workers = make(time.sleep)
    assert workers(0) is None
    (first,) = new_processes()
    task = workers.submit(0.5)
    time.sleep(0.1)
    os.kill(first.pid, signal.SIGKILL)
    assert task.result() is None and caplog.text.count("A process was killed, perhaps for lack of memory") == 1
    (second,) = new_processes()
    os.kill(second.pid, signal.SIGKILL)
    second.join()
    assert workers(0) is None and caplog.text.count("A process was killed") == 2


def test_a_task_that_kills_is_given_up(make):
    workers = make(signal.raise_signal)
    with pytest.raises(WorkerKilled, match="3 processes were killed, perhaps for lack of memory"):
        workers(signal.SIGKILL)
    assert workers(signal.SIGCONT) is None


def test_closing_ends_what_is_worked_on(make, caplog, new_processes):
    workers = make(time.sleep)
    workers(0)
    (process,) = new_processes()
    task, waiting = workers.submit(60), workers.submit(0)
    time.sleep(0.1)
    workers.close()
    for future in (task, waiting):
        with pytest.raises(CancelledError):
            future.result(5)
    process.join(5)
    assert not process.is_alive() and not caplog.records


def test_processes_end_with_their_object():
    workers = Workers(os.getpid, 1)
    process = workers()
    del workers
    assert wait_for(lambda: not is_alive(process))


def test_workers_end_with_a_killed_parent(tmp_path):
    (tmp_path / "script.py").write_text(CODE)
    paths = os.pathsep.join(path for path in sys.path if path)
    environment = {**os.environ, "PYTHONPATH": paths}
    run = subprocess.run([sys.executable, tmp_path / "script.py"], env=environment, capture_output=True, text=True)
    assert run.returncode == -signal.SIGKILL, run.stderr
    assert wait_for(lambda: not is_alive(int(run.stdout)))


def test_an_interrupted_task_leaves_no_answer_behind(make):
    workers = make(pow)
    assert workers(2, 3) == 8
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(KeyboardInterrupt):
            workers(3, 30_000_000)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert workers(2, 4) == 16
