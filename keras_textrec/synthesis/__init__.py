"""Word images rendered from fonts: training data without photos."""

import keras_textrec.system.opencv  # noqa: F401 (first: it says what to do where OpenCV is missing)

# isort: split
from keras_textrec.synthesis.config import load_config
from keras_textrec.synthesis.font import Font
from keras_textrec.synthesis.fonts import find_fonts
from keras_textrec.synthesis.render import Word, WordRenderer
from keras_textrec.synthesis.source import RenderedSource
from keras_textrec.synthesis.words import default_words, load_words
from keras_textrec.synthesis.writer import synthesize

__all__ = [
    "Font",
    "RenderedSource",
    "Word",
    "WordRenderer",
    "default_words",
    "find_fonts",
    "load_config",
    "load_words",
    "synthesize",
]
