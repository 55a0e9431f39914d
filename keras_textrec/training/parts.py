"""A network's variables by the names of its parts, as a recipe names them."""

import keras

from keras_textrec.system.terminal import near_names


def named_variables(model: keras.Model) -> dict[str, keras.Variable]:
    """All variables by path: the layers' names from the outside in and the variable's own, as "tps/fc1/kernel".

    A recogniser's `backbone` goes by that word, whichever network it is.
    """
    variables = {}
    backbone = getattr(model, "backbone", None)
    for layer in model.layers:
        name = "backbone" if layer is backbone else layer.name
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
    found = [variable for path, variable in variables.items() if f"{path}/".startswith((f"{part}/", f"{part}_"))]
    if not found:
        depth = part.count("/") + 1
        known = dict.fromkeys("/".join(path.split("/")[:depth]) for path in variables)
        raise ValueError(f"{where}: {type(model).__name__} has no part {part!r}; {near_names(part, list(known))}")
    return found
