"""One process with TensorFlow for all exports of these tests: each would import it anew, for five seconds."""

import subprocess
import sys
import types

import pytest

from keras_textrec.export import tf_process

# Does what it is sent, a line of Python each, and answers; what it prints goes to standard error.
LOOP = """
import os, sys
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
for line in sys.stdin:
    exec(line, {})
    sys.modules["keras"].backend.clear_session()
    print("done", file=answers, flush=True)
"""


@pytest.fixture(scope="session")
def python_with_tensorflow():
    """Stands for `subprocess.run` of Python code."""
    command = [sys.executable, "-c", LOOP]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=tf_process._environment(), **pipes) as process:

        def run(command, **options):
            print(command[-1], file=process.stdin, flush=True)
            assert process.stdout.readline() == "done\n"
            return types.SimpleNamespace(returncode=0)

        yield run
        process.kill()


@pytest.fixture
def one_process(python_with_tensorflow, monkeypatch):
    """Exports that need TensorFlow share its process. What a process of its own is for has its test elsewhere."""
    monkeypatch.setattr(tf_process, "subprocess", types.SimpleNamespace(run=python_with_tensorflow))
