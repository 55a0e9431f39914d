"""A preset, wherever it is: known by name, a folder, or a repository on the Hub."""

import pathlib
from typing import Any

import keras

from keras_textrec.presets import build, describe_name
from keras_textrec.presets.description import embedded_weights
from keras_textrec.presets.folder import WEIGHTS, describe_folder, load_weights
from keras_textrec.zoo.chain import trained_preset
from keras_textrec.zoo.hub import download_preset, is_hub_uri


def describe(preset: str | pathlib.Path) -> dict[str, Any]:
    """The description of a preset, by its name, of its folder or of its repository on the Hub (hf://user/repo).

    Raises:
        ValueError: no preset has this name (near names are given), or the folder or repository is none.
        OSError: the Hub cannot be reached.
    """
    if is_hub_uri(preset):
        preset = download_preset(preset, with_weights=False)
    if pathlib.Path(preset).is_dir():
        return describe_folder(pathlib.Path(preset))
    return describe_name(str(preset))


def load_preset(preset: str | pathlib.Path, with_weights: bool = True, dtype: str | None = None) -> keras.Model:
    """A model from a preset's name, folder or repository (hf://), whichever class it is.

    `TextRecognizer.from_preset` says more.

    Raises:
        ValueError: no such preset, a preset without weights, a folder that is none, or files that do not fit.
        OSError: weights that are not here cannot be downloaded.
    """
    if is_hub_uri(preset):
        preset = download_preset(preset, with_weights)
    description = describe(preset)
    weights = pathlib.Path(preset, WEIGHTS)
    if with_weights and not weights.parent.is_dir():
        weights = embedded_weights(str(preset))
        if not weights.is_file():  # not embedded
            folder = trained_preset(str(preset), description)
            weights = folder / WEIGHTS
            # The publisher's file has the last word on its network: say, on whether the space is among its characters.
            description["model"] = describe_folder(folder)["model"]
    model = build(description, dtype, initialize=not with_weights)
    if with_weights:
        load_weights(model, weights)
    return model
