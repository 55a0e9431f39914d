"""What every test has at hand. `KERAS_BACKEND` chooses the backend of a run."""

import contextlib
import importlib.metadata
import importlib.util
import json
import math
import multiprocessing
import os
import pathlib
import signal
import types

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

# XLA compiles far longer than these small networks run.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")

import keras  # before anything imports keras_textrec, which then registers its classes
import numpy as np
import pytest
from keras.src.initializers import random_initializers

# A shell starts its background jobs, and so all that they start, deaf to interrupts; some tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED = pathlib.Path(__file__).parents[2] / "shared"


LARGEST_DRAW = 65_521  # a prime: no row of a kernel repeats another


def draw_few_numbers() -> None:
    """Large new weights repeat a few random numbers, for most tests replace them and drawing millions takes seconds.

    On JAX all are cut from random numbers of a few lengths: XLA compiles each shape anew.
    """

    def of_few_numbers(draw):
        def draw_and_repeat(shape, *arguments, **options):
            size = math.prod(shape)
            if keras.backend.backend() != "jax" and size <= LARGEST_DRAW:
                return draw(shape, *arguments, **options)
            length = min(1 << max(size - 1, 0).bit_length(), LARGEST_DRAW)
            return np.resize(keras.ops.convert_to_numpy(draw((length,), *arguments, **options)), shape)

        return draw_and_repeat

    own = vars(random_initializers.random)
    few = {name: of_few_numbers(own[name]) for name in ("normal", "truncated_normal", "uniform")}
    random_initializers.random = types.SimpleNamespace(**own | few)


def compile_without_fusion_emitters() -> None:
    """XLA compiles longest by its newest code for fused operations.

    A flag that it does not have ends the process, so this one is for the versions that are known to have it.
    """
    for name, known in {"jaxlib": "0.10.", "tensorflow": "2.21.", "tensorflow-cpu": "2.21."}.items():
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            if not importlib.metadata.version(name).startswith(known):
                return
    os.environ["XLA_FLAGS"] += " --xla_cpu_use_fusion_emitters=false"


def pytest_configure():
    compile_without_fusion_emitters()
    draw_few_numbers()


@pytest.fixture(autouse=True)
def holds_once(request, monkeypatch):
    """A test marked `once` runs on one backend only, so it fails if it reaches any."""
    if request.node.get_closest_marker("once"):

        def refuse(self, *arguments, **options):
            raise AssertionError(
                f"{type(self).__name__} was called by a test marked `once`; it is to run on each backend"
            )

        for name in ("Layer", "Loss", "Metric"):
            monkeypatch.setattr(getattr(keras, name), "__call__", refuse)


@pytest.fixture
def light_children(monkeypatch):
    """Child processes import Keras with its lightest backend: what they are to do needs none."""
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
