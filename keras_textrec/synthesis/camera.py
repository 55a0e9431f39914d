"""What a camera does to the scene: light, blur, low resolution, noise, JPEG."""

import math
import random
from functools import lru_cache

import cv2
import numpy as np

from keras_textrec.synthesis.colour import ramp

_NOISE = 1 << 18  # samples of the noise pool


def photograph(scene: np.ndarray, rng: random.Random, hardness: float = 1.0) -> np.ndarray:
    """The photo, uint8 (H, W, 3), of a scene, float32 (H, W, 3), 0..255."""
    height, width = scene.shape[:2]
    if rng.random() < 0.3 * hardness:
        scene = scene * (1 + rng.uniform(0.2, 0.9) * ramp(height, width, rng))[:, :, None]
    if rng.random() < 0.12 * hardness:
        scene = _glare(scene, rng)
    if rng.random() < 0.3 * hardness:
        scene = _exposure(scene, rng)
    scene = _blur(scene, rng, hardness)
    if rng.random() < 0.5 * hardness:
        scene = scene + rng.uniform(1, 9) * _noise(height, width, rng)
    photo = np.clip(scene, 0, 255).astype(np.uint8)
    if rng.random() < 0.15 * hardness:
        photo = jpeg_round(photo, rng.randint(18, 55))
    return photo


def jpeg(image: np.ndarray, quality: int) -> bytes:
    """The JPEG file of an RGB image, uint8 (H, W, 3)."""
    return cv2.imencode(".jpg", image[:, :, ::-1], (cv2.IMWRITE_JPEG_QUALITY, quality))[1].tobytes()


def jpeg_round(image: np.ndarray, quality: int) -> np.ndarray:
    """The RGB image after one JPEG file."""
    code = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))[1]
    return cv2.imdecode(code, cv2.IMREAD_COLOR)


def _exposure(scene: np.ndarray, rng: random.Random) -> np.ndarray:
    """Night, fog or too much light; keeps at least half of the contrast."""
    kind = rng.random()
    if kind < 0.5:
        return scene * rng.uniform(0.35, 0.8)
    if kind < 0.8:
        gain = rng.uniform(0.5, 0.85)
        return scene * gain + rng.uniform(0, 255 * (1 - gain))
    return scene * rng.uniform(1.05, 1.4) + rng.uniform(0, 20)


def _glare(scene: np.ndarray, rng: random.Random) -> np.ndarray:
    height, width = scene.shape[:2]
    radius = rng.uniform(0.4, 1.5) * height
    x = (np.arange(width, dtype=np.float32) - rng.uniform(0, width)) / radius
    y = (np.arange(height, dtype=np.float32) - rng.uniform(0, height)) / radius
    spot = np.exp(-(y * y))[:, None] * np.exp(-(x * x))
    return scene + (rng.uniform(30, 110) * spot)[:, :, None]


def _blur(scene: np.ndarray, rng: random.Random, hardness: float) -> np.ndarray:
    """One of: motion, out of focus, too few pixels, a good lens, a phone's sharpening, none."""
    kind = rng.random()
    unit = scene.shape[0] / 32
    if kind < 0.12 * hardness:
        return cv2.filter2D(scene, -1, _motion(max(3, round(rng.uniform(2, 5.5) * unit)), rng.uniform(0, math.pi)))
    if kind < 0.2 * hardness:
        return cv2.GaussianBlur(scene, (0, 0), unit * rng.uniform(0.8, 1.7))
    if kind < 0.5 * hardness:
        return _low_resolution(scene, rng)
    if kind < 0.85:
        return cv2.GaussianBlur(scene, (0, 0), max(0.3, unit * rng.uniform(0.2, 0.3 + 0.5 * hardness)))
    if kind < 0.93:  # the sharpening of phones
        return scene + rng.uniform(0.3, 1.2) * (scene - cv2.GaussianBlur(scene, (0, 0), 1.0))
    return scene


def _motion(length: int, angle: float) -> np.ndarray:
    kernel = np.zeros((length, length), np.float32)
    middle = (length - 1) / 2
    dx, dy = middle * math.cos(angle), middle * math.sin(angle)
    ends = [(round(middle + sign * dx), round(middle + sign * dy)) for sign in (-1, 1)]
    cv2.line(kernel, *ends, 1.0, 1, cv2.LINE_AA)
    return kernel / kernel.sum()


def _low_resolution(scene: np.ndarray, rng: random.Random) -> np.ndarray:
    height, width = scene.shape[:2]
    small_height = min(height, rng.randint(14, 26))
    small = (max(4, round(width * small_height / height)), small_height)
    small = cv2.resize(scene, small, interpolation=rng.choice((cv2.INTER_AREA, cv2.INTER_LINEAR)))
    return cv2.resize(small, (width, height), interpolation=rng.choice((cv2.INTER_LINEAR, cv2.INTER_CUBIC)))


def _noise(height: int, width: int, rng: random.Random) -> np.ndarray:
    """Sensor noise, float32 (height, width, 1 or 3), deviation 1; sometimes coarse as phones leave it."""
    coarse = rng.random() < 0.3
    high, wide = (height // 2 + 1, width // 2 + 1) if coarse else (height, width)
    channels = rng.choice((1, 3))
    start = rng.randrange(_NOISE - high * wide * channels) if high * wide * channels < _NOISE else 0
    flat = _noise_pool()[start : start + high * wide * channels]
    noise = np.resize(flat, (high, wide, channels))
    return cv2.resize(noise, (width, height)).reshape(height, width, -1) if coarse else noise


@lru_cache(maxsize=1)
def _noise_pool() -> np.ndarray:
    return np.random.default_rng(21).standard_normal(_NOISE, np.float32)
