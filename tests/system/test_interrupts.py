"""Ctrl-C, while Python itself cannot hear it."""

import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.once

# A single call of C that takes minutes and lets other threads run, as a compiler's.
CODE = """
import hashlib
import signal
from keras_textrec.system.interrupts import answered_interrupts
signal.signal(signal.SIGINT, lambda *_: None)  # as if Python did not hear it
with answered_interrupts("train"):
    print("started", flush=True)
    hashlib.pbkdf2_hmac("sha512", b"", b"", 10**9)
"""


def test_an_interrupt_is_answered():
    process = subprocess.Popen([sys.executable, "-c", CODE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "started\n"
    started = time.monotonic()
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert time.monotonic() - started < 10  # two seconds on an idle machine
    assert process.returncode == 130
    assert errors == "keras-textrec train: interrupted.\n"
