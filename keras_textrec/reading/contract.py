"""What an exported file says about itself: the contract that other programs are written against."""

import base64
import dataclasses
import json
from collections.abc import Mapping
from typing import Any, Self

from keras_textrec.images import ImageConverter, PhotoConverter
from keras_textrec.reading.confidence import Calibration
from keras_textrec.reading.orientation import Orientations
from keras_textrec.text import AttentionTokenizer, CTCTokenizer, NRTRTokenizer, SARTokenizer, Tokenizer

# A change of what files take, give or say is a new number; something more to say that readers may ignore is none.
CONTRACT = 1


@dataclasses.dataclass(frozen=True)
class Contract:
    """The metadata of one file.

    Attributes:
        charset: the texts of the classes, in their order; empty for a detector.
        model: the network's class; preset: what it was loaded from, or ""; version: of keras_textrec.
        license, language: the preset's, or "".
        decoder: {"kind": "ctc", "blank", "first"} or {"kind": "attention", "end", "first"}, where charset[i] is class
            i + `first`, with "right_to_left" where a text is turned into logical order after reading; or
            {"kind": "boxes", "threshold", "box_threshold", "unclip_ratio"}.
        converter: the configuration of the `ImageConverter` (for "boxes", of the `PhotoConverter`).
        sample_image: a PNG file; sample_text: what the file reads there (of a detector: JSON, the words' corners).
        calibration: of the confidence, where the model has one. Who makes one of `confidences` or probabilities applies
            it.
        orientations: in which the model reads each image where none are asked for (`TextRecognizer.orientations`). The
            file reads an image as it is given: who wants the model's texts of tall images turns them, and keeps the
            best reading.
        confidence: what the file's output `confidence` is: "probability" that the text is right (calibrated already),
            or "mean" over the characters; "" where there is no such output, or in an older file, which does not tell.
    """

    charset: tuple[str, ...]
    model: str
    preset: str
    version: str
    license: str
    language: str
    decoder: dict[str, Any]
    converter: dict[str, Any]
    sample_image: bytes
    sample_text: str
    calibration: Calibration | None = None
    orientations: Orientations | None = None
    confidence: str = ""

    def to_metadata(self) -> dict[str, str]:
        """Key -> value as files carry them."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        for name in ("charset", "decoder", "converter"):
            values[name] = json.dumps(values[name], ensure_ascii=False)
        values["sample_image"] = base64.b64encode(self.sample_image).decode("ascii")
        if calibration := values.pop("calibration"):
            values["calibration"] = json.dumps(dataclasses.asdict(calibration))
        if orientations := values.pop("orientations"):
            values["orientations"] = json.dumps(orientations)
        return {"contract": str(CONTRACT), **values}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], where: str) -> Self:
        """What `to_metadata` gave.

        Args:
            where: the file, for errors.

        Raises:
            ValueError: no export of this package, a newer one, or a damaged one.
        """
        number = metadata.get("contract", "")
        if not number.isdecimal():
            raise ValueError(f"{where} is no export of keras_textrec: it has no 'contract' among its metadata.")
        if int(number) > CONTRACT:
            raise ValueError(
                f"{where} was exported by keras_textrec {metadata.get('version', 'of a later version')}, contract "
                f"{number}; this version reads contracts up to {CONTRACT}: pip install --upgrade keras-textrec."
            )
        try:
            optional = ("calibration", "orientations", "confidence")  # later than the first files of this contract
            needed = [field.name for field in dataclasses.fields(cls) if field.name not in optional]
            values = {name: metadata[name] for name in needed}
            values["confidence"] = metadata.get("confidence", "")
            values |= {name: json.loads(values[name]) for name in ("charset", "decoder", "converter")}
            if "calibration" in metadata:
                values["calibration"] = Calibration.from_dict(json.loads(metadata["calibration"]))
            if "orientations" in metadata:
                values["orientations"] = json.loads(metadata["orientations"])
            values["charset"] = tuple(values["charset"])
            if values["decoder"]["kind"] not in ("ctc", "attention", "boxes"):
                raise ValueError(f"no decoder is called {values['decoder']['kind']!r}")
            values["sample_image"] = base64.b64decode(values["sample_image"], validate=True)
        except (KeyError, ValueError, TypeError) as error:
            raise ValueError(f"The metadata of {where} are damaged: {error!r}. Export it again.") from error
        return cls(**values)

    def make_converter(self) -> ImageConverter | PhotoConverter:
        """The converter that the file has inside, or that its reader has to apply."""
        return (PhotoConverter if self.decoder["kind"] == "boxes" else ImageConverter)(**self.converter)

    def make_tokenizer(self) -> Tokenizer:
        """What turns the network's probabilities into readings. ValueError: the decoder is none that is known here."""
        right_to_left = self.decoder.get("right_to_left", False)
        classes = {"ctc": (CTCTokenizer,), "attention": (AttentionTokenizer, SARTokenizer, NRTRTokenizer)}
        for known in classes.get(self.decoder["kind"], ()):
            tokenizer = known(self.charset, right_to_left=right_to_left)
            if decoder_of(tokenizer) == self.decoder:
                return tokenizer
        raise ValueError(f"No tokenizer decodes as {self.decoder}.")


def decoder_of(tokenizer: Tokenizer) -> dict[str, Any]:
    """How a tokenizer decodes, as the metadata have it."""
    if isinstance(tokenizer, CTCTokenizer):
        decoder: dict[str, Any] = {"kind": "ctc", "blank": 0, "first": tokenizer.first_id}
    else:
        decoder = {"kind": "attention", "end": tokenizer.end_id, "first": tokenizer.first_id}
    return {**decoder, "right_to_left": True} if tokenizer.right_to_left else decoder
