"""Reading within what is known of a text: allowed characters, a pattern, a lexicon; and its alternatives."""

from keras_textrec.decoding.constraint import Constraint as Constraint
from keras_textrec.decoding.constraint import Constraints as Constraints
from keras_textrec.decoding.ctc_decoder import CTCDecoder as CTCDecoder
from keras_textrec.decoding.lexicons import Lexicon as Lexicon
from keras_textrec.decoding.step_decoder import StepDecoder as StepDecoder
from keras_textrec.decoding.step_decoder import Steps as Steps
