"""The size of an image, from the start of its file."""

import struct

from keras_textrec.images.load import decode

# Markers of a JPEG that start a frame, whose header holds the size: SOF0 to SOF15 without DHT, JPG and DAC.
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def image_size(data: bytes) -> tuple[int, int]:
    """Height and width of an image file; of a JPEG or a PNG without decoding it (and before any EXIF rotation).

    Raises:
        ValueError: it is no image.
    """
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return height, width
    if data.startswith(b"\xff\xd8"):
        place = 2
        while place + 9 <= len(data) and data[place] == 0xFF:
            if data[place + 1] in _FRAMES:
                return struct.unpack(">HH", data[place + 5 : place + 9])
            place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return decode(data).shape[:2]
