import cv2
import numpy as np
import pytest

from keras_textrec.data import LMDBWriter

CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def jpeg(seed, height=20, width=60):
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype="uint8")
    return cv2.imencode(".jpg", cv2.GaussianBlur(noise, (7, 7), 2))[1].tobytes()


@pytest.fixture(scope="session")
def records():
    """Thirty-seven image files of different sizes with different texts."""
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list(CHARACTERS), rng.integers(1, 9))) + str(i) for i in range(37)]
    return [(jpeg(i, 16 + i, 30 + 7 * i), text) for i, text in enumerate(texts)]


@pytest.fixture
def write(tmp_path):
    """Writes records into an LMDB folder below tmp_path and gives its path."""

    def write(name, records):
        with LMDBWriter(tmp_path / name) as writer:
            for image, text in records:
                writer.append(image, text)
        return tmp_path / name

    return write
