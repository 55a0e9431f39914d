"""A preset, wherever it is: known by name, a folder, or a repository on the Hub."""

import logging
import pathlib
from typing import Any

import keras

from keras_textrec.presets import build, describe_name, preset_names
from keras_textrec.presets.description import embedded_weights, model_class, with_guide
from keras_textrec.presets.folder import WEIGHTS, describe_folder, load_weights
from keras_textrec.presets.history import untrained
from keras_textrec.system.paths import public_path
from keras_textrec.zoo.chain import trained_preset
from keras_textrec.zoo.hub import download_preset, is_hub_uri

logger = logging.getLogger(__name__)


def preset_folder(preset: str | pathlib.Path) -> pathlib.Path | None:
    """The folder that a preset is given as, if it is one.

    A name that the package knows goes before a folder of that name; "./NAME", or a `Path`, is the folder.
    """
    folder = pathlib.Path(preset)
    if isinstance(preset, str) and preset in preset_names():
        if folder.is_dir():
            logger.info("%s is the preset of this name; for the folder here, give ./%s.", preset, preset)
        return None
    return folder if folder.is_dir() else None


def describe(preset: str | pathlib.Path) -> dict[str, Any]:
    """The description of a preset, by its name, of its folder or of its repository on the Hub (hf://user/repo).

    Raises:
        ValueError: no preset has this name (near names are given), or the folder or repository is none.
        OSError: the Hub cannot be reached.
    """
    if is_hub_uri(preset):
        preset = download_preset(preset, with_weights=False)
    folder = preset_folder(preset)
    return describe_folder(folder) if folder else describe_name(str(preset))


def load_preset(
    preset: str | pathlib.Path, with_weights: bool = True, dtype: str | None = None, cls: type | None = None
) -> keras.Model:
    """A model from a preset's name, folder or repository (hf://).

    `TextRecognizer.from_preset` says more.

    Args:
        cls: a class that it must be of; a name or folder of another is refused before anything is downloaded.

    Raises:
        ValueError: no such preset, one of another class or without weights, a folder that is none, or files that do not
            fit.
        OSError: weights that are not here cannot be downloaded.
    """
    folder = download_preset(preset, with_weights) if is_hub_uri(preset) else preset_folder(preset)
    description = describe_folder(folder) if folder else describe_name(str(preset))
    if cls is not None and not issubclass(found := model_class(description), cls):
        hint = ""
        if hasattr(found, "detect") != hasattr(cls, "detect"):
            hint = "; a photograph takes both, a detector (--detector) and a recogniser (--preset)"
        raise ValueError(f"The preset {str(preset)!r} is a {found.__name__}, not a {cls.__name__}{hint}.")
    if not with_weights:
        model = build(with_guide(description), dtype)
        model.about = untrained(model.about)
        return model
    if folder:
        weights = folder / WEIGHTS
    else:
        weights = embedded_weights(str(preset))
        if not weights.is_file():  # not embedded
            trained = trained_preset(str(preset), description)
            weights = trained / WEIGHTS
            # The publisher's file has the last word on its network: say, on whether the space is among its characters.
            description["model"] = describe_folder(trained)["model"]
    model = build(description, dtype, initialize=False)
    load_weights(model, weights)
    model.origin = preset if is_hub_uri(preset) or not folder else public_path(folder)
    return model
