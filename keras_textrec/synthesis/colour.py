"""Colours and surfaces: a legible pair of text and ground colours, procedural textures, gradients."""

import colorsys
import random
from functools import lru_cache

import cv2
import numpy as np

Colour = np.ndarray  # float32 (3,), RGB, 0..255
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_PAINTS = (0.0, 0.0, 0.97, 0.07, 0.14, 0.14, 0.33, 0.42, 0.53, 0.58, 0.6, 0.62, 0.66)  # hues of signs
_TEXTURE = (160, 512)  # height and width of a pool texture


def colour_pair(rng: random.Random, hardness: float = 1.0) -> tuple[Colour, Colour]:
    """Text and ground colour whose luminance differs by at least 22 (of 255), and by 110 when `hardness` is 0."""
    low = rng.random() < 0.2 * hardness
    least = rng.uniform(22, 60) if low else 60 + 50 * (1 - hardness)
    most = least + 35 if low else 256.0
    for _ in range(30):
        text, ground = _colour(rng), _colour(rng)
        if least <= contrast(text, ground) <= most:
            return text, ground
    if float(ground @ _LUMA) > 128:
        return ground * np.float32(max(0.0, 1 - 1.3 * least / float(ground @ _LUMA))), ground
    return np.minimum(ground + np.float32(1.3 * least), 255), ground


def contrast(first: Colour, second: Colour) -> float:
    """The luminance step between two colours, 0..255."""
    return abs(float((first - second) @ _LUMA))


def _colour(rng: random.Random) -> Colour:
    kind = rng.random()
    if kind < 0.22:  # near white
        value = rng.uniform(205, 255)
        rgb = [value + rng.uniform(-12, 6) for _ in range(3)]
    elif kind < 0.42:  # near black
        value = rng.uniform(0, 55)
        rgb = [value + rng.uniform(-8, 12) for _ in range(3)]
    elif kind < 0.56:  # grey, a little tinted
        value = rng.uniform(50, 210)
        rgb = [value + rng.uniform(-15, 15) for _ in range(3)]
    elif kind < 0.8:  # paint
        hue = rng.choice(_PAINTS) + rng.gauss(0, 0.02) if rng.random() < 0.75 else rng.random()
        rgb = [255 * c for c in colorsys.hsv_to_rgb(hue % 1, rng.uniform(0.45, 1), rng.uniform(0.3, 0.97))]
    elif kind < 0.92:  # dull
        rgb = [255 * c for c in colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.1, 0.5), rng.uniform(0.2, 0.9))]
    else:  # wood, brick, gold
        rgb = [
            255 * c for c in colorsys.hsv_to_rgb(rng.uniform(0.02, 0.15), rng.uniform(0.3, 0.9), rng.uniform(0.3, 1))
        ]
    return np.clip(np.array(rgb, np.float32), 0, 255)


def any_colour(rng: random.Random) -> Colour:
    """A colour of the same palette, without regard to others."""
    return _colour(rng)


def surface(
    height: int, width: int, colour: Colour, rng: random.Random, hardness: float = 1.0, contrast: float = 255.0
) -> np.ndarray:
    """A surface of about `colour`, float32 (height, width, 3): plain, shaded, textured.

    Its unevenness stays well below `contrast`, the luminance step that must stay visible on it.
    """
    plane = np.empty((height, width, 3), np.float32)
    plane[:] = colour
    if rng.random() < 0.45 * hardness:
        strength = min(rng.uniform(5, 22) if rng.random() < 0.75 else rng.uniform(22, 60), 0.3 * contrast)
        tint = np.array([1 + rng.uniform(-0.3, 0.3) for _ in range(3)], np.float32) * strength
        plane += texture(height, width, rng)[:, :, None] * tint
    if rng.random() < 0.3 * hardness:
        other = colour + np.array([rng.gauss(0, min(28, 0.5 * contrast)) for _ in range(3)], np.float32)
        plane += ramp(height, width, rng)[:, :, None] * (other - colour)
    return plane


def patches(plane: np.ndarray, rng: random.Random) -> None:
    """Paints one to three foreign objects (poles, frames, edges of the sign) into `plane`, in place."""
    height, width = plane.shape[:2]
    for _ in range(rng.randint(1, 3)):
        colour = tuple(map(float, _colour(rng)))
        if rng.random() < 0.5:
            ends = [
                (rng.randint(-9, width + 9), rng.choice((-5, height + 5))),
                (rng.randint(-9, width + 9), height // 2),
            ]
            cv2.line(plane, *ends, colour, rng.randint(1, max(2, height // 6)), cv2.LINE_AA)
        elif rng.random() < 0.7:
            edge = rng.uniform(0.03, 0.2)
            top, bottom = (0, edge) if rng.random() < 0.5 else (1 - edge, 1)
            slope = rng.uniform(-0.1, 0.1)
            shape = [(0, top + slope), (1, top - slope), (1, bottom - slope), (0, bottom + slope)]
            points = (np.array(shape) * (width, height)).astype(np.int32)
            cv2.fillPoly(plane, [points], colour, cv2.LINE_AA)
        else:
            centre = (rng.randint(0, width), rng.randint(0, height))
            cv2.circle(plane, centre, rng.randint(2, max(3, height // 2)), colour, -1, cv2.LINE_AA)


def texture(height: int, width: int, rng: random.Random) -> np.ndarray:
    """A crop of a pool texture, float32 (height, width), mean 0 and deviation 1."""
    pool = _textures()
    plane = pool[rng.randrange(len(pool))]
    if rng.random() < 0.5:
        plane = plane[::-1]
    if rng.random() < 0.5:
        plane = plane[:, ::-1]
    zoom = rng.choice((1, 1, 2, 3))
    high, wide = min(-(-height // zoom), _TEXTURE[0]), min(-(-width // zoom), _TEXTURE[1])
    y, x = rng.randint(0, _TEXTURE[0] - high), rng.randint(0, _TEXTURE[1] - wide)
    crop = plane[y : y + high, x : x + wide]
    return crop if crop.shape == (height, width) else cv2.resize(np.ascontiguousarray(crop), (width, height))


def ramp(height: int, width: int, rng: random.Random) -> np.ndarray:
    """A linear gradient in a random direction, float32 (height, width), about -0.5..0.5."""
    across, down = rng.uniform(-1, 1), rng.uniform(-1, 1)
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
