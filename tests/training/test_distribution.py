import json
import os
import pathlib
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_textrec.commands import main
from keras_textrec.data import from_arrays
from keras_textrec.system.errors import Failure
from keras_textrec.training import agreement, distribution
from tests.tiny import WORDS, crnn, draw, make_crnn, write_lmdb

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder with words for two and a half batches, and to validate on one and a quarter; a preset."""
    place = tmp_path_factory.mktemp("devices")
    write_lmdb(place / "words")
    write_lmdb(place / "validation", ["cat", "owl", "dog", "hen", "emu"])
    make_crnn(hidden_size=8).save_to_preset(place / "preset")
    return place


@pytest.fixture
def launched(monkeypatch):
    """Sets what a launcher would tell this process."""

    def launched(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))

    return launched


# === What is refused ===


@pytest.mark.one_backend
@pytest.mark.parametrize(
    ("variables", "mode", "message"),
    [
        ({}, "data", "On PyTorch each device has a process of its own; start them by torchrun"),
        ({"WORLD_SIZE": 2}, "none", r"2 processes were started \(torchrun\).*leave out --distribute none"),
        ({"KERAS_DISTRIBUTION_NUM_PROCESSES": 2}, "auto", "each would train alone.*set KERAS_BACKEND=jax"),
        ({"KERAS_DISTRIBUTION_NUM_PROCESSES": "two"}, "auto", "KERAS_DISTRIBUTION_NUM_PROCESSES must be a whole"),
        (
            {"TF_CONFIG": '{"cluster": {"worker": ["a:1", "b:1"]}}'},
            "auto",
            "MultiWorkerMirroredStrategy.*On several machines",
        ),
    ],
)
def test_a_launch_that_cannot_work_is_refused(launched, variables, mode, message):
    launched(**variables)
    with pytest.raises(ValueError, match=message), distribution.distributed(mode):
        pass


@pytest.mark.one_backend
def test_one_device_needs_nothing():
    with distribution.distributed("auto"):
        assert distribution.replica_count(crnn()) == distribution.process_count() == 1
        assert distribution.data_shard() == (0, 1)


@pytest.mark.one_backend
def test_more_processes_than_gpus(launched, monkeypatch):
    import torch

    launched(WORLD_SIZE=3, LOCAL_RANK=2)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ValueError, match="started process 3 on a machine with 2 GPUs; give --nproc-per-node 2"):
        distribution._torch("auto").__enter__()


@pytest.mark.one_backend
def test_a_batch_that_cannot_be_shared(monkeypatch):
    monkeypatch.setattr(distribution, "process_count", lambda: 3)
    source = from_arrays([draw(word) for word in WORDS[:4]], WORDS[:4])
    with pytest.raises(ValueError, match="A batch of 4 images cannot be shared by 3 devices alike; give 3 or 6"):
        crnn().training_data(source)
    with pytest.raises(ValueError, match="A batch of 2 images cannot be shared by 3 devices alike; give 3"):
        crnn().evaluation_data(source, 2)


@pytest.mark.one_backend
def test_what_keras_ignores_is_told(monkeypatch):
    monkeypatch.setattr(keras.distribution, "distribution", lambda: "DataParallel")
    with pytest.raises(ValueError, match="Keras ignores keras.distribution on torch; use torchrun"):
        make_crnn().fit(np.zeros((1, 32, 64, 3)), np.zeros((1, 8)))


# === Agreement, of processes that are pretended ===


@pytest.fixture
def others(monkeypatch):
    """What process 1 says, whatever this one, number 0, does."""
    said = []
    monkeypatch.setattr(agreement, "process_count", lambda: 2)
    monkeypatch.setattr(agreement, "exchange", lambda text: [text, *said])
    return said


@pytest.mark.once
def test_one_that_cannot_begin_ends_all(others):
    others.append("there is no words/data.mdb")
    with pytest.raises(Failure, match="Process 1 of 2 cannot begin: there is no words/data.mdb"), agreement.together():
        pass
    with pytest.raises(ValueError, match="my own"), agreement.together():
        raise ValueError("my own")


@pytest.mark.once
def test_one_that_sees_other_data_ends_all(others):
    mine = {"state": "0 epochs", "training data": agreement.source_facts(from_arrays([draw("cat")] * 2, ["cat", "a"]))}
    theirs = agreement.source_facts(from_arrays([draw("cat")] * 2, ["cat", "b"]))
    others.append(json.dumps(mine))
    agreement.check_agreement(mine)
    others[0] = json.dumps({**mine, "training data": theirs})
    with pytest.raises(ValueError, match="Process 1 has another training data than process 0 .2 records, texts"):
        agreement.check_agreement(mine)


# === Processes ===


def start(data, output, networks, hows, backend, **variables):
    """One process that trains there as `several_devices.py` says."""
    command = [sys.executable, "-m", "tests.training.several_devices", data, output, networks, hows]
    environment = {**os.environ, "KERAS_BACKEND": backend, **{key: str(value) for key, value in variables.items()}}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen([str(part) for part in command], cwd=ROOT, env=environment, **pipes)


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def assert_equal(one, data):
    """Losses and states of the files, to 1e-5."""
    with np.load(one) as one, np.load(data) as data:
        names = [name.removeprefix("one ") for name in one.files if name.startswith("one ")]
        assert {"guide loss", "guided loss"} < set(names)
        for name in names:
            np.testing.assert_allclose(data[f"data {name}"], one[f"one {name}"], rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.mark.slow
def test_two_processes_train_as_one_and_one_goes_on_alone(data):
    """Taught CTC and RARE on PyTorch; then `train`, of which the second process is killed in the second epoch."""
    from tests.training.several_devices import command
    from tests.training.several_devices import main as train

    ports = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "NEXT_PORT": free_port(), "WORLD_SIZE": 2}
    processes = [
        start(data, data / f"{k}.npz", "guided,rare", "data,killed", "torch", RANK=k, **ports) for k in range(2)
    ]
    train(str(data), str(data / "one.npz"), "guided,rare", "one")
    first, second = (process.communicate(timeout=600)[0] for process in processes)
    for k in range(2):
        assert_equal(data / "one.npz", data / f"{k}.npz")
    assert [process.returncode for process in processes] == [1, -9], (first, second)
    assert first.endswith(
        f"Another process of this training has ended. {data / 'run'} keeps the last whole epoch; resume to go on.\n"
    )
    assert "Epoch" not in second and "Training on" not in second  # one process tells
    with np.load(data / "run" / "state.npz") as state:
        assert int(state["epoch"]) == 1
    assert main([*command(str(data)), "--resume"]) == 0
    with np.load(data / "run" / "state.npz") as state:
        assert int(state["epoch"]) == 2


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_two_devices_of_one_process_train_as_one(data, backend):
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=2"
    process = start(data, data / f"{backend}.npz", "guided", "one,data", backend, XLA_FLAGS=flags)
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    assert_equal(data / f"{backend}.npz", data / f"{backend}.npz")
