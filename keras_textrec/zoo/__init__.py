"""A trained model by its name, folder or repository, and the way back onto the Hub."""

from keras_textrec.zoo.load import describe, load_preset
from keras_textrec.zoo.publish import publish_preset, upload_preset

__all__ = ["describe", "load_preset", "publish_preset", "upload_preset"]
