"""A recogniser and labelled images small enough for every test, drawn without any font of the system."""

import functools
import json

import cv2
import keras
import numpy as np

from keras_textrec import CRNN, CTCTokenizer, ImageConverter
from keras_textrec.backbones import ResNetVD
from keras_textrec.data import LMDBWriter
from keras_textrec.layers.standard import BatchNormalization
from keras_textrec.models.ctc_recognizer import CTCRecognizer
from keras_textrec.training.recipes import Recipe

WORDS = ["cat", "Dog", "bird7", "fish", "emu", "owl42", "ant", "bee", "yak", "gnu"]
RECIPE = Recipe(batch_size=4, epochs=2, learning_rate=1e-2, warmup_steps=1, clip_norm=5.0, max_length=8, seed=3)


def make_crnn(unknown: str = "strip", hidden_size: int = 16, **options) -> CRNN:
    """A small CRNN for 36 characters, upper case read as lower; its input is 32 x 64 or wider."""
    keras.utils.set_random_seed(0)
    tokenizer = CTCTokenizer("0123456789abcdefghijklmnopqrstuvwxyz", lowercase=True, unknown=unknown)
    converter = ImageConverter(32, 64, "widen", width_multiple=4)
    options = {"depths": (0, 1, 1, 1), "widths": (8, 8, 16, 16), "stem_widths": (8,), **options}
    model = CRNN(tokenizer, converter, ResNetVD(**options), hidden_size)
    model.recipe = RECIPE
    model.about = {"description": "A tiny CRNN.", "language": "en", "license": "Apache-2.0"}
    # Untrained networks read the same everywhere. These weights read every image differently, and are small enough for
    # rounding to stay without consequence.
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if len(weight.shape) > 1:
            weight.assign(rng.normal(size=weight.shape) * (0.2 if len(weight.shape) == 4 else 0.7))
    head = model.get_layer("head").kernel
    head.assign(head * 4)
    return model


@functools.cache
def crnn() -> CRNN:
    """The recogniser that tests share; none of them may change it."""
    return make_crnn()


class Columns(CTCRecognizer):
    """The least network: each column's mean colour, normalised and scored."""

    def __init__(self, characters="0123456789abcdefghijklmnopqrstuvwxyz", height=32, lowercase=False, **options):
        keras.utils.set_random_seed(1)
        tokenizer = CTCTokenizer(characters, lowercase, unknown="strip")
        image = keras.Input((height, None, 3), name="image")
        columns = BatchNormalization(name="norm")(keras.ops.mean(image, 1))
        super().__init__(image, keras.layers.Dense(tokenizer.vocabulary_size, name="head")(columns), name="columns")
        self.tokenizer = tokenizer
        self.converter = ImageConverter(height, 64, "pad", **options)

    def time_steps(self, width=None):
        return width or 64


def same_weights(one: keras.Model, other: keras.Model) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True))


def draw(text: str, height: int = 24) -> np.ndarray:
    """The text in black on white, uint8 (height, W, 3), W by the text."""
    (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 2)
    image = np.full((40, width + 12, 3), 255, "uint8")
    cv2.putText(image, text, (6, 29), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (0, 0, 0), 2, cv2.LINE_AA)
    return cv2.resize(image, (round(image.shape[1] * height / 40), height), interpolation=cv2.INTER_AREA)


def png(image: np.ndarray) -> bytes:
    """An RGB image as the bytes of a PNG file."""
    return cv2.imencode(".png", image[..., ::-1])[1].tobytes()


def write_lmdb(path, texts=WORDS, damaged=()) -> str:
    """An LMDB of drawn texts; records at the positions `damaged` hold no image."""
    with LMDBWriter(path) as writer:
        for i, text in enumerate(texts):
            writer.append(b"no image" if i in damaged else png(draw(text)), text)
    return str(path)


def change_json(path, change) -> None:
    """Rewrites a JSON file by a function that changes its content in place."""
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content), "utf-8")
