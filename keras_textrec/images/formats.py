"""What kind of image file some bytes are, from their header, and which kinds can be read here."""

import struct

# Those of Pillow's formats that hold pictures as people keep and send them: it knows others too, of which one runs a
# program. HEIF is there when `pillow_heif.register_heif_opener` was called.
_FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "BMP", "DIB", "GIF", "TIFF", "AVIF", "HEIF", "JPEG2000", "PPM")
# What a build of Pillow may lack.
_FEATURES = {"AVIF": "avif", "JPEG2000": "jpg_2000", "WEBP": "webp"}

_PNG = b"\x89PNG\r\n\x1a\n"
# Markers of a JPEG that start a frame, whose header holds the size: SOF0 to SOF15 without DHT, JPG and DAC.
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def pillow_formats() -> tuple[str, ...]:
    """The formats that Pillow is to open."""
    from PIL import Image, features

    Image.init()
    missing = {name for name, feature in _FEATURES.items() if not features.check(feature)}
    return tuple(name for name in _FORMATS if name in Image.OPEN and name not in missing)


def image_suffixes() -> frozenset[str]:
    """The suffixes of the image files that can be read on this machine, in lower case: ".jpg", ".jfif", ".avif", ..."""
    from PIL import Image

    formats = pillow_formats()
    return frozenset(suffix for suffix, name in Image.registered_extensions().items() if name in formats)


def opencv_suffices(data: bytes) -> bool:
    """Whether OpenCV decodes the file as it is meant: a JPEG, or a PNG, WebP or BMP without transparency."""
    if data.startswith(b"\xff\xd8"):
        return True
    if data.startswith(_PNG):
        return data[25:26] not in (b"\x04", b"\x06") and b"tRNS" not in data[: data.find(b"IDAT")]
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP" and len(data) > 24:
        flags = {b"VP8X": data[20], b"VP8L": data[24]}.get(data[12:16], 0)
        return not flags & 0x10
    return data.startswith(b"BM") and data[28:30] != b"\x20\x00"  # bits a pixel; of 32, eight may be transparency


def header_size(data: bytes) -> tuple[int, int] | None:
    """Height and width in the header of a PNG or a JPEG, before any EXIF rotation; None of another file."""
    if data.startswith(_PNG) and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return height, width
    place = 2 if data.startswith(b"\xff\xd8") else len(data)
    while place + 9 <= len(data) and data[place] == 0xFF:
        if data[place + 1] in _FRAMES:
            return struct.unpack(">HH", data[place + 5 : place + 9])
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return None


def is_cut(data: bytes) -> bool:
    """Whether a JPEG or a PNG ends too early, which OpenCV does not say of the one and pays for dearly with the other.

    A JPEG has an end marker behind its last scan's start. (A thumbnail in front has one too, and some files have bytes
    after the end.) OpenCV up to 4 shows the missing rows as grey. A PNG's chunks lie within the file; OpenCV takes as
    much memory as a chunk's damaged length asks for, up to 4 GB.
    """
    if data.startswith(b"\xff\xd8"):
        return not data.endswith(b"\xff\xd9") and data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda")
    place = 8 if data.startswith(_PNG) else len(data)
    while place + 8 <= len(data):
        place += 8 + int.from_bytes(data[place : place + 4], "big")
        if place > len(data):
            return True
        place += 4  # the chunk's checksum
    return False


def is_heif(data: bytes) -> bool:
    """Whether it is a HEIC or HEIF file, as telephones take photographs (and no AVIF, which is built alike)."""
    return data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS
