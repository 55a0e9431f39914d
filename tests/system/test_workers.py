import functools
import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import CancelledError

import pytest

from keras_textrec.system.workers import Workers, WorkersFailed

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
    with pytest.raises(WorkersFailed, match="3 processes were killed, perhaps for lack of memory"):
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
            workers(3, 2_000_000)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert workers(2, 4) == 16


def run_script(tmp_path, code, **options):
    (tmp_path / "script.py").write_text(code)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.Popen(
        [sys.executable, tmp_path / "script.py"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.parametrize(
    ("before", "message"),
    [("", "script.py starts processes, each of which imports it first"), ("os.mkdir('made')\n", "ended with status 1")],
)
def test_a_script_without_its_guard_is_told_so(tmp_path, before, message):
    """Once, by its own process; what fails in another one, before it comes to start processes, is heard of once too."""
    code = "import os\n" + before + "from keras_textrec.system.workers import Workers\nWorkers(os.getpid, 2)()\n"
    run = run_script(tmp_path, code, cwd=tmp_path)
    output = run.communicate(timeout=60)
    assert run.returncode == 1 and output[1].count("WorkersFailed") == 1
    assert message in output[1] and 'under `if __name__ == "__main__":`' in output[1]
    assert output[1].count("Traceback") == (2 if before else 1)


def test_python_is_left_whatever_is_still_to_be_done(tmp_path):
    code = """
import time
from keras_textrec.system.threads import Threads
from keras_textrec.system.workers import Workers

if __name__ == "__main__":
    workers, threads = Workers(time.sleep, 2), Threads(2)
    for _ in range(20):
        workers.submit(30)
        threads.submit(time.sleep, 30)
    time.sleep(0.2)
    print("end", flush=True)
"""
    run = run_script(tmp_path, code)
    assert run.stdout.readline() == "end\n"
    start = time.monotonic()
    assert run.wait(20) == 0 and time.monotonic() - start < 10
    assert not run.stderr.read()


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signals are blocked on this system")
@pytest.mark.parametrize("after", ["starting", "working"])
def test_an_interrupt_is_heard_by_the_parent_alone(tmp_path, after):
    code = """
import time
from keras_textrec.system.workers import Workers

if __name__ == "__main__":
    try:
        print("starting", flush=True)
        workers = Workers(time.sleep, 2)
        tasks = [workers.submit(60) for _ in range(4)]
        time.sleep(0.5)
        print("working", flush=True)
        tasks[0].result()
    except KeyboardInterrupt:
        print("interrupted")
"""
    run = run_script(tmp_path, code, start_new_session=True)
    while run.stdout.readline() != f"{after}\n":
        pass
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does: to every process
    output = run.communicate(timeout=20)
    assert run.returncode == 0 and output[0].endswith("interrupted\n") and not output[1]


def test_what_cannot_be_sent_or_taken_up_is_raised_at_once(make):
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        make(lambda: None)
    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        make(FromNowhere())


class FromNowhere:
    """What pickles here and is not found in another process."""

    def __reduce__(self):
        return __import__, ("nowhere",)


def test_long_tasks_with_long_answers_do_not_wait_for_each_other(make):
    workers = make(bytes.upper)
    tasks = [workers.submit(b"a" * 3_000_000) for _ in range(4)]
    assert {task.result(30) for task in tasks} == {b"A" * 3_000_000}


def test_the_initializer_comes_first(tmp_path):
    workers = Workers(os.getcwd, 1, functools.partial(os.chdir, tmp_path))
    assert workers() == str(tmp_path) != os.getcwd()
    workers.close()
