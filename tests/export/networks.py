"""A tiny network of every kind, whose every number counts, and what it makes of images."""

import functools

import keras
import numpy as np

import keras_textrec as textrec
from keras_textrec.backbones import VGG7, MobileNetV3, RepSVTRBackbone, ResNet31, ResNetVD, SVTRv2Backbone
from keras_textrec.images import PhotoConverter
from keras_textrec.models.text_detector import RepSVTRDetector

CHARACTERS = "0123456789abcdef"
STEPS = 6


def _parts(tokenizer, resize="widen"):
    return tokenizer(CHARACTERS), textrec.ImageConverter(32, 64, resize)


def _crnn(backbone):
    return textrec.CRNN(*_parts(textrec.CTCTokenizer), backbone, 8)


def _rare(resize, rectify):
    backbone = ResNetVD((0, 1, 1, 1), (8, 8, 16, 16), (8,))
    return textrec.RARE(*_parts(textrec.AttentionTokenizer, resize), backbone, 8, rectify, steps=STEPS, decoder_size=12)


def _robust_scanner(**options):
    backbone = ResNet31((0, 0, 1, 0), (8, 8, 16, 16), (4, 8))
    return textrec.RobustScanner(*_parts(textrec.SARTokenizer), backbone, 8, STEPS, **options)


def _svtrv2():
    backbone = SVTRv2Backbone((32, 64), (1, 2), (1, 1))
    return textrec.SVTRv2(*_parts(textrec.CTCTokenizer), backbone, guided=True, hidden_size=32)


def _repsvtr():
    backbone = RepSVTRBackbone(((16, True, 1, 1), (32, False, 2, 1), (32, True, 1, 1)))
    return textrec.RepSVTR(*_parts(textrec.CTCTokenizer), backbone, hidden_size=32)


def _detector():
    blocks = ((16, False, 1, 1), (16, True, 2, 2), (16, False, 2, 2), (16, False, 2, 2))
    return RepSVTRDetector(RepSVTRBackbone(blocks, pyramid=(1, 2, 3, 4)), 16, PhotoConverter(64))


MAKERS = {
    "crnn": lambda: _crnn(ResNetVD((0, 1, 1, 1), (8, 8, 16, 16), (8,))),
    "crnn_same": lambda: _crnn(ResNetVD((0, 1, 1, 1), (8, 8, 16, 16), (8,), "same")),
    "crnn_vgg7": lambda: _crnn(VGG7((4, 4, 8, 8, 8, 8, 16))),
    "crnn_mv3": lambda: _crnn(MobileNetV3("small", 0.35)),
    "rare": lambda: _rare("pad", "small"),
    "rare_unrectified": lambda: _rare("widen", None),
    "robust_scanner": _robust_scanner,
    "robust_scanner_columns": lambda: _robust_scanner(along_text=False, use_bias=False),
    "svtrv2": _svtrv2,
    "repsvtr": _repsvtr,
    "detector": _detector,
}
# How strong the kernels are, and how much stronger the head's: neither noise nor certainty comes out.
GAINS = {"repsvtr": (1.1, 6.0), "detector": (1.0, 1.0), "robust_scanner_columns": (1.4, 2.0)}


def make(name: str) -> keras.Model:
    """A new network, the same on every backend, whose statistics and biases are no zeros and ones."""
    model = MAKERS[name]()
    gain, head = GAINS.get(name, (1.4, 6.0))
    rng = np.random.default_rng(0)
    for variable in model.weights:
        shape, kind = variable.shape, variable.path.rsplit("/")[-1]
        if kind in ("gamma", "moving_variance"):
            numbers = rng.uniform(0.5, 1.5, shape)
        elif len(shape) == 1:
            numbers = 0.1 * rng.normal(size=shape)
        else:
            inputs = np.prod(shape[:2]) if shape[-1] == 1 else np.prod(shape[:-1])  # of a depthwise kernel, or another
            numbers = rng.normal(size=shape) * gain / np.sqrt(inputs)
            numbers *= head if "head" in variable.path else 1
        if not kind.startswith("seed"):
            variable.assign(numbers.astype("float32"))
    return model


# What tests share and none of them changes.
network = functools.cache(make)


def inputs(model: keras.Model, rows: int, width: int) -> dict[str, np.ndarray]:
    """What the network's reader takes, by name, of this width if it may; valid ratios are from 1 down to a half."""
    image, *ratio = model.reader.inputs
    if isinstance(model, RepSVTRDetector):
        width = -(-width // 32) * 32
    height, width = image.shape[1] or 32, image.shape[2] or width
    # Patches of 8 x 8 pixels: noise looks all the same to a network.
    patches = np.random.default_rng(1).normal(size=(rows, -(-height // 8), -(-width // 8), 3))
    x = {"image": patches.repeat(8, 1).repeat(8, 2)[:, :height, :width].astype("float32")}
    return x | ({"valid_ratio": np.linspace(1, 0.5, rows, dtype="float32")} if ratio else {})


def pictures() -> list[np.ndarray]:
    """Images of several sizes, uint8 (H, W, 3), in patches too."""
    rng = np.random.default_rng(0)
    sizes = [(24, 40), (40, 70), (32, 20), (77, 200), (32, 200)]
    patches = [rng.integers(0, 256, (-(-height // 8), -(-width // 8), 3), "uint8") for height, width in sizes]
    return [patch.repeat(8, 0).repeat(8, 1)[:h, :w] for patch, (h, w) in zip(patches, sizes, strict=True)]


def probabilities(model: keras.Model, x: dict[str, np.ndarray]) -> np.ndarray:
    """What the model makes of them on the running backend; of a detector, the map (N, h, w)."""
    y = model.run("reader", list(x.values()) if len(x) > 1 else x["image"])
    return y[..., 0] if isinstance(model, RepSVTRDetector) else y
