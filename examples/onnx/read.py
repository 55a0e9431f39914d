"""Reads words with an exported file, FILE.onnx, and nothing of the package that made it: NumPy, Pillow, onnxruntime.

python read.py FILE.onnx IMAGE...        the text and the confidence of every image
python read.py FILE.onnx --selftest      whether the word that the file carries is read as it should be
"""

import base64
import io
import json
import re
import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

RIGHT_TO_LEFT = re.compile("(?![٠-٩۰-۹])[\u0590-\u08ff\ufb1d-\ufefc]")  # Hebrew, Arabic and their neighbours
LEFT_TO_RIGHT = re.compile("[A-Za-z0-9٠-٩۰-۹]+(?:[ .,:/'-][A-Za-z0-9٠-٩۰-۹]+)*|.", re.DOTALL)


class Recognizer:
    """The recogniser in a file. `metadata`: what the file says about itself; `charset`: the text of every class."""

    def __init__(self, path):
        self.session = onnxruntime.InferenceSession(path, providers=onnxruntime.get_available_providers())
        self.metadata = self.session.get_modelmeta().custom_metadata_map
        if self.metadata.get("contract") != "1" or "characters" not in [o.name for o in self.session.get_outputs()]:
            raise SystemExit(f"{path} is no recogniser of contract 1 that takes pixels.")
        self.charset = json.loads(self.metadata["charset"])
        self.is_right_to_left = json.loads(self.metadata["decoder"]).get("right_to_left", False)
        self.turns_tall = json.loads(self.metadata.get("orientations", "null")) == "tall"

    def read(self, pixels):
        """Text and confidence of an image, uint8 (H, W, 3), RGB; of a tall one's surest turn, if the file wants it."""
        turns = (0, 1, 3) if self.turns_tall and pixels.shape[0] > pixels.shape[1] else (0,)
        return max((self.read_turned(pixels, turn) for turn in turns), key=lambda found: found[2])[:2]

    def read_turned(self, pixels, turn):
        """Text, confidence, and by what turns compare: of two as sure, the longer or the upright letter is right."""
        image = np.ascontiguousarray(np.rot90(pixels, turn))[None]  # N of one size may be read at once; here N is 1
        names = ["characters", "confidences", "confidence"]  # also: the columns left and right of every character
        (characters,), (confidences,), (confidence,) = self.session.run(names, {"image": image})
        there = characters >= 0
        text = "".join(self.charset[i] for i in characters[there])
        sureness = confidences[there].sum() / (there.sum() + (there.sum() != 1 or turn > 0))
        return logical(text) if self.is_right_to_left else text, confidence, sureness


def logical(shown):
    """A text shown from left to right, as it is typed: turned round, but for Latin words and numbers (UAX #9)."""
    if not RIGHT_TO_LEFT.search(shown):
        return shown
    runs = reversed(LEFT_TO_RIGHT.findall(shown))
    return "".join(run.translate(str.maketrans("()[]{}<>", ")(][}{><")) if len(run) == 1 else run for run in runs)


def load(file):
    """An image file, upright, uint8 (H, W, 3); what is transparent is white."""
    image = ImageOps.exif_transpose(Image.open(file))
    if image.mode == "F" or image.mode.startswith("I"):  # 0 to 1, or 16 bits, which convert() would clip
        image = Image.fromarray((np.asarray(image) * (255 if image.mode == "F" else 1 / 257) + 0.5).astype("uint8"))
    return np.array(Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA")).convert("RGB"))


def main(path, *images):
    recognizer = Recognizer(path)
    if images == ("--selftest",):
        text, _ = recognizer.read(load(io.BytesIO(base64.b64decode(recognizer.metadata["sample_image"]))))
        wanted = recognizer.metadata["sample_text"]
        print(f"{path}: reads {text!r}" + ("" if text == wanted else f", but should read {wanted!r}"))
        return text != wanted
    for image in images:
        text, confidence = recognizer.read(load(image))
        print(f"{image}\t{confidence:.3f}\t{text}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) > 2 else __doc__)
