"""Whatever a user calls an image, as uint8 (height, width, 3), RGB, right side up."""

import io
import os
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np

# One row or column of pixels holds no text; such an image is a broken crop.
SHORTEST_SIDE = 2

PNG = b"\x89PNG\r\n\x1a\n"

# OpenCV's names for what a JPEG is decoded to: a part of its size, in the colours that the other flags ask for.
_REDUCED = {8: cv2.IMREAD_REDUCED_GRAYSCALE_8, 4: cv2.IMREAD_REDUCED_GRAYSCALE_4, 2: cv2.IMREAD_REDUCED_GRAYSCALE_2}

# Markers of a JPEG that start a frame, whose header holds the size: SOF0 to SOF15 without DHT, JPG and DAC.
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def load_image(image: Any) -> np.ndarray:
    """Reads one image.

    Args:
        image: a path (str or Path), the bytes of an image file, a PIL image, or an array: uint8, uint16 (scaled to
            8 bit) or float (0 to 1), of the shape (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA.

    Returns:
        uint8 (H, W, 3), RGB: the EXIF rotation applied, transparent parts over white.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is empty, no image or cut off, or the array's shape, type or values are not an image's.
        TypeError: something else than the above was given.
    """
    if isinstance(image, (str, os.PathLike)):
        path = Path(image)
        if not path.exists():
            raise FileNotFoundError(f"There is no image {path}.")
        if path.is_dir():
            raise ValueError(f"{path} is a folder; give an image file.")
        return decode(path.read_bytes(), str(path))
    if isinstance(image, (bytes, bytearray, memoryview)):
        return decode(bytes(image))
    if hasattr(image, "getexif") and hasattr(image, "convert"):
        return _from_pil(image, "The PIL image")
    if hasattr(image, "__array__"):
        return _from_array(np.asarray(image), "The array")
    raise TypeError(f"An image is a path, the bytes of a file, a PIL image or an array, not {type(image).__name__}.")


def decode(data: bytes, name: str = "The image", side: int | None = None) -> np.ndarray:
    """The bytes of an image file as uint8 (H, W, 3), RGB. ValueError as for `load_image`.

    Args:
        name: stands in errors.
        side: for images to be shrunk: both sides are to stay at least this long, so a large JPEG may come at a half,
            a quarter or an eighth of its size, which takes less time. None: every image in full.
    """
    if not data:
        raise ValueError(f"{name} is empty: 0 bytes.")
    if _has_alpha(data):
        # cv2 either drops the alpha channel or ignores the EXIF rotation.
        return _from_pil(io.BytesIO(data), name)
    if data.startswith(b"\xff\xd8") and not data.endswith(b"\xff\xd9") and _is_cut_jpeg(data):
        raise ValueError(f"{name} is a JPEG cut off after {len(data)} bytes; copy or download it again.")
    try:
        flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_ANYDEPTH | (_reduction(data, side) if side else 0)
        array = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise ValueError(f"{name} cannot be decoded: {error.err}.") from error
    if array is None:
        raise ValueError(f"{name} is not an image, or is damaged ({len(data)} bytes, starting with {data[:8]!r}).")
    return _from_array(array, name)


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Height and width in a JPEG's header, before any EXIF rotation; None of another file."""
    place = 2 if data.startswith(b"\xff\xd8") else len(data)
    while place + 9 <= len(data) and data[place] == 0xFF:
        if data[place + 1] in _FRAMES:
            return struct.unpack(">HH", data[place + 5 : place + 9])
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return None


def _reduction(data: bytes, side: int) -> int:
    """OpenCV's flag for the smallest decoding of a JPEG whose sides are at least so long; 0 is in full."""
    if len(data) < 64 * side:  # hardly a word of twice that height, so not worth a look
        return 0
    shorter = min(jpeg_size(data) or (0, 0))
    return next((flag for factor, flag in _REDUCED.items() if shorter >= factor * side), 0)


def _has_alpha(data: bytes) -> bool:
    """Whether a PNG or WebP file has transparency, from its header."""
    if data.startswith(PNG):
        return data[25:26] in (b"\x04", b"\x06") or b"tRNS" in data[: data.find(b"IDAT")]
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP" and len(data) > 24:
        flags = {b"VP8X": data[20], b"VP8L": data[24]}.get(data[12:16], 0)
        return bool(flags & 0x10)
    return False


def _is_cut_jpeg(data: bytes) -> bool:
    """Whether no end marker follows the last scan's start (a thumbnail in front has an end marker too, and some files
    have bytes after the end). OpenCV up to 4 shows the missing rows as grey."""
    return data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda")


def _from_pil(image: Any, name: str) -> np.ndarray:
    """A PIL image, or an open file that only PIL reads right, as `load_image` gives it."""
    from PIL import Image, ImageOps

    try:
        if isinstance(image, io.BytesIO):
            image = Image.open(image)
        image = ImageOps.exif_transpose(image)
        if image.mode == "F" or image.mode.startswith("I"):  # float, or more than 8 bits: convert() would clip
            array = np.asarray(image)
            return _from_array(array.astype("uint16") if array.dtype == "int32" else array, name)
        alpha = image.mode.upper() in ("RGBA", "LA") or "transparency" in image.info
        array = np.asarray(image.convert("RGBA" if alpha else "RGB"))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:  # what PIL raises for files
        raise ValueError(f"{name} is damaged, or not an image: {error}.") from error
    return _from_array(array, name)


def _from_array(array: np.ndarray, name: str) -> np.ndarray:
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[-1] not in (1, 3, 4):
        raise ValueError(f"{name} has the shape {array.shape}; give (H, W), (H, W, 1), (H, W, 3) or (H, W, 4).")
    height, width = array.shape[:2]
    if min(height, width) < SHORTEST_SIDE:
        raise ValueError(f"{name} is {height} x {width} pixels (height x width): too small to hold text.")
    array = _to_uint8(array, name)
    if array.shape[-1] == 1:
        array = np.repeat(array, 3, -1)
    elif array.shape[-1] == 4:
        color, alpha = array[..., :3].astype("uint16"), array[..., 3:].astype("uint16")
        array = ((color * alpha + 255 * (255 - alpha) + 127) // 255).astype("uint8")
    return np.ascontiguousarray(array)


def _to_uint8(array: np.ndarray, name: str) -> np.ndarray:
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.uint16:
        return ((array.astype("uint32") + 128) // 257).astype("uint8")
    if array.dtype.kind == "f":
        low, high = array.min(), array.max()
        if not (low >= 0 and high <= 1):  # also when NaN
            raise ValueError(f"{name} holds floats from {low:g} to {high:g}; give 0 to 1, or uint8 for 0 to 255.")
        return np.round(array * 255).astype("uint8")
    raise ValueError(f"{name} has the type {array.dtype}; give uint8 (0 to 255), uint16, or float (0 to 1).")
