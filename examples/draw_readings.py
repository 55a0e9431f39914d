"""Reads images and draws them with what was read, and where: python examples/draw_readings.py OUTPUT.png IMAGE..."""

import sys

import cv2
import numpy as np

import keras_textrec as textrec

TILE_WIDTH, IMAGE_HEIGHT, COLUMNS = 270, 60, 4


def draw(image: np.ndarray, reading: textrec.Reading) -> np.ndarray:
    """A tile, uint8 RGB: the image, a tick under each character in its confidence's colour, text and confidence."""
    scale = min(IMAGE_HEIGHT / image.shape[0], (TILE_WIDTH - 20) / image.shape[1])
    image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    tile = np.full((IMAGE_HEIGHT + 50, TILE_WIDTH, 3), 255, "uint8")
    tile[10 : 10 + image.shape[0], 10 : 10 + image.shape[1]] = image
    for character in reading.characters:
        if character.left is None:  # attention decoders do not tell
            continue
        ends = (10 + round(scale * edge) for edge in (character.left, character.right))
        colour = (round(230 * (1 - character.confidence)), round(170 * character.confidence), 40)
        cv2.rectangle(tile, (next(ends), IMAGE_HEIGHT + 12), (next(ends) - 3, IMAGE_HEIGHT + 15), colour, -1)
    caption = f"{reading.text}  {reading.confidence:.2f}"
    cv2.putText(tile, caption, (10, IMAGE_HEIGHT + 38), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (20, 20, 20), 1, cv2.LINE_AA)
    return tile


def main(output: str, *paths: str) -> None:
    model = textrec.TextRecognizer.from_preset("crnn_small_en")
    images = [textrec.images.load_image(path) for path in paths]
    tiles = [draw(image, reading) for image, reading in zip(images, model.read(images), strict=True)]
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % COLUMNS)
    rows = [np.hstack(tiles[i : i + COLUMNS]) for i in range(0, len(tiles), COLUMNS)]
    cv2.imwrite(output, cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
