"""keras_textrec: the text-recognition zoo for Keras 3.

A name is imported when it is first used, so that what needs no network, such as
`keras-textrec --help` and the processes that load images, starts without Keras.
"""

import importlib
import sys
from typing import Any

from keras_textrec.system.backend import choose_backend, missing_backend
from keras_textrec.system.openers import OPENERS, SCENE_OPENERS
from keras_textrec.version import __version__ as __version__

# The rooms, and the public names that each gives; `__init__.pyi` says the same to type checkers.
_ROOMS = {
    "backbones": (),
    "converters.convert": ("convert",),
    "data": (),
    "decoding": ("Lexicon",),
    "images": ("ImageConverter", "PhotoConverter"),
    "models": (
        "CRNN",
        "Line",
        "Page",
        "RARE",
        "RepSVTR",
        "RepSVTRDetector",
        "RobustScanner",
        "SVTRv2",
        "TextRecognizer",
        "TextSpotter",
        "Word",
    ),
    "presets": ("preset_names",),
    "reading.exported": ("load_exported",),
    "reports": (),
    "synthesis": (),
    "text": (
        "Alternative",
        "AttentionTokenizer",
        "CTCTokenizer",
        "Character",
        "Charset",
        "NRTRTokenizer",
        "Reading",
        "SARTokenizer",
    ),
    "training": (),
    "training.data_parallel": ("synchronize_batch_norm",),
    "training.recipes": ("Recipe",),
    "training.train": ("train",),
    "zoo": ("describe", "load_preset"),
    "zoo.publish": ("upload_preset",),
}
OPENERS.update(dict.fromkeys((".yaml", ".yml"), "keras_textrec.synthesis.source:RenderedSource"))
SCENE_OPENERS.update(dict.fromkeys((".yaml", ".yml"), "keras_textrec.synthesis.scenes:SceneSource"))
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "backbones",
    "data",
    "images",
    "reports",
    "synthesis",
    "text",
    "training",
    *_ROOM_OF,
]


def __getattr__(name: str) -> Any:
    room = _ROOM_OF.get(name, name)
    if room not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(f"{__name__}.{room}")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(missing_backend() or str(error), name=error.name) from error
    globals()[name] = module if name == room else getattr(module, name)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if "keras" not in sys.modules:
    choose_backend()
else:  # `keras.saving.load_model` then knows our classes
    importlib.import_module(f"{__name__}.models")
