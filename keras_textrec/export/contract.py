"""The metadata of an exported file, of the model that it is made of."""

import itertools
from typing import Any

from keras_textrec.images import ImageConverter
from keras_textrec.reading.contract import Contract, decoder_of
from keras_textrec.version import __version__


def contract_of(
    model: Any, converter: Any, sample_image: bytes = b"", sample_text: str = "", confidence: str = ""
) -> Contract:
    """What a file of this model says about itself.

    Args:
        converter: what the file has inside; `file_converter` gives it.
        sample_image: a PNG file; sample_text: what the model reads there.
        confidence: what the file's output of this name is, as `Contract` has it.
    """
    tokenizer = getattr(model, "tokenizer", None)
    if tokenizer is None:
        names = ("threshold", "box_threshold", "unclip_ratio")
        decoder = {"kind": "boxes", **{name: getattr(model, name) for name in names}}
    else:
        decoder = decoder_of(tokenizer)
    return Contract(
        charset=tuple(tokenizer.charset) if tokenizer else (),
        model=type(model).__name__,
        preset=str(model.origin or ""),
        version=__version__,
        license=str(model.about.get("license", "")),
        language=str(model.about.get("language", "")),
        decoder=decoder,
        converter=converter.get_config(),
        sample_image=sample_image,
        sample_text=sample_text,
        calibration=getattr(model, "calibration", None),
        orientations=getattr(model, "orientations", None),
        confidence=confidence,
    )


def file_converter(model: Any, width: int | None) -> Any:
    """The model's converter, or the same with one canvas of `width` pixels for every image.

    Raises:
        ValueError: the model is a detector, or its network takes no such width.
    """
    if width is None:
        return model.converter
    if not isinstance(model.converter, ImageConverter):
        raise ValueError(f"A {type(model).__name__} takes photographs of any width; leave width out.")
    fixed = model.inputs[0].shape[2]
    if fixed is not None and fixed != width:
        raise ValueError(f"This {type(model).__name__} takes images of {fixed} pixels' width only; leave width out.")
    if not _takes(model, width):
        least = next(w for w in itertools.count(width + 1) if _takes(model, w))
        raise ValueError(f"This {type(model).__name__} takes images of at least {least} pixels' width, not {width}.")
    config = model.converter.get_config()
    if model.converter.grows:  # a longer image is squeezed
        config["resize"] = "pad"
    return ImageConverter(**{**config, "width": width})


def _takes(model: Any, width: int) -> bool:
    try:
        return model.time_steps(width) > 0
    except ValueError:  # of Keras, where nothing is left of the width
        return False
