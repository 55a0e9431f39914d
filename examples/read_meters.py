"""
Title: Read meters from synthetic digits
Author: the keras_textrec team
Date created: 2026/11/26
Description: A network for the seven-segment digits of meters, trained on drawn numbers alone.
Accelerator: None
"""

"""
## No photographs needed

The display of an electricity or water meter shows five to seven digits, each of seven segments. No font of words has
them, there are few labelled photographs of your meters, and they are simple: so draw them. We begin with
`crnn_small_en`, which knows letters, digits and signs, take its digits alone, and let it see some hundred displays.
"""

import dataclasses
import os

import cv2
import keras
import numpy as np
from PIL import Image

import keras_textrec as textrec
from keras_textrec.images.sheet import contact_sheet

IMAGES = int(os.environ.get("IMAGES", 800))
EPOCHS = int(os.environ.get("EPOCHS", 3))

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)

"""
## Drawn displays

Segments a to g of a digit lie as on the left; a display is a row of them, leaning a little. A camera adds what cameras
do: the colours of the display, segments that still shine through, a slope, blur and noise.

```
 a       0: abcdef   5: acdfg
f b      1: bc       6: acdefg
 g       2: abdeg    7: abc
e c      3: abcdg    8: abcdefg
 d       4: bcfg     9: abcdfg
```
"""

SEGMENTS = ["abcdef", "bc", "abdeg", "abcdg", "bcfg", "acdfg", "acdefg", "abc", "abcdefg", "abcdfg"]
ENDS = {"a": (0, 0, 1, 0), "b": (1, 0, 1, 1), "c": (1, 1, 1, 2), "d": (0, 2, 1, 2)}
ENDS |= {"e": (0, 1, 0, 2), "f": (0, 0, 0, 1), "g": (0, 1, 1, 1)}  # x, y of each end: 0 to 1 across, 0 to 2 down


def display(text: str) -> np.ndarray:
    """A photograph of a display, uint8 (H, W, 3)."""
    pitch, width, thick = rng.uniform(30, 40), rng.uniform(18, 23), int(rng.integers(3, 7))
    lit = np.zeros((72, round(pitch * len(text)) + 24), np.float32)
    unlit = np.zeros_like(lit)
    lean, gap = rng.uniform(0, 0.2), 0.6 * thick / width
    for place, digit in enumerate(text):
        for name, (x1, y1, x2, y2) in ENDS.items():
            across, down = gap * (x2 - x1), gap * (y2 - y1)  # segments do not touch
            ends = ((x1 + across, y1 + down), (x2 - across, y2 - down))
            points = [(16 + pitch * place + width * x + lean * 24 * (2 - y), 12 + 24 * y) for x, y in ends]
            on = name in SEGMENTS[int(digit)]
            cv2.line(lit if on else unlit, *(tuple(map(round, point)) for point in points), 1.0, thick, cv2.LINE_AA)
    shape = np.clip(lit + rng.choice([0, 0, 0.15]) * unlit, 0, 1)
    height, turn = shape.shape[0] * rng.uniform(0.35, 0.8), rng.uniform(-4, 4)
    middle, scale = (shape.shape[1] / 2, shape.shape[0] / 2), height / shape.shape[0]
    shape = cv2.warpAffine(shape, cv2.getRotationMatrix2D(middle, turn, 1.0), shape.shape[::-1])
    shape = cv2.resize(shape, None, fx=scale * rng.uniform(0.85, 1.15), fy=scale, interpolation=cv2.INTER_AREA)
    shape = cv2.GaussianBlur(shape, (0, 0), rng.uniform(0.3, 1.2))
    ground = rng.uniform(20, 235, 3)
    step = rng.uniform(50, 140) * (1 if ground.mean() < 128 else -1)
    image = ground + step * shape[..., None] * rng.uniform(0.6, 1.0, 3)
    image += np.linspace(-1, 1, shape.shape[1])[:, None] * rng.uniform(-25, 25)  # light from one side
    return np.clip(image + rng.normal(0, rng.uniform(1, 10), image.shape), 0, 255).astype("uint8")


texts = ["".join(map(str, rng.integers(0, 10, rng.integers(5, 8)))) for _ in range(IMAGES + IMAGES // 4)]
images = [display(text) for text in texts]
training, validation = (images[:IMAGES], texts[:IMAGES]), (images[IMAGES:], texts[IMAGES:])
sheet = Image.fromarray(contact_sheet(images[:16], texts[:16]))
sheet.save("displays.png")
sheet

"""
## From words to digits

`charset` keeps what the network knows of the ten digits and drops all else, so it reads displays before any training.
"""

model = textrec.TextRecognizer.from_preset("crnn_small_en", charset="0123456789")


def accuracy() -> float:
    readings = model.read(validation[0])
    return float(np.mean([reading.text == text for reading, text in zip(readings, validation[1])]))


print(f"Before training {accuracy():.1%} of the displays are read right.")

"""
Strokes are strokes: the backbone stays as it is, so that a step takes less than half the time. What they make together
is learnt by the rest.
"""

recipe = model.recipe.for_fine_tuning(model.converter)
model.recipe = dataclasses.replace(recipe, freeze=["backbone"], learning_rate=1e-3)
model.compile(total_steps=EPOCHS * max(1, IMAGES // model.recipe.batch_size))
model.fit(*training, validation_data=validation, epochs=EPOCHS)
print(f"After training {accuracy():.1%} are read right.")

"""
## What a meter should refuse

A reading comes with its confidence, so a program can ask for a second photograph instead of billing a wrong number.
And a counter never runs back: a reading below the last one, or far above it, is wrong whatever the confidence.
"""

readings = model.read(validation[0])
sure = [(reading.text, text) for reading, text in zip(readings, validation[1]) if reading.confidence > 0.95]
print(
    f"Of {len(readings)} readings {len(sure)} are sure (above 0.95), and {sum(a == b for a, b in sure)} of these right."
)

model.save_to_preset("meters")
print("The model is in the folder 'meters': textrec.TextRecognizer.from_preset('meters') reads with it.")
