"""Characters to class ids and back."""

from keras_textrec.text.attention_tokenizers import AttentionTokenizer, NRTRTokenizer, SARTokenizer, SequenceTokenizer
from keras_textrec.text.charset import Charset
from keras_textrec.text.ctc_tokenizer import CTCTokenizer
from keras_textrec.text.label_report import LabelReport
from keras_textrec.text.readings import Alternative, Character, Reading
from keras_textrec.text.tokenizers import Tokenizer

__all__ = [
    "Alternative",
    "AttentionTokenizer",
    "CTCTokenizer",
    "Character",
    "Charset",
    "LabelReport",
    "NRTRTokenizer",
    "Reading",
    "SARTokenizer",
    "SequenceTokenizer",
    "Tokenizer",
]
