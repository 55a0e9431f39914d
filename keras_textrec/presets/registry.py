"""The presets that the package knows by name, and the one way to make a model of a preset's description.

A description is the content of a preset's YAML: `model` (the constructor's arguments, nested, each object with its
`class`), `training` (a `Recipe`), and what there is to tell: `description`, `license`, `trained_on`, `results`.
"""

import copy
import difflib
import pathlib
from collections.abc import Sequence
from typing import Any

import keras
import yaml

from keras_textrec.models.text_recognizer import TextRecognizer
from keras_textrec.presets.folder import WEIGHTS, describe_folder, load_weights
from keras_textrec.text import Charset
from keras_textrec.training.recipes import Recipe

FOLDER = pathlib.Path(__file__).parent


def preset_names() -> list[str]:
    """The names of all presets, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def describe(preset: str | pathlib.Path) -> dict[str, Any]:
    """The description of a preset, by its name or of its folder.

    Raises:
        ValueError: no preset has this name (near names are given), or the folder is none.
    """
    if pathlib.Path(preset).is_dir():
        return describe_folder(pathlib.Path(preset))
    name = str(preset)
    names = preset_names()
    if name not in names:
        near = difflib.get_close_matches(name, names, 3, 0.4)
        hint = f"did you mean {', '.join(near)}?" if near else f"there are: {', '.join(names)}."
        raise ValueError(f"There is no preset and no folder {name!r}; {hint}")
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


def override(description: dict[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """The description with other values: "training.batch_size=64" and the like, values written as in YAML.

    Raises:
        ValueError: a setting without "=", one below a key that the description lacks, or a value that is no YAML.
    """
    description = copy.deepcopy(description)
    for setting in settings:
        path, separator, value = setting.partition("=")
        *parents, key = path.split(".")
        section = description
        for parent in parents:
            section = section.get(parent)
            if not isinstance(section, dict):
                raise ValueError(f"{setting!r}: the preset has no section {parent!r}.")
        if not separator or not parents:
            raise ValueError(f"{setting!r} must be SECTION.KEY=VALUE, as training.batch_size=64.")
        try:
            section[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ValueError(f"{setting!r}: {value!r} is not a value in YAML.") from error
    return description


def build(description: dict[str, Any], dtype: str | None = None) -> TextRecognizer:
    """The recogniser of a description, with new weights.

    Args:
        dtype: the Keras dtype policy to build in; None is the one in force.

    Raises:
        ValueError: a part that the description lacks, a class or argument that does not exist, or no recogniser.
    """
    for section in ("model", "training"):
        if section not in description:
            raise ValueError(f"The description of a preset needs a section {section!r}.")
    recipe = Recipe.from_dict(description["training"])
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype or policy)
    try:
        model = _make(description["model"], "model")
    finally:
        keras.config.set_dtype_policy(policy)
    if not isinstance(model, TextRecognizer):
        raise ValueError(f"model.class must be a recogniser, and {type(model).__name__} is none.")
    model.recipe = recipe
    model.about = {key: value for key, value in description.items() if key not in ("model", "training")}
    return model


def load_preset(preset: str | pathlib.Path, with_weights: bool = True) -> TextRecognizer:
    """A model from a preset's name or folder; `TextRecognizer.from_preset` says more.

    Raises:
        ValueError: no such preset, a preset without weights here, a folder that is none, or files that do not fit.
    """
    model = build(describe(preset))
    if with_weights:
        if pathlib.Path(preset).is_dir():
            weights = pathlib.Path(preset, WEIGHTS)
        else:
            weights = FOLDER / "weights" / f"{preset}.weights.h5"
        load_weights(model, weights)
    return model


def _make(value: Any, where: str) -> Any:
    """Objects of descriptions: {class: NAME, argument: value, ...}; other values as they are."""
    if not isinstance(value, dict):
        return value
    arguments = {key: _make(item, f"{where}.{key}") for key, item in value.items() if key != "class"}
    if where.endswith(".charset"):
        return _make_charset(arguments, where)
    if "class" not in value:
        raise ValueError(f"{where} needs its 'class'.")
    cls = keras.saving.get_registered_object(f"keras_textrec>{value['class']}")
    if cls is None:
        raise ValueError(f"{where}.class: keras_textrec has no {value['class']!r}.")
    try:
        return cls(**arguments)
    except TypeError as error:
        raise ValueError(f"{where}: {error}.") from error


def _make_charset(arguments: dict[str, Any], where: str) -> Charset:
    """{named: NAME} or {file: PATH}, either with {space: true}."""
    space = arguments.get("space", False)
    if "named" in arguments:
        return Charset.named(arguments["named"], space=space)
    if "file" in arguments:
        return Charset.from_file(arguments["file"], space=space)
    raise ValueError(f"{where} must be the characters themselves, or have a key 'named' or 'file'.")
