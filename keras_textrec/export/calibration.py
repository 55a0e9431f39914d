"""What int8 numbers are fitted to: images of a source like those that will be read."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_textrec.data.sources import Source, check_source
from keras_textrec.export.formats import Options
from keras_textrec.images import load_image
from keras_textrec.reading.contract import decoder_of

_SAMPLES = 128


def check_calibration(model: Any, options: Options) -> None:
    """ValueError: the model cannot be calibrated as the options want it. TypeError: the source is a path."""
    name = type(model).__name__
    if options.calibrate is not None and not hasattr(model, "tokenizer"):
        raise ValueError(f"A {name} reads no words to calibrate it with; leave calibrate out, with quantize='int8'.")
    if options.calibrate is not None:
        check_source(options.calibrate)
    if options.quantize == "int8-full" and decoder_of(model.tokenizer)["kind"] != "ctc":
        raise ValueError(
            f"There is no quantize='int8-full' for a {name}: the loop that decodes cannot be calibrated. Take "
            "quantize='int8' or 'float16'."
        )


def calibration_images(source: Source) -> Iterator[np.ndarray]:
    """Images of a source, uint8 (H, W, 3), evenly chosen; those that cannot be read are left out.

    Raises:
        ValueError: none of them can be read.
    """
    positions = np.unique(np.linspace(0, len(source) - 1, _SAMPLES).astype(int)) if len(source) else []
    damaged = 0
    for position in positions:
        try:
            image = load_image(source[int(position)][0])
        except (OSError, ValueError):  # a damaged record is none to learn from
            damaged += 1
        else:
            yield image
    if damaged == len(positions):
        raise ValueError(f"No image of the calibration source can be read; {damaged} were tried.")
