"""Word images rendered from fonts: training data without photos."""

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
