"""The rule by which the fixtures' networks are filled from names and shapes, and their images; NumPy only."""

import re
import zlib
from collections.abc import Sequence

import numpy as np

# The first that matches a weight's name scales it: activations stay in range, and the argmax varies.
GAINS = (
    (r"neck\.seq_encoder\.weight_ih", 4.0),
    (r"neck\.seq_encoder\.weight_hh", 2.5),
    (r"head\.attention_cell\.i2h", 4.0),
    (r"head\.attention_cell\.h2h", 2.0),
    (r"head\.attention_cell\.score", 8.0),
    (r"head\.attention_cell\.rnn\.weight_ih", 8.0),
    (r"head\.attention_cell\.rnn\.weight_hh", 4.0),
    (r"head\.(generator|dense1|decoder\.prediction)", 6.0),
    (r"head\.decoder\.position_decoder\.embedding", 3.0),
    (r"head\.decoder\.position_decoder", 2.0),
    (r"head\.(encoder|decoder\.fusion_module)", 1.5),
    (r"backbone\.conv\d\.conv", 1.4),  # VGG7
    (r"backbone\.(block\d|conv\d(_\d)?\.weight)", 1.2),  # ResNet31
    (r"", 1.0),
)


def fill(name: str, shape: Sequence[int]) -> np.ndarray:
    """The float32 values of a MindOCR tensor: drawn in float64, seeded by the CRC-32 of its name."""
    rng = np.random.RandomState(zlib.crc32(name.encode()))
    if re.search(r"gamma$|variance$", name):
        values = rng.uniform(0.5, 1.5, shape)
    elif re.search(r"beta$|mean$", name):
        values = 0.03 * rng.standard_normal(shape)
    elif "bias" in name:
        values = 0.1 * rng.standard_normal(shape)
    else:
        gain = next(gain for pattern, gain in GAINS if re.search(pattern, name))
        values = gain * rng.standard_normal(shape)
        if "embedding" not in name:  # all others have the outputs along their first axis
            inputs = tuple(range(1, len(shape)))
            values /= np.sqrt(np.prod(shape[1:]))
            if shape[0] > 1:
                values -= values.mean(inputs, keepdims=True)
    return values.astype("float32")


def image(height: int, width: int, seed: int) -> np.ndarray:
    """uint8 RGB (height, width, 3): random blocks of 4 x 4 pixels, and noise of 20 levels."""
    rng = np.random.RandomState(seed)
    blocks = rng.randint(0, 256, (-(-height // 4), -(-width // 4), 3))
    pixels = blocks.repeat(4, 0).repeat(4, 1)[:height, :width]
    return np.clip(pixels + rng.randint(-20, 21, pixels.shape), 0, 255).astype("uint8")
