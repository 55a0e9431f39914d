import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.once

CODE = """
import os, signal
from keras_textrec.workers import Workers
if __name__ == "__main__":
    workers = Workers(str.upper, 1)
    print(workers.submit("word").result(), next(iter(workers._pool._processes)), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_workers_end_with_a_killed_parent(tmp_path):
    (tmp_path / "script.py").write_text(CODE)
    paths = os.pathsep.join(path for path in sys.path if path)
    environment = {**os.environ, "KERAS_BACKEND": "numpy", "PYTHONPATH": paths}
    run = subprocess.run([sys.executable, tmp_path / "script.py"], env=environment, capture_output=True, text=True)
    assert run.returncode == -signal.SIGKILL, run.stderr
    word, worker = run.stdout.split()
    assert word == "WORD"
    for _ in range(100):
        try:
            os.kill(int(worker), 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError("the worker lives on")
