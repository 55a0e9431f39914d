"""What every test has at hand. `KERAS_BACKEND` chooses the backend of a run."""

import importlib.util
import json
import math
import multiprocessing
import os
import pathlib
import signal

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

# XLA compiles far longer than these small networks run.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")

import numpy as np
import pytest

# A shell starts its background jobs, and so all that they start, deaf to interrupts; some tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED = pathlib.Path(__file__).parents[2] / "shared"


def pytest_configure():
    """On JAX, new weights are cut from random numbers of a few lengths, for XLA compiles each shape anew."""
    if os.environ["KERAS_BACKEND"] != "jax":
        return
    import keras.src.backend.jax.random as random

    def of_few_lengths(draw):
        def draw_and_cut(shape, *arguments, **options):
            size = math.prod(shape)
            length = 1 << max(size - 1, 0).bit_length()
            return np.asarray(draw((length,), *arguments, **options))[:size].reshape(shape)

        return draw_and_cut

    for name in ("normal", "truncated_normal", "uniform"):
        setattr(random, name, of_few_lengths(getattr(random, name)))


@pytest.fixture(autouse=True)
def holds_once(request, monkeypatch):
    """A test marked `once` runs on one backend only, so it fails if it reaches any."""
    if request.node.get_closest_marker("once"):
        import keras

        def refuse(self, *arguments, **options):
            raise AssertionError(
                f"{type(self).__name__} was called by a test marked `once`; it is to run on each backend"
            )

        for name in ("Layer", "Loss", "Metric"):
            monkeypatch.setattr(getattr(keras, name), "__call__", refuse)


@pytest.fixture
def light_children(monkeypatch):
    """Child processes import Keras with its lightest backend: sources and the renderer need none."""
    monkeypatch.setenv("KERAS_BACKEND", "numpy")


@pytest.fixture
def new_processes():
    """Gives the child processes that live and that this test started."""
    before = set(multiprocessing.active_children())
    return lambda: [process for process in multiprocessing.active_children() if process not in before]


@pytest.fixture(scope="session")
def shared() -> pathlib.Path:
    """The folder of published numbers and real photographs beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("../shared, with the published numbers and real photographs, is not beside this checkout")
    return SHARED


@pytest.fixture(scope="session")
def parts(shared):
    """(json dictionary, npz dictionary) of the published pre- and post-processing, labels, losses."""
    folder = shared / "parity"
    return json.loads((folder / "parts.expected.json").read_text()), dict(np.load(folder / "parts.expected.npz"))


@pytest.fixture(scope="session")
def rule(shared):
    """The module that fills the published networks' tensors from their names."""
    spec = importlib.util.spec_from_file_location("rule", shared / "parity" / "rule.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
