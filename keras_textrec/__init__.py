"""keras_textrec: the text-recognition zoo for Keras 3."""

from keras_textrec import backbones, data, images, synthesis, text, training
from keras_textrec.images import ImageConverter
from keras_textrec.models import (
    CRNN,
    RARE,
    RepSVTR,
    RepSVTRDetector,
    RobustScanner,
    SVTRv2,
    TextRecognizer,
    TextSpotter,
    Word,
)
from keras_textrec.presets import describe, preset_names, upload_preset
from keras_textrec.text import (
    AttentionTokenizer,
    Character,
    Charset,
    CTCTokenizer,
    NRTRTokenizer,
    Reading,
    SARTokenizer,
)

__version__ = "0.1.0"

__all__ = [
    "CRNN",
    "RARE",
    "AttentionTokenizer",
    "CTCTokenizer",
    "Character",
    "Charset",
    "ImageConverter",
    "NRTRTokenizer",
    "Reading",
    "RepSVTR",
    "RepSVTRDetector",
    "RobustScanner",
    "SARTokenizer",
    "SVTRv2",
    "TextRecognizer",
    "TextSpotter",
    "Word",
    "backbones",
    "data",
    "describe",
    "images",
    "preset_names",
    "synthesis",
    "text",
    "training",
    "upload_preset",
]
