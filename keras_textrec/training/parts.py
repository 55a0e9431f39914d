"""Parts of a network by their names: "backbone", or what the names of layers begin with."""

import dataclasses
from collections.abc import Sequence

import keras

from keras_textrec.system.terminal import near_names


def freeze(model: keras.Model, parts: Sequence[str]) -> None:
    """Makes some parts untrainable; their batch normalisations keep their statistics too. Before `compile`.

    The model's recipe tells them from then on, so that a `.keras` file comes back with them frozen.

    Args:
        model: a recogniser or a detector.
        parts: "backbone", a layer's name, or what the names of several begin with before an underscore: "lstm" for
            lstm_0 and lstm_1.

    Raises:
        ValueError: there is no such part, or nothing is left to train; the parts there are are named.
    """
    parts = list(dict.fromkeys([*(model.recipe.freeze or []), *parts]))
    for layer in layers_of(model, parts):
        layer.trainable = False
    model.recipe = dataclasses.replace(model.recipe, freeze=parts)


def layers_of(model: keras.Model, parts: Sequence[str]) -> list[keras.layers.Layer]:
    """The layers of parts that are to be frozen, as `freeze` names and refuses them."""
    layers = {name: layer for name, layer in _named_layers(model).items() if layer.weights}
    frozen = set()
    for part in parts:
        found = [name for name in layers if _is_of(name, part)]
        if not found:
            known = ", ".join(dict.fromkeys(name.partition("_")[0] for name in layers))
            raise ValueError(f"{type(model).__name__} has no part {part!r} to freeze; it has {known}.")
        frozen.update(found)
    if len(frozen) == len(layers):
        raise ValueError(f"Nothing is left to train where {', '.join(parts)} are frozen; leave out one of them.")
    return [layers[name] for name in frozen]


def batch_norms(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """The batch normalisations of a network, also within its layers."""
    return [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]


def named_variables(model: keras.Model) -> dict[str, keras.Variable]:
    """All variables by path: the layers' names from the outside in and the variable's own, as "tps/fc1/kernel"."""
    variables = {}
    for name, layer in _named_layers(model).items():
        if isinstance(layer, keras.Model):
            variables |= {f"{name}/{path}": variable for path, variable in named_variables(layer).items()}
        else:
            variables |= {variable.path: variable for variable in layer.variables}
    return variables


def part_variables(model: keras.Model, part: str, where: str) -> list[keras.Variable]:
    """The variables of one part: "backbone", "tps/fc1" or "head/kernel".

    Args:
        model: a recogniser.
        part: the beginning of its variables' paths, up to "/" or "_" ("lstm" is lstm_0 and lstm_1), or a whole path.
        where: what names the part, for errors.

    Raises:
        ValueError: the model has no such part; near ones are named.
    """
    variables = named_variables(model)
    found = [variable for path, variable in variables.items() if _is_of(path, part)]
    if not found:
        depth = part.count("/") + 1
        known = dict.fromkeys("/".join(path.split("/")[:depth]) for path in variables)
        raise ValueError(f"{where}: {type(model).__name__} has no part {part!r}; {near_names(part, list(known))}")
    return found


def _named_layers(model: keras.Model) -> dict[str, keras.layers.Layer]:
    """The layers by name. A recogniser's `backbone` goes by that word, whichever network it is."""
    backbone = getattr(model, "backbone", None)
    return {"backbone" if layer is backbone else layer.name: layer for layer in model.layers}


def _is_of(path: str, part: str) -> bool:
    return f"{path}/".startswith((f"{part}/", f"{part}_"))
