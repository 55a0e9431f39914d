"""Our numbers against the published ones, as the fixtures hold them."""

import re

import keras
import numpy as np
import pytest

from keras_textrec.converters.paddle import is_dead, paddle_rules

# The published steps of training. What batch statistics do is more, and on every backend.
TRAINING = [
    pytest.param("trainA", id="running_statistics", marks=pytest.mark.one_backend),
    pytest.param("trainBN", id="batch_statistics"),
]


def assert_published(ours: np.ndarray, expected: dict, key: str, tolerance: float = 1e-4) -> None:
    """Compares with a tensor that the fixtures hold whole or, when it is large, in strides; relative to its spread."""
    assert list(ours.shape) == expected[f"{key}@shape"].tolist(), key
    if f"{key}@stride" in expected:
        ours, theirs = ours.reshape(-1)[:: int(expected[f"{key}@step"])], expected[f"{key}@stride"]
    else:
        theirs = expected[key]
    np.testing.assert_allclose(ours, theirs, atol=tolerance * max(1.0, float(expected[f"{key}@std"])), err_msg=key)


def compare_gradients(
    name, model, gradients, expected: dict, prefix: str, worst_allowed: float, cancelled: str = ""
) -> None:
    """The norm of every published gradient: their differences' median within 1e-3, each within `worst_allowed`.

    Tensors whose name matches `cancelled` must have no gradient but rounding, there and here.
    """
    published = dict(zip(expected[f"{prefix}.grad_names"], expected[f"{prefix}.grad_norm"], strict=True))
    tensors = {id(variable): names for variable, names, _ in paddle_rules(model)}
    differences = {}
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        names = tensors[id(variable)]
        # Both published biases of an LSTM have the gradient of our one; those of a GRU are the rows of ours.
        parts = gradient if gradient.ndim == len(names) == 2 else [gradient] * len(names)
        for tensor, part in zip(names, parts, strict=True):
            wanted = published.pop(tensor)
            if cancelled and re.fullmatch(cancelled, tensor):
                assert max(wanted, np.linalg.norm(gradient)) < 2e-2, tensor
                continue
            # What batch statistics take away again has no gradient but rounding.
            differences[tensor] = abs(np.linalg.norm(part) - wanted) / max(wanted, 1e-1)
    assert all(is_dead(tensor) for tensor in published), sorted(published)
    worst = max(differences, key=differences.get)
    median = float(np.median(list(differences.values())))
    print(f"\n{name}, {prefix}: gradient norms differ by {median:.1e} (median), {differences[worst]:.1e} ({worst})")
    assert median <= 1e-3
    assert differences[worst] <= worst_allowed, worst


def compare_running_statistics(model, expected: dict, prefix: str) -> None:
    """The running statistics that the fixtures hold, after one training step on batch statistics."""
    running = {name: variable for variable, names, _ in paddle_rules(model) for name in names}
    for key in expected:
        if key.startswith(f"{prefix}.running."):
            ours = keras.ops.convert_to_numpy(running[key.removeprefix(f"{prefix}.running.")])
            np.testing.assert_allclose(ours, expected[key], rtol=1e-3, atol=1e-5, err_msg=key)
