"""What recognisers and the detector have in common: they are kept as presets."""

import pathlib
import types
from collections.abc import Mapping
from typing import Any, Self

import keras

from keras_textrec.training.recipes import Recipe


class PresetModel(keras.Model):
    """Base of the models that a preset can name."""

    recipe: Recipe = Recipe()
    # What a preset tells about itself besides the network: description, licence, training data, results.
    about: Mapping[str, Any] = types.MappingProxyType({})

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Self:
        values = {
            key: keras.saving.deserialize_keras_object(value, custom_objects) if isinstance(value, dict) else value
            for key, value in config.items()
        }
        return cls(**values)

    @classmethod
    def from_preset(cls, preset: str | pathlib.Path, load_weights: bool = True) -> Self:
        """The model of a preset: its name, the folder that `save_to_preset` wrote, or hf://user/repo[@revision].

        Weights that are not here are downloaded on first use, and kept in the Hub's cache.

        Args:
            load_weights: False gives the preset's architecture with new weights, for training.

        Raises:
            ValueError: no such preset, a preset of another class, or a folder or repository that is none.
            OSError: weights that are not here cannot be downloaded; the message says where to put them by hand.
        """
        from keras_textrec.presets import load_preset

        model = load_preset(preset, load_weights)
        if not isinstance(model, cls):
            raise ValueError(f"The preset {str(preset)!r} is a {type(model).__name__}, not a {cls.__name__}.")
        return model

    def save_to_preset(self, folder: str | pathlib.Path) -> None:
        """Writes a preset folder: config.json, metadata.json and model.weights.h5 (float32); all of it or nothing."""
        from keras_textrec.presets import save_preset

        save_preset(self, folder)
