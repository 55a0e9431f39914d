"""The presets that the package knows by name, and the one way to make a model of a preset's description.

Models are made by the names of their classes, which Keras' registry knows: this room imports none.

A description is the content of a preset's YAML: `model` (the constructor's arguments, nested, each object with its
`class`), `training` (a `Recipe`), and what there is to tell: `description`, `license`, `language`, `trained_on`,
`results`, `calibration` (of the confidence: `keras_textrec.reports.calibrate`), `orientations` (in which images are
read where none are asked for), `source` (the publisher's file that the weights come from), `hub` (hf://user/repo, a
copy of the weights there). A YAML may begin with `like: PRESET`: what it does not say is as it is there, but for
`results`, `calibration` and `hub`.
"""

import contextlib
import copy
import importlib
import inspect
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import yaml

from keras_textrec.images import ImageConverter, PhotoConverter
from keras_textrec.system.settings import setting_value
from keras_textrec.system.terminal import near_names
from keras_textrec.text import AttentionTokenizer, Charset, CTCTokenizer, NRTRTokenizer, SARTokenizer
from keras_textrec.training.recipes import Recipe

FOLDER = pathlib.Path(__file__).parent

_YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is five times as fast

# What a network is described with besides layers; those rooms know no Keras.
for _part in (AttentionTokenizer, CTCTokenizer, NRTRTokenizer, SARTokenizer, ImageConverter, PhotoConverter):
    keras.saving.register_keras_serializable("keras_textrec")(_part)


def preset_names() -> list[str]:
    """The names of all presets, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def preset_models(cls: type) -> dict[str, dict[str, Any]]:
    """The presets, name -> description, whose models are of a class or of one that is made of it."""
    descriptions = {name: describe_name(name) for name in preset_names()}
    return {name: value for name, value in descriptions.items() if issubclass(model_class(value), cls)}


def model_class(description: dict[str, Any]) -> type:
    """The class of a description's model.

    Raises:
        ValueError: the description names none, one that does not exist, or one of no model.
    """
    importlib.import_module("keras_textrec.models")  # registers the networks, which this room knows by description only
    found = _find_class(description["model"])
    if not hasattr(found, "from_preset"):
        raise ValueError(f"model.class must be a recogniser or a detector, and {found.__name__} is neither.")
    return found


def embedded_weights(name: str) -> pathlib.Path:
    """Where the weights of a preset are if they come with the package."""
    return FOLDER / "weights" / f"{name}.weights.h5"


def describe_name(name: str) -> dict[str, Any]:
    """The description of a preset that the package knows by name.

    Raises:
        ValueError: no preset has this name; near names are given.
    """
    names = preset_names()
    if name not in names:
        if not {"/", "\\"}.isdisjoint(name):
            raise ValueError(f"There is no preset folder {name!r}.")
        raise ValueError(f"There is no preset and no folder {name!r}; {near_names(name, names)}")
    description = yaml.load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"), _YAML)
    like = description.pop("like", None)
    if not like:
        return description
    # Where the weights of that one are, and how well it reads, says nothing of this one.
    own = ("hub", "results", "results_note", "results_source", "calibration")
    return _merged({key: value for key, value in describe_name(like).items() if key not in own}, description)


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    both = {key: _merged(old[key], new[key]) for key in old.keys() & new.keys() if isinstance(new[key], dict)}
    return {**old, **new, **both}


def override(description: dict[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """The description with other values: "training.batch_size=64" and the like, values written as in YAML.

    Raises:
        ValueError: a setting without "=", one below a key that the description lacks, or a value that is no YAML.
    """
    description = copy.deepcopy(description)
    for setting in settings:
        path, separator, _ = setting.partition("=")
        *parents, key = path.split(".")
        section = description
        for parent in parents:
            section = section.get(parent)
            if not isinstance(section, dict):
                raise ValueError(f"{setting!r}: the preset has no section {parent!r}.")
        if not separator or not parents:
            raise ValueError(f"{setting!r} must be SECTION.KEY=VALUE, as training.batch_size=64.")
        section[key] = setting_value(setting)
    return description


def build(description: dict[str, Any], dtype: str | None = None, initialize: bool = True) -> keras.Model:
    """The model of a description, a recogniser or a detector, with new weights.

    Args:
        dtype: the Keras dtype policy to build in; None is the one in force.
        initialize: False leaves all weights 0, to be loaded. Initialising takes JAX half a minute, for it compiles
            every shape of random numbers.

    Raises:
        ValueError: a part that the description lacks, a class or argument that does not exist, or no such model.
    """
    for section in ("model", "training"):
        if section not in description:
            raise ValueError(f"The description of a preset needs a section {section!r}.")
    model_class(description)
    recipe = Recipe.from_dict(description["training"])
    with dtype_policy(dtype), contextlib.nullcontext() if initialize else _zero_weights():
        model = _make(description["model"], "model")
    model.recipe = recipe
    model.about = {key: value for key, value in description.items() if key not in ("model", "training")}
    return model


def with_guide(description: dict[str, Any]) -> dict[str, Any]:
    """The description as it is trained anew: its network has its guide where the recipe wants it."""
    if not description["training"].get("guided"):
        return description
    return {**description, "model": {**description["model"], "guided": True}}


@contextlib.contextmanager
def _zero_weights() -> Iterator[None]:
    """Layers that are built meanwhile have zeros for weights."""
    add_weight = keras.Layer.add_weight

    def add_zeros(self, shape=None, initializer=None, dtype=None, **options):
        return add_weight(self, shape, lambda shape, dtype: np.zeros(shape, "float32"), dtype, **options)

    keras.Layer.add_weight = add_zeros
    try:
        yield
    finally:
        keras.Layer.add_weight = add_weight


@contextlib.contextmanager
def dtype_policy(dtype: str | None) -> Iterator[None]:
    """A Keras dtype policy in force for a block; None leaves the one that is.

    Raises:
        ValueError: Keras has no such policy.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype or before)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def charset_of(description: dict[str, Any]) -> Charset:
    """The characters that a description's recogniser writes.

    Raises:
        ValueError: the description's tokenizer cannot be made.
    """
    return _make(description["model"]["tokenizer"], "model.tokenizer").charset


def converter_of(description: dict[str, Any]) -> ImageConverter | None:
    """What makes the network's input of images of words; None where the description does not say.

    Raises:
        ValueError: the description's converter cannot be made.
    """
    converter = _make(description["model"].get("converter"), "model.converter")
    return converter if isinstance(converter, ImageConverter) else None


def _make(value: Any, where: str) -> Any:
    """Objects of descriptions: {class: NAME, argument: value, ...}; other values as they are."""
    if not isinstance(value, dict):
        return value
    arguments = {key: _make(item, f"{where}.{key}") for key, item in value.items() if key != "class"}
    if where.endswith(".charset"):
        return _make_charset(arguments, where)
    cls = _find_class(value, where)
    known = inspect.signature(cls).parameters
    for key in arguments:
        if key not in known:
            raise ValueError(f"{where}: {cls.__name__} has no argument {key!r}; {near_names(key, known)}")
    try:
        return cls(**arguments)
    except (TypeError, AttributeError, LookupError, ArithmeticError) as error:  # a value of another kind than it needs
        raise ValueError(f"{where}: {error}.") from error


def _find_class(value: dict[str, Any], where: str = "model") -> type:
    """The class of an object of a description."""
    if "class" not in value:
        raise ValueError(f"{where} needs its 'class'.")
    cls = keras.saving.get_registered_object(f"keras_textrec>{value['class']}")
    if cls is None:
        raise ValueError(f"{where}.class: keras_textrec has no {value['class']!r}.")
    return cls


def _make_charset(arguments: dict[str, Any], where: str) -> Charset:
    """The charset of a description: {named: NAME} or {file: PATH}, either with {space: true}; `where` is for errors."""
    space = arguments.get("space", False)
    if "named" in arguments:
        return Charset.named(arguments["named"], space=space)
    if "file" in arguments:
        return Charset.from_file(arguments["file"], space=space)
    raise ValueError(f"{where} must be the characters themselves, or have a key 'named' or 'file'.")
