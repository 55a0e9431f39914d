import io

import cv2
import numpy as np
import pytest
from PIL import Image

from keras_textrec.images import decode, load_image

pytestmark = pytest.mark.once

HEIGHT, WIDTH = 24, 40


@pytest.fixture(scope="module")
def rgb():
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype="uint8")
    return cv2.GaussianBlur(noise, (9, 9), 3)


def encode(image, format, **options):
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, format, **options)
    return file.getvalue()


def png(array):
    """A PNG of an RGB or grey array of 8 or 16 bits."""
    return cv2.imencode(".png", array[..., ::-1] if array.ndim == 3 else array)[1].tobytes()


def difference(a, b):
    assert a.shape == b.shape and a.dtype == np.uint8
    return np.abs(a.astype(int) - b).max()


# === What is accepted ===


def test_path_bytes_pil_and_array_agree(rgb, tmp_path):
    path = tmp_path / "word.png"
    path.write_bytes(png(rgb))
    data = path.read_bytes()
    files = path, str(path), data, bytearray(data), memoryview(data)
    for image in (*files, Image.open(path), Image.fromarray(rgb), rgb):
        np.testing.assert_array_equal(load_image(image), rgb)


@pytest.mark.parametrize("format", ["BMP", "TIFF", "PNG", "GIF"])
def test_lossless_formats(rgb, format):
    expected = np.asarray(Image.fromarray(rgb).quantize().convert("RGB")) if format == "GIF" else rgb
    data = encode(Image.fromarray(rgb).quantize() if format == "GIF" else rgb, format)
    assert difference(load_image(data), expected) <= 1


def test_grey(rgb):
    grey = rgb[..., 0]
    expected = np.repeat(grey[..., None], 3, -1)
    for image in (grey, grey[..., None], png(grey), encode(grey, "TIFF"), Image.fromarray(grey)):
        np.testing.assert_array_equal(load_image(image), expected)
    black_white = Image.fromarray(grey).convert("1")
    for image in (black_white, encode(black_white, "PNG")):
        np.testing.assert_array_equal(load_image(image), np.asarray(black_white.convert("RGB")))


def test_16_bits_are_scaled_to_8(rgb):
    deep = np.random.default_rng(1).integers(0, 65536, (HEIGHT, WIDTH, 3), dtype="uint16")
    expected = np.round(deep / 257).astype("uint8")
    for image in (deep, png(deep)):
        np.testing.assert_array_equal(load_image(image), expected)
    grey = deep[..., 1]
    expected = np.repeat(expected[..., 1:2], 3, -1)
    for image in (grey, png(grey), Image.fromarray(grey), Image.open(io.BytesIO(png(grey)))):
        np.testing.assert_array_equal(load_image(image), expected)


def test_floats(rgb):
    for dtype in ("float64", "float32"):
        np.testing.assert_array_equal(load_image(rgb.astype(dtype) / 255), rgb)


def test_transparent_parts_are_white(rgb):
    alpha = np.zeros((HEIGHT, WIDTH, 1), "uint8")
    alpha[:, : WIDTH // 2] = 255
    alpha[:, 5] = 128
    rgba = np.concatenate([rgb, alpha], -1)
    expected = np.round(rgb * (alpha / 255) + 255 * (1 - alpha / 255)).astype("uint8")
    for image in (rgba, Image.fromarray(rgba), encode(rgba, "PNG"), encode(rgba, "WEBP", lossless=True, exact=True)):
        assert difference(load_image(image), expected) <= 1
    grey_alpha = Image.fromarray(rgba).convert("LA")
    expected = load_image(np.asarray(grey_alpha.convert("RGBA")))
    for image in (grey_alpha, encode(grey_alpha, "PNG")):
        np.testing.assert_array_equal(load_image(image), expected)
    palette = Image.fromarray(rgb).quantize(16)
    transparent = palette.getpixel((0, 0))
    data = encode(palette, "PNG", transparency=transparent)
    expected = np.asarray(palette.convert("RGB")).copy()
    expected[np.asarray(palette) == transparent] = 255
    np.testing.assert_array_equal(load_image(data), expected)
    np.testing.assert_array_equal(load_image(Image.open(io.BytesIO(data))), expected)


def test_cmyk(rgb):
    cmyk = Image.fromarray(rgb).convert("CMYK")
    for image in (cmyk, encode(cmyk, "JPEG", quality=98), encode(cmyk, "TIFF")):
        assert difference(load_image(image), rgb) <= 8


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation(rgb, orientation):
    transforms = [
        lambda a: a,
        lambda a: a[:, ::-1],
        lambda a: a[::-1, ::-1],
        lambda a: a[::-1],
        lambda a: a.transpose(1, 0, 2),
        lambda a: np.rot90(a, -1),
        lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        lambda a: np.rot90(a, 1),
    ]
    exif = Image.Exif()
    exif[0x112] = orientation
    upright = transforms[orientation - 1](rgb)
    opaque = np.full((HEIGHT, WIDTH, 1), 255, "uint8")
    for data, tolerance in (
        (encode(rgb, "JPEG", quality=98, subsampling=0, exif=exif), 6),
        (encode(rgb, "PNG", exif=exif), 0),
        (encode(np.concatenate([rgb, opaque], -1), "PNG", exif=exif), 0),
    ):
        assert difference(load_image(data), upright) <= tolerance
        assert difference(load_image(Image.open(io.BytesIO(data))), upright) <= tolerance


# === Decoding a part of a large JPEG's size ===


@pytest.mark.parametrize(
    "size, shape", [((63, 150), (63, 150)), ((64, 150), (32, 75)), ((300, 200), (75, 50)), ((9, 9), (9, 9))]
)
def test_a_large_jpeg_may_come_smaller(size, shape):
    scene = cv2.resize(np.random.default_rng(0).integers(0, 256, (5, 9, 3), "uint8"), size[::-1])
    for options in ({}, {"progressive": True}, {"exif": turned_exif()}):
        data = encode(scene, "JPEG", quality=99, **options) + bytes(4096)
        full, part = decode(data), decode(data, side=32)
        assert full.shape[:2] == (size[::-1] if "exif" in options else size)
        assert part.shape[:2] == (shape[::-1] if "exif" in options else shape)
        assert difference(part, cv2.resize(full, part.shape[1::-1], interpolation=cv2.INTER_AREA)) <= 24


def turned_exif():
    exif = Image.Exif()
    exif[0x112] = 6
    return exif


def test_other_files_come_in_full():
    image = np.random.default_rng(0).integers(0, 256, (130, 200, 3), "uint8")
    half = np.dstack([image, image[..., 0]])
    for data in (png(image), encode(half, "PNG"), encode(image, "WEBP"), encode(image, "BMP")):
        np.testing.assert_array_equal(decode(data, side=32), decode(data))
    data = encode(image, "JPEG")
    with pytest.raises(ValueError, match="cut off"):
        decode(data[: len(data) // 2], side=32)
    with pytest.raises(ValueError, match="not an image, or is damaged"):
        decode(b"\xff\xd8" + bytes(5000) + b"\xff\xd9", side=32)


# === Bad input ===


def test_bad_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no image .*missing\.png"):
        load_image(tmp_path / "missing.png")
    with pytest.raises(ValueError, match="is a folder"):
        load_image(tmp_path)
    for name, content, message in (("empty.png", b"", "is empty"), ("text.png", b"Not an image.\n", "is not an image")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=rf"{name} {message}"):
            load_image(tmp_path / name)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "PNG with alpha", "WEBP with alpha"])
def test_a_file_cut_off_anywhere_is_an_error(rgb, format, tmp_path):
    format, _, alpha = format.partition(" with ")
    image = np.concatenate([rgb, np.full((HEIGHT, WIDTH, 1), 99, "uint8")], -1) if alpha else rgb
    data = encode(image, format)
    path = tmp_path / "cut"
    # The last bytes of a PNG are checksums, those of a TIFF its directory: no pixels.
    for length in np.linspace(1, len(data) - (40 if format in ("PNG", "TIFF") else 2), 12).astype(int):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"cut (is|cannot)"):
            load_image(path)


def test_a_cut_jpeg_with_a_whole_thumbnail_is_an_error(rgb):
    data, thumbnail = encode(rgb, "JPEG"), encode(rgb[:8, :8].copy(), "JPEG")
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    whole = data[:2] + segment + data[2:]
    assert load_image(whole).shape == rgb.shape
    for length in (len(segment) + 2, len(whole) // 2, len(whole) - 40, len(whole) - 2):
        with pytest.raises(ValueError, match="The image is"):
            decode(whole[:length])


@pytest.mark.parametrize(
    "array,message",
    [
        (np.zeros((1, 1, 3), "uint8"), "1 x 1 pixels"),
        (np.zeros((1, 5000, 3), "uint8"), "1 x 5000 pixels"),
        (np.zeros((0, 10, 3), "uint8"), "0 x 10 pixels"),
        (np.zeros((10, 10, 0), "uint8"), r"shape \(10, 10, 0\)"),
        (np.zeros((10, 10, 2), "uint8"), r"shape \(10, 10, 2\)"),
        (np.zeros((3, 10, 20), "uint8"), r"shape \(3, 10, 20\)"),
        (np.zeros((2, 10, 20, 3), "uint8"), "shape"),
        (np.full((10, 10), 255.0), "floats from 255 to 255"),
        (np.full((10, 10), -0.5), "floats from -0.5"),
        (np.full((10, 10), np.nan), "floats from nan"),
        (np.zeros((10, 10), "int64"), "type int64"),
    ],
)
def test_bad_arrays(array, message):
    with pytest.raises(ValueError, match=message):
        load_image(array)


def test_tiny_files():
    for shape in ((1, 1, 3), (1, 5000, 3)):
        with pytest.raises(ValueError, match="too small to hold text"):
            load_image(png(np.zeros(shape, "uint8")))


def test_something_else():
    with pytest.raises(TypeError, match="not NoneType"):
        load_image(None)
