"""One file per paper."""

from keras_textrec.models.crnn import CRNN
from keras_textrec.models.rare import RARE
from keras_textrec.models.robust_scanner import RobustScanner
from keras_textrec.models.svtrv2 import RepSVTR, SVTRv2
from keras_textrec.models.text_detector import RepSVTRDetector
from keras_textrec.models.text_recognizer import TextRecognizer
from keras_textrec.models.text_spotter import Line, Page, TextSpotter, Word

__all__ = [
    "CRNN",
    "RARE",
    "Line",
    "Page",
    "RepSVTR",
    "RepSVTRDetector",
    "RobustScanner",
    "SVTRv2",
    "TextRecognizer",
    "TextSpotter",
    "Word",
]
