"""keras_textrec: the text-recognition zoo for Keras 3.

A name is imported when it is first used, so that what needs no network, such as
`keras-textrec --help` and the processes that load images, starts without Keras.
"""

import importlib
import sys
from typing import Any

from keras_textrec.version import __version__ as __version__

# The rooms, and the public names that each gives; `__init__.pyi` says the same to type checkers.
_ROOMS = {
    "backbones": (),
    "data": (),
    "images": ("ImageConverter",),
    "models": (
        "CRNN",
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
    "synthesis": (),
    "text": (
        "AttentionTokenizer",
        "CTCTokenizer",
        "Character",
        "Charset",
        "NRTRTokenizer",
        "Reading",
        "SARTokenizer",
    ),
    "training": (),
    "zoo": ("describe", "upload_preset"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "backbones",
    "data",
    "images",
    "synthesis",
    "text",
    "training",
    *_ROOM_OF,
]


def __getattr__(name: str) -> Any:
    if name in _ROOM_OF:
        value = getattr(importlib.import_module(f"{__name__}.{_ROOM_OF[name]}"), name)
    elif name in _ROOMS:
        value = importlib.import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if "keras" in sys.modules:  # `keras.saving.load_model` then knows our classes
    importlib.import_module(f"{__name__}.models")
