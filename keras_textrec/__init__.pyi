"""The public names, for type checkers; tests/test_names.py holds `__init__.py` to them."""

from keras_textrec import backbones as backbones
from keras_textrec import data as data
from keras_textrec import images as images
from keras_textrec import reports as reports
from keras_textrec import synthesis as synthesis
from keras_textrec import text as text
from keras_textrec import training as training
from keras_textrec.converters.convert import convert as convert
from keras_textrec.decoding import Lexicon as Lexicon
from keras_textrec.images import ImageConverter as ImageConverter
from keras_textrec.images import PhotoConverter as PhotoConverter
from keras_textrec.models import (
    CRNN as CRNN,
)
from keras_textrec.models import (
    RARE as RARE,
)
from keras_textrec.models import (
    Line as Line,
)
from keras_textrec.models import (
    Page as Page,
)
from keras_textrec.models import (
    RepSVTR as RepSVTR,
)
from keras_textrec.models import (
    RepSVTRDetector as RepSVTRDetector,
)
from keras_textrec.models import (
    RobustScanner as RobustScanner,
)
from keras_textrec.models import (
    SVTRv2 as SVTRv2,
)
from keras_textrec.models import (
    TextRecognizer as TextRecognizer,
)
from keras_textrec.models import (
    TextSpotter as TextSpotter,
)
from keras_textrec.models import (
    Word as Word,
)
from keras_textrec.presets import preset_names as preset_names
from keras_textrec.reading.exported import load_exported as load_exported
from keras_textrec.text import (
    Alternative as Alternative,
)
from keras_textrec.text import (
    AttentionTokenizer as AttentionTokenizer,
)
from keras_textrec.text import (
    Character as Character,
)
from keras_textrec.text import (
    Charset as Charset,
)
from keras_textrec.text import (
    CTCTokenizer as CTCTokenizer,
)
from keras_textrec.text import (
    NRTRTokenizer as NRTRTokenizer,
)
from keras_textrec.text import (
    Reading as Reading,
)
from keras_textrec.text import (
    SARTokenizer as SARTokenizer,
)
from keras_textrec.training.data_parallel import synchronize_batch_norm as synchronize_batch_norm
from keras_textrec.training.recipes import Recipe as Recipe
from keras_textrec.training.train import train as train
from keras_textrec.zoo import describe as describe
from keras_textrec.zoo import load_preset as load_preset
from keras_textrec.zoo.publish import upload_preset as upload_preset

__version__: str
