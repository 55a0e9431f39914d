"""
Title: Read meters from synthetic digits
Author: the keras_textrec team
Date created: 2026/11/26
Description: A network for the digits of meters, trained on rendered numbers alone.
Accelerator: None
"""

"""
## No photographs needed

The counter of an electricity or water meter shows five to seven digits. There are few labelled photographs of your
meters, and the digits are simple: so render them. We begin with `crnn_small_en`, which knows letters, digits and
signs, take its digits alone, and let it see some hundred rendered counters.
"""

import dataclasses
import os

import keras
import numpy as np
from PIL import Image

import keras_textrec as textrec
from keras_textrec.images.sheet import contact_sheet

IMAGES = int(os.environ.get("IMAGES", 800))
EPOCHS = int(os.environ.get("EPOCHS", 3))
FONTS = os.environ.get("FONTS")  # a folder; None: the system's

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
with open("counters.txt", "w") as file:
    for _ in range(IMAGES):
        file.write("".join(map(str, rng.integers(0, 10, rng.integers(5, 8)))) + "\n")

"""
## Rendered counters

Light digits on dark ground or the reverse, wide apart, seen a little from the side. What is not said here is as in the
renderer's `default.yaml`.
"""

renderer = textrec.synthesis.WordRenderer(
    charset="0123456789",
    text={"words": "counters.txt", "only_words": True},
    config={"fonts": {"folders": FONTS}},
    layout={"spacing": {"p": 1.0, "em": [0.1, 0.5]}, "arc": {"p": 0.0}, "rim": {"p": 0.0}},
    difficulty=0.7,
)
counters = [renderer.render_jpeg(i) for i in range(IMAGES + IMAGES // 4)]
images, texts = [counter.image for counter in counters], [counter.text for counter in counters]
training, validation = (images[:IMAGES], texts[:IMAGES]), (images[IMAGES:], texts[IMAGES:])
Image.fromarray(contact_sheet([textrec.images.load_image(image) for image in images[:16]], texts[:16])).save(
    "counters.png"
)

"""
## From words to digits

`charset` keeps what the network knows of the ten digits and drops all else, so it reads counters before any training.
The backbone knows the shapes of digits already: frozen, a step takes less than half the time.
"""

model = textrec.TextRecognizer.from_preset("crnn_small_en", charset="0123456789")
recipe = model.recipe.for_fine_tuning(model.converter)
model.recipe = dataclasses.replace(recipe, freeze=["backbone"], learning_rate=1e-3)


def accuracy() -> float:
    readings = model.read(validation[0])
    return float(np.mean([reading.text == text for reading, text in zip(readings, validation[1])]))


print(f"Before training {accuracy():.1%} of the counters are read right.")

model.compile(total_steps=EPOCHS * max(1, IMAGES // model.recipe.batch_size))
model.fit(*training, validation_data=validation, epochs=EPOCHS, verbose=2)

print(f"After training {accuracy():.1%} are read right.")

"""
## What a meter should refuse

A reading comes with its confidence, so a program can ask for a second photograph instead of billing a wrong number.
And a counter never runs back: a reading below the last one, or far above it, is wrong whatever the confidence.
"""

for image, text in zip(*(part[:5] for part in validation)):
    reading = model.read(image)
    sure = "sure" if reading.confidence > 0.9 else "ask again"
    print(f"{text}: read {reading.text} with {reading.confidence:.3f}, {sure}")

model.save_to_preset("meters")
print("The model is in the folder 'meters': textrec.TextRecognizer.from_preset('meters') reads with it.")
