"""
Title: Read words and see why
Author: the keras_textrec team
Date created: 2026/11/26
Description: What was read, how sure the network is of each character, where it looked, and how it straightened.
Accelerator: None
"""

"""
## Words

`crnn_small_en` comes with the package. `read` takes paths, bytes, arrays or PIL images; here are the words of the
folder `examples/words`, or those of a folder of your own.
"""

import os
import pathlib

import cv2
import keras
import numpy as np
from PIL import Image

import keras_textrec as textrec
from keras_textrec.images import load_image
from keras_textrec.images.sheet import contact_sheet

WORDS = pathlib.Path(os.environ.get("WORDS", "words"))
ATTENTIVE = os.environ.get("ATTENTIVE", "rare_mv3_en")  # downloaded for the last part, when it is first used

paths = sorted(WORDS.glob("*.jpg"))
images = [load_image(path) for path in paths]
model = textrec.TextRecognizer.from_preset("crnn_small_en")
readings = model.read(images)
for path, reading in zip(paths, readings):
    print(f"{path.name}: {reading.text!r}, {reading.confidence:.3f}")

"""
## How sure, and where

A reading has its characters, each with a confidence and the columns of the image where it stands. We draw a bar below
each: green where the network is sure, red where it is not. In a notebook, a reading alone in a cell draws itself.
"""


def with_bars(image: np.ndarray, reading: textrec.Reading) -> np.ndarray:
    """The image, uint8 (H, W, 3), with a bar under each character in the colour of its confidence."""
    scale = 48 / image.shape[0]
    image = cv2.resize(image, (round(image.shape[1] * scale), 48))
    drawn = np.vstack([image, np.full((12, *image.shape[1:]), 255, "uint8")])
    for character in reading.characters:
        colour = (round(220 * (1 - character.confidence)), round(170 * character.confidence), 40)
        left, right = round(character.left * scale) + 1, round(character.right * scale) - 1
        cv2.rectangle(drawn, (left, 52), (right, 57), colour, -1)
    return drawn


captions = [f"{reading.text} {reading.confidence:.2f}" for reading in readings]
bars = [with_bars(image, reading) for image, reading in zip(images, readings)]
sheet = Image.fromarray(contact_sheet(bars, captions, columns=4, height=60))
sheet.save("confidence.png")
sheet

"""
The least sure character of all, and what else it might be: the classes of its column with the next best probabilities.
"""

number, character = min(
    ((n, c) for n, reading in enumerate(readings) for c in reading.characters), key=lambda item: item[1].confidence
)
x = model.converter([images[number]])
probabilities = keras.ops.convert_to_numpy(model.reader.predict_on_batch(x))[0]
middle = (character.left + character.right) / 2 / images[number].shape[1]
width = model.converter.resized_width(images[number].shape, x.shape[2]) / x.shape[2]
step = min(int(middle * width * len(probabilities)), len(probabilities) - 1)
names = ["(none)", *model.tokenizer.charset]
best = np.argsort(probabilities[step])[::-1][:4]
print(f"In {readings[number].text!r} {character.text!r} is read with {character.confidence:.2f}. In its middle:")
print(", ".join(f"{names[i]} {probabilities[step, i]:.3f}" for i in best))

"""
## Straightened, and looked at

RARE bends the image straight before it reads, and then writes one character a step, each from the part of the image
that it attends to. Both can be seen: `rectified` gives the straight image, and `read(..., attention=True)` for each
character how much of it was read from where. The embedded preset does neither; PaddleOCR's weights of RARE are
downloaded, and where they cannot be had, this part is left out.
"""

try:
    attentive = textrec.TextRecognizer.from_preset(ATTENTIVE)
except OSError as error:
    attentive = None
    print(f"{error}\nWithout it nothing is straightened, and nothing looked at.")
straight = [attentive.rectified(image) if attentive else image for image in images]
sheet = Image.fromarray(contact_sheet(straight, columns=4))
sheet.save("rectified.png")
sheet

"""
Where it looked: in each picture, light falls on what one character was read from.
"""

rows = []
for number in range(4) if attentive else ():
    reading = attentive.read(images[number], attention=True)
    print(f"{reading.text!r}, {reading.confidence:.3f}")
    for character, weights in list(zip(reading.characters, reading.attention))[:8]:
        size = straight[number].shape[1::-1]
        looked = cv2.resize(np.atleast_2d(np.float32(weights)), size, interpolation=cv2.INTER_LINEAR)
        light = 0.25 + 0.75 * looked / looked.max()
        rows.append(((straight[number] * light[..., None]).astype("uint8"), character.text))
sheet = Image.fromarray(contact_sheet(*zip(*rows))) if rows else None
if sheet:
    sheet.save("attention.png")
sheet

"""
## What it tells

A character that is read from between two others, or from the ground, is a guess; a straightened image that has lost
its end explains a missing letter. What can be changed then is the crop (leave some room around the word), the size of
the image, or the training data: `find_wrong_labels.py` and `fine_tune_plates.py` go on from here.
"""
