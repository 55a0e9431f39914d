"""Keras' backend, before Keras is imported."""

import importlib.util
import json
import logging
import os
import pathlib

logger = logging.getLogger(__name__)

BACKENDS = ("tensorflow", "jax", "torch")


def choose_backend() -> None:
    """Has Keras take a backend that is installed, where the user named none and Keras' own choice is not installed.

    Keras takes $KERAS_BACKEND, then the one in its keras.json (which it writes itself when it first starts), then
    TensorFlow.
    """
    if "KERAS_BACKEND" in os.environ or _is_installed(_keras_choice()):
        return
    installed = next(filter(_is_installed, BACKENDS), None)
    if installed:
        os.environ["KERAS_BACKEND"] = installed
        logger.info("Keras runs on %s, which is installed; KERAS_BACKEND names another.", installed)


def missing_backend() -> str | None:
    """What to say if Keras cannot start: a sentence; None where it can."""
    wanted = os.environ.get("KERAS_BACKEND") or _keras_choice()
    if wanted not in BACKENDS or _is_installed(wanted):
        return None
    installed = list(filter(_is_installed, BACKENDS))
    if installed:
        return f"Keras' backend {wanted!r} is not installed; set KERAS_BACKEND to {' or '.join(installed)}."
    extras = ", ".join(f'pip install "keras-textrec[{extra}]"' for extra in BACKENDS)
    return f"Keras needs a backend, and none is installed; choose one: {extras}."


def _keras_choice() -> str:
    path = pathlib.Path(os.environ.get("KERAS_HOME", pathlib.Path.home() / ".keras"), "keras.json")
    try:
        return json.loads(path.read_text("utf-8"))["backend"]
    except (OSError, ValueError, KeyError, TypeError):  # Keras itself passes over a file that it cannot read
        return "tensorflow"


def _is_installed(backend: str) -> bool:
    return importlib.util.find_spec(backend) is not None
