import http.client
import io
import struct
import tempfile
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from keras_textrec.images import decode, image_suffixes, load_image
from keras_textrec.images.size import image_size

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


def test_open_files(rgb, tmp_path):
    path = tmp_path / "word.png"
    path.write_bytes(png(rgb))
    with path.open("rb") as file, tempfile.SpooledTemporaryFile() as upload:
        upload.write(png(rgb))  # and its position is the end
        for image in (file, upload, io.BytesIO(png(rgb))):
            np.testing.assert_array_equal(load_image(image), rgb)
            np.testing.assert_array_equal(load_image(image), rgb)
    stream = http.client.HTTPResponse(FakeSocket(png(rgb)))  # which cannot go back to its start
    stream.begin()
    np.testing.assert_array_equal(load_image(stream), rgb)
    with pytest.raises(ValueError, match="The open file is empty"):
        load_image(io.BytesIO())
    with path.open(encoding="latin-1") as file, pytest.raises(TypeError, match="str, not bytes; open it in binary"):
        load_image(file)


class FakeSocket:
    def __init__(self, data):
        self.data = data

    def makefile(self, mode):
        return io.BytesIO(b"HTTP/1.1 200 OK\r\n\r\n" + self.data)


def test_suffixes_of_what_can_be_read():
    suffixes = image_suffixes()
    assert {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp"} <= suffixes
    assert {".avif", ".jp2"} <= suffixes  # in this environment's Pillow
    assert suffixes.isdisjoint({".heic", ".pdf", ".svg", ".eps", ".txt", ".mpg", ""})


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
    for image in (deep, png(deep), cv2.imencode(".tif", deep[..., ::-1])[1].tobytes()):
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


TRANSPARENT = {
    "TIFF": {},
    "AVIF": {"quality": 100, "subsampling": "4:4:4"},
    "JPEG2000": {},
    "WEBP": {"lossless": True, "exact": True},
}


@pytest.mark.parametrize("format", TRANSPARENT)
@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparency_is_as_in_a_png_whatever_the_format(rgb, format, mode):
    alpha = np.zeros((HEIGHT, WIDTH, 1), "uint8")
    alpha[4:20, 6:34] = 255
    image = Image.fromarray(np.concatenate([rgb // 2, alpha], -1)).convert(mode)
    expected = load_image(encode(image.convert("RGBA"), "PNG"))
    assert (expected[:3] == 255).all() and expected[10, 10].max() < 128
    np.testing.assert_array_equal(load_image(image), expected)
    if mode == "PA" and format == "JPEG2000":  # there is no such file
        return
    assert difference(load_image(encode(image, format, **TRANSPARENT[format])), expected) <= 2


def test_a_transparent_gif(rgb):
    palette = Image.fromarray(rgb // 2).quantize(8)
    data = encode(palette, "GIF", transparency=palette.getpixel((0, 0)))
    expected = np.asarray(palette.convert("RGB")).copy()
    expected[np.asarray(palette) == palette.getpixel((0, 0))] = 255
    for image in (data, Image.open(io.BytesIO(data))):
        np.testing.assert_array_equal(load_image(image), expected)


def test_a_bmp_may_have_transparency(rgb):
    """Its header's fifth version has a mask for it; OpenCV reads such a file as opaque."""
    alpha = np.zeros((HEIGHT, WIDTH), "uint8")
    alpha[:, :9] = 255
    bgra = np.dstack([rgb[..., ::-1] // 2, alpha])[::-1]
    masks = b"".join(mask.to_bytes(4, "little") for mask in (0xFF0000, 0xFF00, 0xFF, 0xFF000000))
    header = np.array([124, WIDTH, HEIGHT, 1 | 32 << 16, 3, 0, 0, 0, 0, 0], "<u4").tobytes() + masks
    start = 14 + 124
    data = b"BM" + np.array([start + bgra.size, 0, start], "<u4").tobytes() + header.ljust(124, b"\0") + bgra.tobytes()
    expected = np.where(alpha[..., None] == 255, rgb // 2, 255).astype("uint8")
    np.testing.assert_array_equal(load_image(data), expected)


def drawn(color, outline=None, label=None):
    """A word on transparent ground, or on a label with transparent corners."""
    image = np.zeros((40, 130, 4), "uint8")
    if label is not None:
        cv2.rectangle(image, (3, 3), (126, 36), (*[label] * 3, 255), -1)
    if outline is not None:
        cv2.putText(image, "Word", (10, 30), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (*[outline] * 3, 255), 8)
    cv2.putText(image, "Word", (10, 30), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (*[color] * 3, 255), 2)
    return image


@pytest.mark.parametrize(
    "ground,options",
    [
        (255, {"color": 0}),
        (255, {"color": 128}),
        (0, {"color": 200}),
        (0, {"color": 255}),
        (0, {"color": 255, "outline": 0}),
        (255, {"color": 0, "outline": 255}),
        (255, {"color": 0, "label": 255}),
        (0, {"color": 255, "label": 40}),
        (0, {"color": 255, "label": 170}),
    ],
)
def test_the_ground_shows_what_is_on_it(ground, options):
    image = drawn(**options)
    for given in (image, Image.fromarray(image), encode(image, "PNG"), encode(image, "TIFF")):
        shown = load_image(given)
        assert (shown[image[..., 3] == 0] == ground).all()
        np.testing.assert_array_equal(shown[image[..., 3] == 255], image[image[..., 3] == 255][:, :3])
    assert (load_image(np.zeros((9, 9, 4), "uint8")) == 255).all()  # nothing is visible


def test_pil_images_of_whole_numbers(rgb):
    """Mode I holds what was meant for 8 bits, `image.convert("I")`, or for 16."""
    grey = rgb[..., 0]
    expected = np.repeat(grey[..., None], 3, -1)
    deep = grey.astype("int32") * 257
    assert grey.max() > 1 and deep.max() > 255
    for numbers in (grey.astype("int32"), deep):
        image = Image.fromarray(numbers)
        assert image.mode == "I"
        for given in (image, encode(image, "TIFF")):
            np.testing.assert_array_equal(load_image(given), expected)
    for order in "<>":
        image = Image.frombytes(
            "I;16" if order == "<" else "I;16B", (WIDTH, HEIGHT), deep.astype(order + "u2").tobytes()
        )
        np.testing.assert_array_equal(load_image(image), expected)
        np.testing.assert_array_equal(load_image(deep.astype(order + "u2")), expected)
    for low, high in ((0, 65536), (-1, 255)):
        numbers = np.full((HEIGHT, WIDTH), low, "int32")
        numbers[0, 0] = high
        with pytest.raises(ValueError, match=f"holds numbers from {low} to {high}; give 0 to 255, or 0 to 65535"):
            load_image(Image.fromarray(numbers))


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
        (encode(rgb, "WEBP", lossless=True, exif=exif), 0),
        (encode(rgb, "TIFF", exif=exif), 0),
        (encode(rgb, "AVIF", quality=100, subsampling="4:4:4", exif=exif), 4),  # as its own `irot` and `imir`
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
        (np.zeros((2, 32767, 1), "uint8"), "2 x 32767 pixels .* too large"),
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


def chunk(name, content):
    """A chunk of a PNG file."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def test_damaged_exif_and_sizes(rgb):
    opaque = np.full((HEIGHT, WIDTH, 1), 255, "uint8")
    data = encode(np.concatenate([rgb, opaque], -1), "PNG")
    for exif in (b"MM\0*\0\0", bytes(9)):
        with pytest.raises(ValueError, match="The image is damaged, or not an image: "):
            load_image(data[:33] + chunk(b"eXIf", exif) + data[33:])
    for height, width in ((0, 40), (24, 0)):
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
        with pytest.raises(ValueError, match=f"its header says {height} x {width} pixels"):
            image_size(data[:8] + header + data[33:])
        with pytest.raises(ValueError, match="damaged"):
            load_image(data[:8] + header + data[33:])


def test_a_chunk_longer_than_the_file_is_not_believed(rgb):
    """OpenCV would ask for as much memory, 4 GB."""
    data = png(rgb)
    with pytest.raises(ValueError, match=f"is cut off after {len(data)} bytes"):
        load_image(data[:33] + b"\xff" + data[34:])


def test_heic_is_refused_with_a_way_out():
    data = struct.pack(">I4s4sI4s", 24, b"ftyp", b"heic", 0, b"mif1") + bytes(99)
    with pytest.raises(ValueError, match="is a HEIC image, which cannot be decoded here; save it as JPEG or PNG"):
        load_image(data)


def test_a_damaged_size_is_refused_before_it_costs_anything():
    data = bytearray(encode(np.zeros((9, 14, 4), "uint8"), "TIFF"))
    place = data.index(struct.pack("<HHII", 256, 4, 1, 14))
    data[place + 8 : place + 12] = struct.pack("<I", 8_388_622)
    with pytest.raises(ValueError, match="9 x 8388622 pixels .* too large, or damaged"):
        load_image(bytes(data))


SMALL = cv2.GaussianBlur(np.random.default_rng(2).integers(0, 256, (9, 14, 4), dtype="uint8"), (5, 5), 2)


@pytest.mark.filterwarnings("ignore")  # Pillow's, of what it passes over
@pytest.mark.parametrize(
    "format,channels,options",
    [
        ("PNG", 3, {}),
        ("PNG", 4, {}),
        ("JPEG", 3, {}),
        ("JPEG", 3, {"progressive": True}),
        ("WEBP", 3, {}),
        ("WEBP", 4, {}),
        ("GIF", 3, {}),
        ("GIF", 3, {"transparency": 1}),
        ("TIFF", 3, {"compression": "tiff_lzw"}),
        ("TIFF", 4, {}),
        ("BMP", 3, {}),
        ("AVIF", 4, {}),
        ("JPEG2000", 3, {}),
    ],
)
def test_damaged_files_are_one_error(format, channels, options):
    """Cut, changed, or bytes left out: an image comes, or a ValueError, whatever the libraries raise."""
    image = Image.fromarray(SMALL[..., :channels].copy())
    if format == "GIF":
        image = image.quantize(8)
    exif = {"exif": turned_exif()} if format in ("PNG", "JPEG", "WEBP", "TIFF", "AVIF") else {}
    whole = encode(image, format, **options, **exif)
    rng = np.random.default_rng(0)
    errors = 0
    for _ in range(250):
        data = bytearray(whole)
        start, kind = rng.integers(len(data)), rng.integers(4)
        if kind == 0:
            del data[start:]
        elif kind == 1:
            del data[start : start + rng.integers(1, 9)]
        else:
            for place in rng.integers(0, len(data) if kind == 2 else min(len(data), 100), 3):
                data[place] = rng.choice([0, 1, 128, 255, rng.integers(256)])
        data = bytes(data)
        for read in (load_image, lambda data: decode(data, side=4)):
            try:
                assert read(data).dtype == np.uint8
            except ValueError:
                errors += 1
        try:
            assert min(image_size(data)) > 0
        except ValueError:
            errors += 1
    assert errors > 50


def test_something_else():
    with pytest.raises(TypeError, match="not NoneType"):
        load_image(None)
