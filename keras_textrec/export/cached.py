"""A preset as an ONNX file in the cache, so that reading starts without Keras: `keras-textrec read --engine onnx`."""

import hashlib
import logging
import pathlib

import keras_textrec
from keras_textrec.version import __version__

logger = logging.getLogger(__name__)

# Asking `keras_textrec.presets` would load Keras, seconds that this is for to save.
_PRESETS = pathlib.Path(keras_textrec.__file__).parent / "presets"


def cached_export(preset: str) -> pathlib.Path:
    """The ONNX file of a preset, signature "core", which is exported on first use and anew when the preset changes.

    It is in the Hub's cache ($HF_ASSETS_CACHE, or assets/ in $HF_HOME).

    Args:
        preset: a name, a folder, or hf://user/repo (of which the files in the cache are taken; see `from_preset`).

    Raises:
        What `load_preset` and `export` raise; nothing is left in the cache then.
    """
    from huggingface_hub import cached_assets_path

    digest = hashlib.sha256(f"{__version__} {preset}".encode())
    for file in _files(preset):
        digest.update(file.read_bytes())
    path = cached_assets_path("keras_textrec", "exported", digest.hexdigest()[:16]) / "core.onnx"
    if not path.is_file():
        from keras_textrec.zoo import load_preset

        logger.warning("Exporting %s to %s; that happens once.", preset, path)
        load_preset(preset).export(path, input="core")
    return path


def _files(preset: str) -> list[pathlib.Path]:
    """The files that a preset's network and weights are in, as far as they are at hand."""
    folder = pathlib.Path(preset)
    if (_PRESETS / f"{preset}.yaml").is_file():  # a known name goes before a folder of that name
        files = [_PRESETS / f"{preset}.yaml", _PRESETS / "weights" / f"{preset}.weights.h5"]
    elif preset.startswith("hf://"):
        from keras_textrec.zoo.hub import download_preset

        return _files(str(download_preset(preset)))
    else:
        files = [folder / "config.json", folder / "model.weights.h5"]
    return [file for file in files if file.is_file()]
