"""Presets: recognisers by name (one YAML each in this folder) and as folders on disk."""

from keras_textrec.presets.folder import save_preset
from keras_textrec.presets.publish import publish_preset, upload_preset
from keras_textrec.presets.registry import build, describe, load_preset, override, preset_names

__all__ = [
    "build",
    "describe",
    "load_preset",
    "override",
    "preset_names",
    "publish_preset",
    "save_preset",
    "upload_preset",
]
