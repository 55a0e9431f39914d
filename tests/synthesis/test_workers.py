import os
import pickle
import signal
import subprocess
import sys
import time

from keras_textrec.synthesis import WordRenderer

CODE = """
import os, pickle, signal, sys
from keras_textrec.synthesis.workers import Workers
if __name__ == "__main__":
    workers = Workers(pickle.load(open(sys.argv[1], "rb")), 1)
    words = workers.submit([4]).result()
    print(next(iter(workers._pool._processes)), words[0].text, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_workers_end_with_a_killed_parent(fonts, tmp_path):
    renderer = WordRenderer(fonts, ["word"])
    (tmp_path / "renderer").write_bytes(pickle.dumps(renderer))
    (tmp_path / "script.py").write_text(CODE)
    paths = os.pathsep.join(path for path in sys.path if path)
    environment = {**os.environ, "KERAS_BACKEND": "numpy", "PYTHONPATH": paths}
    command = [sys.executable, str(tmp_path / "script.py"), str(tmp_path / "renderer")]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == -signal.SIGKILL, run.stderr
    worker, text = run.stdout.split(maxsplit=1)
    assert text.strip() == renderer.text(4)
    for _ in range(100):
        try:
            os.kill(int(worker), 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError("the worker lives on")
