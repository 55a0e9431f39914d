"""Which backend Keras is told to take; no test imports Keras."""

import json

import pytest

from keras_textrec.system import backend

pytestmark = pytest.mark.once


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """`machine(installed, variable, written)`: what is installed, what KERAS_BACKEND and keras.json say."""

    def prepare(installed, variable=None, written=None):
        monkeypatch.setattr(backend, "_is_installed", lambda name: name in installed)
        monkeypatch.setenv("KERAS_HOME", str(tmp_path))
        monkeypatch.delenv("KERAS_BACKEND", raising=False)
        if variable:
            monkeypatch.setenv("KERAS_BACKEND", variable)
        if written is not None:
            (tmp_path / "keras.json").write_text(written)

    return prepare


@pytest.mark.parametrize(
    "installed, variable, written, chosen",
    [
        (["jax"], None, None, "jax"),
        (["jax", "torch"], None, json.dumps({"backend": "tensorflow"}), "jax"),
        (["jax", "torch"], None, json.dumps({"backend": "torch"}), None),
        (["tensorflow", "torch"], None, None, None),
        (["tensorflow", "torch"], None, "{cut", None),
        (["jax"], "torch", None, "torch"),
        ([], None, None, None),
    ],
)
def test_an_installed_backend_is_chosen(machine, monkeypatch, installed, variable, written, chosen):
    machine(installed, variable, written)
    backend.choose_backend()
    assert backend.os.environ.get("KERAS_BACKEND") == chosen


def test_a_missing_backend_is_told(machine):
    machine(["jax", "torch"], "tensorflow")
    assert backend.missing_backend() == (
        "Keras' backend 'tensorflow' is not installed; set KERAS_BACKEND to jax or torch."
    )
    machine([])
    assert backend.missing_backend().startswith(
        "Keras needs a backend, and none is installed; choose one: pip install "
    )
    machine(["torch"], "torch")
    assert backend.missing_backend() is None
