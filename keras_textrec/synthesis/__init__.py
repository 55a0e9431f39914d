"""Word images rendered from fonts: training data without photos."""

from keras_textrec.synthesis.fonts import Font, find_fonts
from keras_textrec.synthesis.render import WordRenderer
from keras_textrec.synthesis.words import default_words, load_words
from keras_textrec.synthesis.writer import synthesize

__all__ = ["Font", "WordRenderer", "default_words", "find_fonts", "load_words", "synthesize"]
