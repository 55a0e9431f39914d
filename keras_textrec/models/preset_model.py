"""What recognisers and the detector have in common: a graph for reading, and a life as a preset."""

import functools
import pathlib
import types
from collections.abc import Mapping
from typing import Any, Self

import keras

from keras_textrec.presets import save_preset
from keras_textrec.presets.folder import describe_model
from keras_textrec.training.recipes import Recipe
from keras_textrec.zoo import load_preset


class PresetModel(keras.Model):
    """Base of the models that a preset can name."""

    recipe: Recipe = Recipe()
    # What a preset tells about itself besides the network: description, licence, training data, results.
    about: Mapping[str, Any] = types.MappingProxyType({})

    @functools.cached_property
    def reader(self) -> keras.Model:
        """The reading graph, network input to probabilities; it shares every weight with the training graph."""
        reader = self.make_reader()
        if not default_jit():
            # Not by compile(): the optimizer that it makes would be kept among this model's weights.
            reader.jit_compile = False
        return reader

    def make_reader(self) -> keras.Model:
        raise NotImplementedError

    def remade(self, **changes: Any) -> Self:
        """A new model with other arguments, and this one's weights where it has the same layers."""
        other = type(self).from_config({**self.get_config(), **changes})
        for layer in other.layers:
            if layer not in changes.values():
                layer.set_weights(self.get_layer(layer.name).get_weights())
        other.recipe, other.about = self.recipe, self.about
        return other

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
        model = load_preset(preset, load_weights)
        if not isinstance(model, cls):
            raise ValueError(f"The preset {str(preset)!r} is a {type(model).__name__}, not a {cls.__name__}.")
        return model

    def describe(self) -> dict[str, Any]:
        """What a preset tells: `model` (the constructor's arguments), `training` (the recipe), and all of `about`."""
        return describe_model(self)

    def save_to_preset(self, folder: str | pathlib.Path) -> None:
        """Writes a preset folder: config.json, metadata.json and model.weights.h5 (float32); all of it or nothing."""
        save_preset(self, folder)


def default_jit() -> bool | str:
    """XLA where it pays: TensorFlow without a GPU runs the recognisers faster uncompiled."""
    if keras.backend.backend() != "tensorflow":
        return "auto"
    import tensorflow as tf

    return "auto" if tf.config.list_physical_devices("GPU") else False
