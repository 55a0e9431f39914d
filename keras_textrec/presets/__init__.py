"""Presets as descriptions (one YAML each in this folder, by name) and as folders on disk."""

from keras_textrec.presets.description import build, describe_name, override, preset_names
from keras_textrec.presets.folder import save_preset

__all__ = ["build", "describe_name", "override", "preset_names", "save_preset"]
