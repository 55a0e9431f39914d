import threading
import weakref

import pytest

from keras_textrec.system.threads import Threads

pytestmark = pytest.mark.once


def test_tasks_are_done_side_by_side():
    threads, barrier = Threads(2), threading.Barrier(2, timeout=10)
    places = [threads.submit(barrier.wait) for _ in range(2)]
    assert sorted(place.result(10) for place in places) == [0, 1]
    with pytest.raises(ZeroDivisionError):
        threads.submit(divmod, 1, 0).result(10)
    assert threads.submit(divmod, 7, 2).result(10) == (3, 1)


def test_what_was_cancelled_is_not_done():
    threads, go, done = Threads(1), threading.Event(), []
    first, second = threads.submit(go.wait, 10), threads.submit(done.append, 1)
    assert second.cancel()
    go.set()
    assert first.result(10) and threads.submit(len, done).result(10) == 0


def test_nothing_lives_by_a_thread_that_waits():
    class Thing:
        pass

    threads, thing = Threads(1), Thing()
    gone = threading.Event()
    weakref.finalize(thing, gone.set)
    assert threads.submit(isinstance, thing, Thing).result(10)
    del thing
    assert gone.wait(10)


def test_threads_end_with_their_object():
    before = set(threading.enumerate())  # by themselves: those of other tests may end meanwhile
    threads = Threads(3)
    ended = set(threading.enumerate()) - before
    assert len(ended) == 3
    del threads
    for thread in ended:
        thread.join(10)
    assert not any(thread.is_alive() for thread in ended)
