"""A trained model by its name, folder or repository; `publish` is the way back onto the Hub."""

from keras_textrec.zoo.load import describe, load_preset

__all__ = ["describe", "load_preset"]
