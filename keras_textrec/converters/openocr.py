"""OpenOCR's tensors under PaddleOCR's names and in its layouts, for `load_paddle_weights` to take from there.

OpenOCR: https://github.com/Topdu/OpenOCR. Two of its published checkpoints are networks of this package:
`openocr_repsvtr_ch.pth` (its "mobile" recogniser) and `openocr_svtrv2_ch.pth` ("server"), of
`configs/rec/svtrv2/repsvtr_ch.yml` and `svtrv2_ch.yml`. They are PaddleOCR's RepSVTR and SVTRv2 in PyTorch's names and
layouts, without a guide. `NOT_OURS` tells of the others.
"""

import re
from collections.abc import Mapping

import keras
import numpy as np

# In this order, each where it applies.
NAMES: tuple[tuple[str, str], ...] = (
    (r"\.running_mean$", "._mean"),
    (r"\.running_var$", "._variance"),
    (r"^encoder\.", "backbone."),
    (r"^decoder\.svtr_encoder\.", "head.ctc_encoder.encoder."),
    (r"^decoder\.fc\.", "head.ctc_head.fc."),
    # It can mix by several convolutions; the published networks have one.
    (r"\.mixer\.0\.(weight|bias)$", r".mixer.\1"),
)

# How the names of other networks begin, and why those are not ours.
NOT_OURS: dict[str, str] = {
    r"(backbone|neck|head)\.": "a detector of OpenOCR, whose gates are less steep than those of PaddleOCR's detector "
    "(hard sigmoid with a slope of 1/6, not 1/5); take PaddleOCR's, the preset repsvtr_det",
    r"transform\.": "a network with OpenOCR's rectification, which is not RARE's",
    r"encoder\.(layer5|rnn)\.": "OpenOCR's CRNN, ASTER, MORAN or SEED, which read by ASTER's ResNet",
    r"decoder\.decoder\.hybrid_decoder\.": "OpenOCR's RobustScanner, whose start, end and padding are classes of their "
    "own, and which has no unknown character",
    r"encoder\.stages\.3\.": "an SVTRv2 of OpenOCR's benchmark, whose last stage PaddleOCR's SVTRv2 does not have",
    r"decoder\.(char_token$|(ctc|gtc)_decoder\.)": "an SVTRv2 that OpenOCR trained with other decoders (RCTC, SMTR)",
}


def to_paddle(tensors: Mapping[str, np.ndarray], model: keras.Model) -> dict[str, np.ndarray]:
    """What an OpenOCR checkpoint of `model`'s architecture holds, as `load_paddle_weights` wants it.

    A tensor of an unknown network comes out as well, under a name that `load_paddle_weights` refuses.

    Args:
        tensors: by OpenOCR's names.
        model: a RepSVTR or SVTRv2 without a guide.

    Raises:
        ValueError: the checkpoint is of a network that is known not to be ours, or the model has a guide.
    """
    for pattern, reason in NOT_OURS.items():
        if any(re.match(pattern, name) for name in tensors):
            raise ValueError(f"The checkpoint cannot be read into {model.name}: it is {reason}.")
    if getattr(model, "guided", False):
        raise ValueError(f"OpenOCR's checkpoints hold no guide, and {model.name} has one; build it with guided=False.")
    result = {}
    for name, array in tensors.items():
        if name.endswith(".num_batches_tracked"):
            continue
        for pattern, template in NAMES:
            name = re.sub(pattern, template, name)
        # A matrix is always a dense layer's: PyTorch's are (out, in).
        result[name] = array.T if array.ndim == 2 else array
    return result
