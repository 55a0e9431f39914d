"""Colours and surfaces: a legible pair of text and ground colours, procedural textures, photographs, gradients."""

import colorsys
import math
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np

from keras_textrec.synthesis.dice import Dice

Colour = np.ndarray  # float32 (3,), RGB, 0..255
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_PAINTS = (0.0, 0.0, 0.97, 0.07, 0.14, 0.14, 0.33, 0.42, 0.53, 0.58, 0.6, 0.62, 0.66)  # hues of signs
_TEXTURE = (160, 512)  # height and width of a pool texture
_PHOTOS = 100  # of a folder, kept in memory
_SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".webp"}


def colour_pair(dice: Dice, config: SimpleNamespace) -> tuple[Colour, Colour]:
    """Text and ground colour whose luminance differs visibly; `config` is the section `colour` of the configuration."""
    hard, easy = config.contrast
    least, most = easy + (hard - easy) * dice.hardness, 256.0
    if dice.happens(config.low):
        least = dice.within(config.low.step)
        most = 1.2 * least + 10
    for attempt in range(30):
        text, ground = (colour(dice, config), colour(dice, config))
        if attempt < 5 and config.photos.folder and dice.happens(config.photos):
            text, ground = _photo_pair(dice, config.photos.folder)
        if least <= contrast(text, ground) <= most:
            return text, ground
    light = float(ground @ LUMA)
    if light > 128:
        return ground * np.float32(max(0.0, 1 - 1.1 * least / light)), ground
    return ground + np.float32(1.1 * least) * (255 - ground) / np.float32(255 - light), ground


def contrast(first: Colour, second: Colour) -> float:
    """The luminance step between two colours, 0..255."""
    return abs(float((first - second) @ LUMA))


def colour(dice: Dice, config: SimpleNamespace) -> Colour:
    """A colour of signs, walls and letters."""

    def around(value: float, less: float, more: float) -> list[float]:
        return [value + dice.uniform(-less, more) for _ in range(3)]

    def painted(hue: float, saturation: tuple[float, float], value: tuple[float, float]) -> list[float]:
        return [255 * c for c in colorsys.hsv_to_rgb(hue % 1, dice.uniform(*saturation), dice.uniform(*value))]

    match dice.kind(config.kinds):
        case "white":
            rgb = around(dice.uniform(205, 255), 12, 6)
        case "black":
            rgb = around(dice.uniform(0, 55), 8, 12)
        case "grey":
            rgb = around(dice.uniform(50, 210), 15, 15)
        case "paint":
            hue = dice.choice(_PAINTS) + dice.gauss(0, 0.02) if dice.random() < 0.85 else dice.random()
            rgb = painted(hue, (0.45, 1), (0.3, 0.97))
        case "dull":
            rgb = painted(dice.random(), (0.1, 0.5), (0.2, 0.9))
        case _:  # wood, brick, gold
            rgb = painted(dice.uniform(0.02, 0.15), (0.3, 0.9), (0.3, 1))
    return np.clip(np.array(rgb, np.float32), 0, 255)


def surface(
    height: int, width: int, colour: Colour, dice: Dice, config: SimpleNamespace, contrast: float = 255.0
) -> np.ndarray:
    """A surface of about `colour`, float32 (height, width, 3): plain, shaded, textured, or a piece of a photograph.

    Its unevenness stays well below `contrast`, the luminance step that must stay visible on it.
    """
    plane = np.empty((height, width, 3), np.float32)
    plane[:] = colour
    if config.photos.folder and dice.happens(config.photos):
        piece = _photo(height, width, dice, config.photos.folder)
        piece -= piece.mean((0, 1))
        plane += piece * np.float32(min(1.0, 0.35 * contrast / (float(piece.std()) + 1)))
    elif dice.happens(config.texture):
        low, high = config.texture.strength
        strength = min(low + (high - low) * dice.random() ** 2, 0.3 * contrast)
        tint = np.array([1 + dice.uniform(-0.3, 0.3) for _ in range(3)], np.float32) * strength
        plane += texture(height, width, dice)[:, :, None] * tint
    if dice.happens(config.shading):
        change = np.array([dice.gauss(0, min(config.shading.strength, 0.5 * contrast)) for _ in range(3)], np.float32)
        plane += ramp(height, width, dice)[:, :, None] * change
    return plane


def things(plane: np.ndarray, dice: Dice, config: SimpleNamespace) -> None:
    """Paints one to three foreign objects (poles, frames, edges of the sign) into `plane`, in place."""
    height, width = plane.shape[:2]
    for _ in range(dice.randint(1, 3)):
        tone = tuple(map(float, colour(dice, config)))
        if dice.random() < 0.5:
            ends = [
                (dice.randint(-9, width + 9), dice.choice((-5, height + 5))),
                (dice.randint(-9, width + 9), height // 2),
            ]
            cv2.line(plane, *ends, tone, dice.randint(1, max(2, height // 6)), cv2.LINE_AA)
        elif dice.random() < 0.7:
            edge = dice.uniform(0.03, 0.2)
            bar(plane, *((0, edge) if dice.random() < 0.5 else (1 - edge, 1)), dice, tone)
        else:
            centre = (dice.randint(0, width), dice.randint(0, height))
            cv2.circle(plane, centre, dice.randint(2, max(3, height // 2)), tone, -1, cv2.LINE_AA)


def bar(plane: np.ndarray, top: float, bottom: float, dice: Dice, tone: tuple[float, ...]) -> None:
    """Paints a bar, rather level, from side to side of `plane`, in place; its edges in parts of the height."""
    slope = dice.uniform(-0.1, 0.1)
    shape = [(0, top + slope), (1, top - slope), (1, bottom - slope), (0, bottom + slope)]
    points = (np.array(shape) * plane.shape[1::-1]).astype(np.int32)
    cv2.fillPoly(plane, [points], tone, cv2.LINE_AA)


@lru_cache(maxsize=2)
def photos(folder: str) -> list[np.ndarray]:
    """Some photographs of a folder, the same in every process, uint8 (H, W, 3) RGB, at most 512 pixels a side."""
    files = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in _SUFFIXES)
    photos = []
    for path in files[:: math.ceil(len(files) / _PHOTOS) or 1]:
        photo = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if photo is not None and min(photo.shape[:2]) >= 64:
            scale = min(1.0, 512 / max(photo.shape[:2]))
            photos.append(cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[:, :, ::-1])
    if not photos:
        raise FileNotFoundError(f"colour.photos.folder: {folder} holds no photograph (of at least 64 x 64 pixels).")
    return photos


def _photo(height: int, width: int, dice: Dice, folder: str) -> np.ndarray:
    """A piece of a photograph, float32 (height, width, 3)."""
    photo = dice.choice(photos(folder))
    high = dice.randint(32, min(160, photo.shape[0]))
    wide = min(photo.shape[1], max(32, high * width // height))
    y, x = dice.randint(0, photo.shape[0] - high), dice.randint(0, photo.shape[1] - wide)
    return cv2.resize(np.ascontiguousarray(photo[y : y + high, x : x + wide]), (width, height)).astype(np.float32)


def _photo_pair(dice: Dice, folder: str) -> tuple[Colour, Colour]:
    """The two colours that a piece of a photograph is made of; the ground is the one with more of it."""
    pixels = _photo(16, 16, dice, folder).reshape(-1, 3)
    light = pixels @ LUMA
    labels = (light > light.mean()).astype(np.int32)[:, None]  # a start of our own: cv2's is not ours to seed
    ends = (cv2.TERM_CRITERIA_MAX_ITER, 8, 0)
    _, labels, centres = cv2.kmeans(pixels, 2, labels, ends, 1, cv2.KMEANS_USE_INITIAL_LABELS)
    return (centres[0], centres[1]) if labels.mean() > 0.5 else (centres[1], centres[0])


def texture(height: int, width: int, dice: Dice) -> np.ndarray:
    """A crop of a pool texture, float32 (height, width), mean 0 and deviation 1."""
    pool = _textures()
    plane = pool[dice.randrange(len(pool))]
    if dice.random() < 0.5:
        plane = plane[::-1]
    if dice.random() < 0.5:
        plane = plane[:, ::-1]
    zoom = dice.choice((1, 1, 2, 3))
    high, wide = min(-(-height // zoom), _TEXTURE[0]), min(-(-width // zoom), _TEXTURE[1])
    y, x = dice.randint(0, _TEXTURE[0] - high), dice.randint(0, _TEXTURE[1] - wide)
    crop = plane[y : y + high, x : x + wide]
    return crop if crop.shape == (height, width) else cv2.resize(np.ascontiguousarray(crop), (width, height))


def ramp(height: int, width: int, dice: Dice) -> np.ndarray:
    """A linear gradient in a random direction, float32 (height, width), about -0.5..0.5."""
    across, down = dice.uniform(-1, 1), dice.uniform(-1, 1)
    x = np.linspace(-across / 2, across / 2, width, dtype=np.float32)
    y = np.linspace(-down / 2, down / 2, height, dtype=np.float32)
    return y[:, None] + x


@lru_cache(maxsize=1)
def _textures() -> list[np.ndarray]:
    """The pool: cloudy noise, grain, stripes, planks, bricks; the same in every process."""
    generator = np.random.default_rng(20)
    pool = []
    for number in range(48):
        kind = number % 6
        plane = _clouds(generator, slope=generator.uniform(0.7, 1.8), stretch=4.0 if kind == 3 else 1.0)
        if kind == 2:
            period = generator.uniform(4, 40)
            y, x = np.mgrid[: _TEXTURE[0], : _TEXTURE[1]]
            slant = generator.uniform(-1, 1)
            plane = 0.4 * plane + np.sign(np.sin((x * slant + y * (1 - abs(slant))) * 2 * np.pi / period))
        elif kind == 4:
            high, wide = int(generator.integers(8, 24)), int(generator.integers(20, 60))
            y, x = np.mgrid[: _TEXTURE[0], : _TEXTURE[1]]
            row = y // high
            joint = (y % high < 2) | ((x + row % 2 * (wide // 2)) % wide < 2)
            tone = generator.normal(size=(_TEXTURE[0] // high + 1, _TEXTURE[1] // wide + 2))
            plane = 0.5 * plane + 0.6 * tone[row, (x + row % 2 * (wide // 2)) // wide] + 2 * joint
        elif kind == 5:
            plane = np.tanh(3 * plane)  # blotches with edges
        plane = cv2.GaussianBlur(plane.astype(np.float32), (0, 0), 0.7)
        pool.append((plane - plane.mean()) / plane.std())
    return pool


def _clouds(generator: np.random.Generator, slope: float, stretch: float) -> np.ndarray:
    """Noise whose amplitude falls with frequency like f^-slope."""
    height, width = _TEXTURE
    spectrum = np.fft.rfft2(generator.normal(size=_TEXTURE))
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], stretch * np.fft.rfftfreq(width)[None])
    frequency[0, 0] = 1
    plane = np.fft.irfft2(spectrum / frequency**slope, s=_TEXTURE)
    return (plane - plane.mean()) / plane.std()
