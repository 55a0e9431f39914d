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

    def read(self, pixels):
        """The texts and confidences of N images of one size, any, uint8 (N, H, W, 3), RGB."""
        names = ["characters", "confidence"]  # also: confidences, and the columns left and right of every character
        characters, confidence = self.session.run(names, {"image": pixels})
        texts = ["".join(self.charset[i] for i in row if i >= 0) for row in characters]
        return [logical(text) if self.is_right_to_left else text for text in texts], confidence


def logical(shown):
    """A text that a picture shows from left to right, as it is typed: turned round, but for Latin words and numbers.

    Unicode's UAX #9 has the whole rule.
    """
    if not RIGHT_TO_LEFT.search(shown):
        return shown
    runs = reversed(LEFT_TO_RIGHT.findall(shown))
    return "".join(run.translate(str.maketrans("()[]{}<>", ")(][}{><")) if len(run) == 1 else run for run in runs)


def load(file):
    """An image file, upright, uint8 (1, H, W, 3)."""
    return np.array(ImageOps.exif_transpose(Image.open(file)).convert("RGB"))[None]


def main(path, *images):
    recognizer = Recognizer(path)
    if images == ("--selftest",):
        sample = io.BytesIO(base64.b64decode(recognizer.metadata["sample_image"]))
        (text,), _ = recognizer.read(load(sample))
        wanted = recognizer.metadata["sample_text"]
        print(f"{path}: reads {text!r}" + ("" if text == wanted else f", but should read {wanted!r}"))
        return text != wanted
    for image in images:
        (text,), (confidence,) = recognizer.read(load(image))
        print(f"{image}\t{confidence:.3f}\t{text}")
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
