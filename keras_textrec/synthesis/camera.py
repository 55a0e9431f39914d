"""What a camera does to the scene: light, blur, low resolution, noise, JPEG."""

import math
from functools import lru_cache
from types import SimpleNamespace

import cv2
import numpy as np

from keras_textrec.synthesis.colour import ramp
from keras_textrec.synthesis.dice import Dice

_NOISE = 1 << 18  # samples of the noise pool
_LEAST = 14  # the luminance step between text and ground that light must leave


def photograph(
    scene: np.ndarray, alpha: np.ndarray, tones: tuple[float, float], line: float, dice: Dice, config: SimpleNamespace
) -> np.ndarray:
    """The photo, uint8 (H, W, 3), of a scene, float32 (H, W, 3), 0..255.

    Args:
        alpha: where the text is, float32 (H, W, 1), 0..1.
        tones: the luminance of the text and of its ground; a light that would hide one in the other is not used.
        line: about how high the line of text is, pixels; lengths of blur go by it.
        config: the section `camera` of the configuration.
    """
    light = _light(*scene.shape[:2], dice, config)
    if light is not None and _visible(*light, alpha, tones):
        scene = scene * light[0] + light[1]
    scene = _blur(scene, line, dice, config)
    if dice.happens(config.enlarged):
        height, width = scene.shape[:2]
        photo = _exposed(_shrunk(scene, dice.within(config.enlarged.pixels) / line, dice), dice, config)
        photo = jpeg_round(photo, round(dice.within(config.enlarged.quality)))
        photo = _grown(photo, (width, height), dice)
    else:
        photo = _exposed(scene, dice, config)
    if dice.happens(config.jpeg):
        photo = jpeg_round(photo, round(dice.within(config.jpeg.quality)))
    return photo


def _exposed(scene: np.ndarray, dice: Dice, config: SimpleNamespace) -> np.ndarray:
    """What the sensor makes of the scene, with its noise, uint8."""
    strong = dice.happens(config.noise)
    deviation = dice.within(config.noise.deviation) if strong else config.noise.least * dice.hardness
    if deviation:
        noise = np.float32(deviation) * _noise(*scene.shape[:2], dice)
        if strong and dice.random() < config.noise.shot:
            noise = noise * np.sqrt(np.maximum(scene, 0) / 128)
        scene = scene + noise
    return np.clip(scene, 0, 255).astype(np.uint8)


def jpeg(image: np.ndarray, quality: int) -> bytes:
    """The JPEG file of an RGB image, uint8 (H, W, 3)."""
    return cv2.imencode(".jpg", image[:, :, ::-1], (cv2.IMWRITE_JPEG_QUALITY, quality))[1].tobytes()


def jpeg_round(image: np.ndarray, quality: int) -> np.ndarray:
    """The RGB image after one JPEG file."""
    code = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))[1]
    return cv2.imdecode(code, cv2.IMREAD_COLOR)


def _light(height: int, width: int, dice: Dice, config: SimpleNamespace) -> tuple[np.ndarray, np.ndarray] | None:
    """What light multiplies the scene by and what it adds, float32 (height, width, 1) both; None where it is even."""
    gain, added = np.ones((height, width), np.float32), np.zeros((height, width), np.float32)
    effects = [name for name in ("light", "vignette", "glare", "exposure") if dice.happens(getattr(config, name))]
    for name in effects:
        match name:
            case "light":
                gain *= 1 + dice.within(config.light.strength) * ramp(height, width, dice)
            case "vignette":
                gain *= 1 - dice.within(config.vignette.strength) * (1 - _spot(height, width, dice, 2.0))
            case "glare":
                added += dice.within(config.glare.strength) * _spot(height, width, dice, 1.0)
            case "exposure":
                factor, more = _exposure(dice.kind(config.exposure.kinds), dice)
                gain *= factor
                added *= factor
                added += more
    return (gain[:, :, None], added[:, :, None]) if effects else None


def _exposure(kind: str, dice: Dice) -> tuple[float, float]:
    """Night, fog or too much light: a factor and a summand."""
    if kind == "dark":
        return dice.uniform(0.35, 0.8), 0.0
    if kind == "fog":
        gain = dice.uniform(0.5, 0.85)
        return gain, dice.uniform(0, 255 * (1 - gain))
    return dice.uniform(1.05, 1.4), dice.uniform(0, 20)


def _visible(gain: np.ndarray, added: np.ndarray, alpha: np.ndarray, tones: tuple[float, float]) -> bool:
    """Whether text and ground still differ in every quarter of the width that has ink."""
    text, ground = (np.clip(tone * gain + added, 0, 255) for tone in tones)
    seen, ink = alpha * np.abs(text - ground), alpha.sum((0, 2))
    edges = np.arange(4) * len(ink) // 4
    return bool((np.add.reduceat(seen.sum((0, 2)), edges) >= _LEAST * np.add.reduceat(ink, edges)).all())


def _spot(height: int, width: int, dice: Dice, size: float) -> np.ndarray:
    """A round light somewhere in the image, float32 (height, width), 0..1."""
    radius = size * dice.uniform(0.4, 1.5) * height
    x = (np.arange(width, dtype=np.float32) - dice.uniform(0, width)) / radius
    y = (np.arange(height, dtype=np.float32) - dice.uniform(0, height)) / radius
    return np.exp(-(y * y))[:, None] * np.exp(-(x * x))


def _blur(scene: np.ndarray, line: float, dice: Dice, config: SimpleNamespace) -> np.ndarray:
    """Motion, out of focus or too few pixels; else what the lens and the phone do. Lengths: at a line of 32 pixels."""
    unit = line / 32
    if not dice.happens(config.blur):
        kind = dice.kind(config.lens.kinds)
        if kind == "soft":
            low, high = config.lens.soft
            high = low + (high - low) * (0.2 + 0.8 * dice.hardness)
            return cv2.GaussianBlur(scene, (0, 0), max(0.3, unit * dice.uniform(low, high)))
        if kind == "sharpened":
            return scene + dice.within(config.lens.sharpened) * (scene - cv2.GaussianBlur(scene, (0, 0), 1.0))
        return scene
    kind = dice.kind(config.blur.kinds)
    if kind == "motion":
        length = max(3, round(dice.within(config.blur.motion) * unit))
        return cv2.filter2D(scene, -1, _motion(length, dice.uniform(0, math.pi)))
    if kind == "focus":
        return cv2.GaussianBlur(scene, (0, 0), unit * dice.within(config.blur.focus))
    height, width = scene.shape[:2]
    return _grown(_shrunk(scene, dice.within(config.blur.pixels) / line, dice), (width, height), dice)


def _motion(length: int, angle: float) -> np.ndarray:
    kernel = np.zeros((length, length), np.float32)
    middle = (length - 1) / 2
    dx, dy = middle * math.cos(angle), middle * math.sin(angle)
    ends = [(round(middle + sign * dx), round(middle + sign * dy)) for sign in (-1, 1)]
    cv2.line(kernel, *ends, 1.0, 1, cv2.LINE_AA)
    return kernel / kernel.sum()


def _shrunk(scene: np.ndarray, scale: float, dice: Dice) -> np.ndarray:
    how = dice.choice((cv2.INTER_AREA, cv2.INTER_LINEAR))
    if scale >= 1:
        return scene
    height, width = scene.shape[:2]
    return cv2.resize(scene, (max(4, round(width * scale)), max(4, round(height * scale))), interpolation=how)


def _grown(scene: np.ndarray, size: tuple[int, int], dice: Dice) -> np.ndarray:
    """Back at `size`, (width, height)."""
    return cv2.resize(scene, size, interpolation=dice.choice((cv2.INTER_LINEAR, cv2.INTER_CUBIC)))


def _noise(height: int, width: int, dice: Dice) -> np.ndarray:
    """Sensor noise, float32 (height, width, 1 or 3), deviation 1; sometimes coarse as phones leave it."""
    coarse = dice.random() < 0.3
    high, wide = (height // 2 + 1, width // 2 + 1) if coarse else (height, width)
    channels = dice.choice((1, 3))
    start = dice.randrange(_NOISE - high * wide * channels) if high * wide * channels < _NOISE else 0
    flat = _noise_pool()[start : start + high * wide * channels]
    noise = np.resize(flat, (high, wide, channels))
    return cv2.resize(noise, (width, height)).reshape(height, width, -1) if coarse else noise


@lru_cache(maxsize=1)
def _noise_pool() -> np.ndarray:
    return np.random.default_rng(21).standard_normal(_NOISE, np.float32)
