"""Parts of a recogniser that a training leaves as they are."""

from collections.abc import Sequence

import keras


def freeze(model: keras.Model, parts: Sequence[str]) -> None:
    """Makes some parts untrainable; their batch normalisations keep their statistics too. Before `compile`.

    Args:
        parts: "backbone", a layer's name, or what the names of several begin with before an underscore: "lstm" for
            lstm_0 and lstm_1.

    Raises:
        ValueError: there is no such part, or nothing is left to train; the parts there are are named.
    """
    frozen = [layer for part in parts for layer in _layers_of(model, part)]
    if all(layer in frozen for layer in model.layers if layer.weights):
        raise ValueError(f"Nothing is left to train where {', '.join(parts)} are frozen; leave out one of them.")
    for layer in frozen:
        layer.trainable = False


def part_names(model: keras.Model) -> list[str]:
    """What `freeze` knows of a model, from the image to the text."""
    backbone = getattr(model, "backbone", None)
    names = [
        "backbone" if layer is backbone else layer.name.partition("_")[0] for layer in model.layers if layer.weights
    ]
    return list(dict.fromkeys(names))


def _layers_of(model: keras.Model, part: str) -> list[keras.layers.Layer]:
    backbone = getattr(model, "backbone", None)
    if part == "backbone" and backbone is not None:
        return [backbone]
    layers = [layer for layer in model.layers if layer.name == part or layer.name.startswith(f"{part}_")]
    if not any(layer.weights for layer in layers):
        raise ValueError(
            f"{type(model).__name__} has no part {part!r} to freeze; it has {', '.join(part_names(model))}."
        )
    return layers
