"""Whatever a user calls an image, as uint8 (height, width, 3), RGB, right side up."""

import io
import math
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from keras_textrec.images.formats import header_size, is_cut, is_heif, opencv_suffices, pillow_formats

# One row or column of pixels holds no text; such an image is a broken crop. OpenCV warps no image with a longer side.
SHORTEST_SIDE, LONGEST_SIDE = 2, 32766

# OpenCV's names for what a JPEG is decoded to: a part of its size, in the colours that the other flags ask for.
_REDUCED = {8: cv2.IMREAD_REDUCED_GRAYSCALE_8, 4: cv2.IMREAD_REDUCED_GRAYSCALE_4, 2: cv2.IMREAD_REDUCED_GRAYSCALE_2}

# Of what is visible of a transparent image: from this mean brightness on letters are light; up to this standard
# deviation it is letters alone; up to this opacity it counts as nothing. (Of 220 words drawn on transparent
# ground, in 22 ways, crnn_small_en reads 219 on the ground that is chosen so, and 191 on white.)
_LIGHT, _PLAIN, _FAINT = 160, 25, 15
_LEVELS = np.arange(256)


def load_image(image: Any) -> np.ndarray:
    """Reads one image.

    Args:
        image: a path (str or Path), the bytes of an image file, an open file or `io.BytesIO` (whatever has `read()`;
            read from its start), a PIL image, or an array: uint8, uint16 (scaled to 8 bit) or float (0 to 1), of the
            shape (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA. Of a PIL image of mode I, numbers up to 255 are
            taken for 8 bits, up to 65,535 for 16.

    Returns:
        uint8 (H, W, 3), RGB: the rotation that the file asks for applied, transparent parts white or black, whichever
        shows what is visible. Where that is of about one brightness, as letters alone are, they are white, and black
        behind light letters. Where it has a contrast of its own, as a label or outlined letters have, they go on as its
        edge: black where that is darker than the whole, else white.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is empty, no image or damaged, or the array's shape, type or values are not an image's.
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
    if hasattr(image, "read"):
        return decode(_content(image), "The open file")
    raise TypeError(
        f"An image is a path, the bytes of a file, an open file, a PIL image or an array, not {type(image).__name__}."
    )


def decode(data: bytes, name: str = "The image", side: int | None = None) -> np.ndarray:
    """The bytes of an image file as uint8 (H, W, 3), RGB. ValueError as for `load_image`.

    Args:
        name: stands in errors.
        side: for images to be shrunk: both sides are to stay at least this long, so a large JPEG may come at a half,
            a quarter or an eighth of its size, which takes less time. None: every image in full.
    """
    if not data:
        raise ValueError(f"{name} is empty: 0 bytes.")
    if not opencv_suffices(data):
        image = _open(data, name)
        # A TIFF of 16-bit colours would come cut to 8 bits, one of LAB colours not at all.
        if image is not None and not (image.format == "TIFF" and image.mode in ("RGB", "LAB")):
            return _from_pil(image, name)
    if is_cut(data):
        raise ValueError(f"{name} is cut off after {len(data)} bytes; copy or download it again.")
    try:
        # To RGB, OpenCV brings 16-bit colours of a TIFF wrongly (4.12, 5.0).
        color = cv2.IMREAD_COLOR_BGR if data[:2] in (b"II", b"MM") else cv2.IMREAD_COLOR_RGB
        flags = color | cv2.IMREAD_ANYDEPTH | (_reduction(data, side) if side else 0)
        array = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        if array is not None and color == cv2.IMREAD_COLOR_BGR:
            array = array[..., ::-1]
    except Exception as error:
        raise _damaged(name, error) from error
    if array is None and is_heif(data):
        raise ValueError(
            f"{name} is a HEIC image, which cannot be decoded here; save it as JPEG or PNG, or install pillow-heif "
            "and call pillow_heif.register_heif_opener() first."
        )
    if array is None:
        raise ValueError(f"{name} is not an image, or is damaged ({len(data)} bytes, starting with {data[:8]!r}).")
    return _from_array(array, name)


def _content(file: Any) -> bytes:
    """All of an open file, wherever it has been read to."""
    if hasattr(file, "seekable") and file.seekable():
        file.seek(0)
    data = file.read()
    if not isinstance(data, bytes):
        raise TypeError(f"read() of the open file gives {type(data).__name__}, not bytes; open it in binary mode.")
    return data


def _reduction(data: bytes, side: int) -> int:
    """OpenCV's flag for the smallest decoding of a JPEG whose sides are at least so long; 0 is in full."""
    if len(data) < 64 * side or not data.startswith(b"\xff\xd8"):  # hardly a word of twice that height
        return 0
    shorter = min(header_size(data) or (0, 0))
    return next((flag for factor, flag in _REDUCED.items() if shorter >= factor * side), 0)


def _open(data: bytes, name: str) -> Any:
    """A PIL image of which only the header is read; None of what Pillow does not know."""
    from PIL import Image, UnidentifiedImageError

    try:
        return Image.open(io.BytesIO(data), formats=pillow_formats())
    except UnidentifiedImageError:
        return None
    except Exception as error:
        raise _damaged(name, error) from error


def _from_pil(image: Any, name: str) -> np.ndarray:
    """A PIL image as `load_image` gives it."""
    from PIL import ImageOps

    _check_size(image.height, image.width, name)
    try:
        image = ImageOps.exif_transpose(image)
        if image.mode == "F" or image.mode.startswith("I"):  # float, or more than 8 bits: convert() would clip
            array = np.asarray(image)
        elif image.has_transparency_data:
            # "La" has no way to RGBA but this.
            array = np.asarray((image.convert("LA") if image.mode == "La" else image).convert("RGBA"))
        else:
            array = np.asarray(image.convert("RGB"))
    except Exception as error:
        raise _damaged(name, error) from error
    return _from_array(_narrow(array, name) if array.dtype == np.int32 else array, name)


def _damaged(name: str, error: Exception) -> ValueError:
    """The one error for whatever an image library raises. Of damaged files that can be anything: Pillow's plug-ins
    raise struct.error, SyntaxError, OverflowError, ZeroDivisionError, AttributeError and more."""
    reason = getattr(error, "err", None) or str(error) or type(error).__name__
    return ValueError(f"{name} is damaged, or not an image: {reason.rstrip('.')}.")


def _narrow(array: np.ndarray, name: str) -> np.ndarray:
    """Whole numbers, int32, as uint8 or uint16, whichever they were meant for."""
    low, high = int(array.min(initial=0)), int(array.max(initial=0))
    if low < 0 or high > 65535:
        raise ValueError(f"{name} holds numbers from {low} to {high}; give 0 to 255, or 0 to 65535.")
    return array.astype("uint8" if high <= 255 else "uint16")


def _from_array(array: np.ndarray, name: str) -> np.ndarray:
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[-1] not in (1, 3, 4):
        raise ValueError(f"{name} has the shape {array.shape}; give (H, W), (H, W, 1), (H, W, 3) or (H, W, 4).")
    _check_size(*array.shape[:2], name)
    array = _to_uint8(array, name)
    if array.shape[-1] == 1:
        array = np.repeat(array, 3, -1)
    elif array.shape[-1] == 4:
        array = _on_ground(np.ascontiguousarray(array[..., :3]), array[..., 3])
    return np.ascontiguousarray(array)


def _check_size(height: int, width: int, name: str) -> None:
    if min(height, width) < SHORTEST_SIDE or max(height, width) > LONGEST_SIDE:
        what = "too small to hold text" if min(height, width) < SHORTEST_SIDE else "too large, or damaged"
        raise ValueError(f"{name} is {height} x {width} pixels (height x width): {what}.")


def _on_ground(color: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """An image, uint8 (H, W, 3), of an opacity, uint8 (H, W), on the ground that shows it (see `load_image`)."""
    if alpha.min() == 255:
        return color
    black = _shows_on_black(color, alpha)
    over_black = cv2.multiply(color if black else 255 - color, cv2.merge([alpha] * 3), scale=1 / 255)
    return over_black if black else 255 - over_black


def _shows_on_black(color: np.ndarray, alpha: np.ndarray) -> bool:
    step = 1 + math.isqrt(alpha.size >> 20)  # about a million pixels tell it as well as more
    brightness, alpha = cv2.cvtColor(color, cv2.COLOR_RGB2GRAY)[::step, ::step], alpha[::step, ::step]
    shares = np.bincount(brightness.ravel(), alpha.ravel(), 256) / max(1, alpha.sum())  # of each level, in what is seen
    mean = shares @ _LEVELS
    if math.sqrt(shares @ (_LEVELS - mean) ** 2) <= _PLAIN:
        return mean >= _LIGHT
    absent = (alpha <= _FAINT).astype("uint8")
    edge = cv2.dilate(absent, np.ones((3, 3), "uint8")) > absent
    return edge.any() and np.median(brightness[edge]) < mean


def _to_uint8(array: np.ndarray, name: str) -> np.ndarray:
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind == "u" and array.dtype.itemsize == 2:  # of either byte order
        return ((array.astype("uint32") + 128) // 257).astype("uint8")
    if array.dtype.kind == "f":
        low, high = array.min(), array.max()
        if not (low >= 0 and high <= 1):  # also when NaN
            raise ValueError(f"{name} holds floats from {low:g} to {high:g}; give 0 to 1, or uint8 for 0 to 255.")
        return np.round(array * 255).astype("uint8")
    raise ValueError(f"{name} has the type {array.dtype}; give uint8 (0 to 255), uint16, or float (0 to 1).")
