"""Words that a written file is checked with, and the one that it carries, in the letters that OpenCV brings along.

(`keras_textrec.synthesis` looks through the machine's fonts first, which takes minutes for a charset that it has not
seen, and finds others on each machine.)
"""

from collections.abc import Collection, Sequence

import cv2
import numpy as np

from keras_textrec.text import Reading

_WORDS = (
    "7", "ok", "EX", "24", "cat", "Sun", "OPEN", "1963", "hotel", "Paris", "ST-5", "market", "4.99", "Station",
    "telephone", "2026-11-26", "RESTAURANT", "accessories",
)  # fmt: skip
_HEIGHTS = (15, 24, 32, 48, 75)
# Widths in heights: few, for a backend may compile a network for every width that it meets.
_ASPECTS = (1, 2, 4, 8)
# A file carries none that is higher.
_SAMPLE_HEIGHT = 32


def drawn_words(charset: Collection[str]) -> list[tuple[np.ndarray, str]]:
    """Images, uint8 (H, W, 3), of many sizes and shapes, and what they show: characters that the charset has, if any.

    Every size occurs twice, and an eighth of them stand upright.
    """
    rng = np.random.default_rng(0)
    drawable = [character for character in map(chr, range(33, 127)) if character in charset] or list("0123456789")
    found = []
    for number, word in enumerate(_WORDS):
        text = _cased(word, charset) or "".join(rng.choice(drawable, len(word)))
        height = _HEIGHTS[number % len(_HEIGHTS)]
        aspect = min(_ASPECTS, key=lambda aspect: abs(aspect - 0.6 * len(text)))
        for _ in range(2):
            image = _drawn(text, height, height * aspect, rng)
            found.append((np.ascontiguousarray(np.rot90(image, -1)) if number % 8 == 7 else image, text))
    return found


def drawn_photo() -> np.ndarray:
    """Words on one ground, uint8 (160, 256, 3)."""
    rng = np.random.default_rng(0)
    photo = np.full((160, 256, 3), 235, "uint8")
    for text, x, y in (("OPEN", 20, 16), ("Station", 110, 60), ("1963", 40, 110)):
        word = _drawn(text, 32, 20 * len(text), rng, ground=235)
        photo[y : y + 32, x : x + word.shape[1]] = word
    return photo


def choose_sample(words: Sequence[tuple[np.ndarray, str]], readings: Sequence[Reading]) -> tuple[np.ndarray, Reading]:
    """The word to be carried: small, read as it is drawn if any is, and surely."""

    def worth(pair: tuple[tuple[np.ndarray, str], Reading]) -> tuple:
        (image, text), reading = pair
        return len(image) <= _SAMPLE_HEIGHT, reading.text == text, bool(reading.text), reading.confidence

    (image, _), reading = max(zip(words, readings, strict=True), key=worth)
    return image, reading


def png(image: np.ndarray) -> bytes:
    """An image, uint8 (H, W, 3) RGB, as a PNG file."""
    return cv2.imencode(".png", image[..., ::-1])[1].tobytes()


def _cased(word: str, charset: Collection[str]) -> str:
    """The word, or what it is in the only case that the charset has; "" if it cannot be written."""
    for text in (word, word.lower(), word.upper()):
        if all(character in charset for character in text):
            return text
    return ""


def _drawn(text: str, height: int, width: int, rng: np.random.Generator, ground: int | None = None) -> np.ndarray:
    """The text in a colour on a ground that differs, a little noisy, uint8 (height, width, 3)."""
    dark, light = rng.integers(0, 80, 3), rng.integers(170, 256, 3)
    paper, ink = (light, dark) if ground is not None or rng.random() < 0.7 else (dark, light)
    if ground is not None:
        paper = np.full(3, ground)
    (wide, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 2.0, 5)
    image = np.empty((72, wide + 24, 3), "uint8")
    image[:] = paper
    cv2.putText(image, text, (12, 54), cv2.FONT_HERSHEY_SIMPLEX, 2.0, ink.tolist(), 5, cv2.LINE_AA)
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return np.clip(image + rng.normal(0, 3, image.shape), 0, 255).astype("uint8")
