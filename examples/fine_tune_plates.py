"""
Title: Fine-tune on licence plates, from data to an exported file
Author: the keras_textrec team
Date created: 2026/11/26
Description: Render plates, train the embedded preset on them, see what it has learnt, and export it as one file.
Accelerator: None
"""

"""
## Plates

A plate is no word: letters and digits in any order, and no dictionary tells an O from a 0 but the place. Here are
plates of no country, rendered as they are seen from a car: `plates.py` beside this example draws their texts, and
`plates.yaml` says how they look. With photographs of your own, a folder with a label file takes their place:
`textrec.data.folder("plates", "labels.tsv")`.
"""

import dataclasses
import os

import keras
import numpy as np
import plates
from PIL import Image

import keras_textrec as textrec
from keras_textrec.images import load_image
from keras_textrec.images.sheet import contact_sheet

IMAGES = int(os.environ.get("IMAGES", 1000))
EPOCHS = int(os.environ.get("EPOCHS", 2))
FONTS = os.environ.get("FONTS")  # a folder; None: the system's

keras.utils.set_random_seed(0)
with open("plates.txt", "w") as file:
    file.write("\n".join(plates.draw(IMAGES + IMAGES // 4)))
renderer = textrec.synthesis.WordRenderer(
    config=plates.CONFIG,
    charset=plates.CHARACTERS,
    text={"words": "plates.txt", "only_words": True},
    **{"fonts.folders": FONTS},
)
rendered = [renderer.render_jpeg(i) for i in range(IMAGES + IMAGES // 4)]
images, texts = [word.image for word in rendered], [word.text for word in rendered]
training, validation = (images[:IMAGES], texts[:IMAGES]), (images[IMAGES:], texts[IMAGES:])
sheet = Image.fromarray(contact_sheet([load_image(image) for image in images[:16]], texts[:16]))
sheet.save("plates.png")
sheet

"""
## Before any training

The preset reads words of 94 characters. With the charset of plates it keeps what it knows of these 37, and drops the
rest. The accuracy before the first step is what training has to beat.
"""

model = textrec.TextRecognizer.from_preset("crnn_small_en", charset=plates.CHARACTERS)


def right(read) -> list[bool]:
    return [reading.text == text for reading, text in zip(read(validation[0]), validation[1])]


print(f"Before training {np.mean(right(model.read)):.1%} of the plates are read right.")

"""
## Fine-tuning

`for_fine_tuning` makes of the recipe of the preset one for a few images: small batches, a cosine down to zero, canvases
that grow with the image as in reading. The backbone knows Latin letters already, so it is frozen: a step is then twice
as quick, and the rest may learn faster. `fit` takes images and texts as they are.
"""

recipe = model.recipe.for_fine_tuning(model.converter)
model.recipe = dataclasses.replace(recipe, freeze=["backbone"], learning_rate=1e-3)
model.compile(total_steps=EPOCHS * max(1, IMAGES // model.recipe.batch_size))
model.fit(*training, validation_data=validation, epochs=EPOCHS)
after = right(model.read)
print(f"After training {np.mean(after):.1%} are read right.")

"""
## What is still wrong

Look at the mistakes, not at the percentage: most often they are pairs of shapes (B and 8, D and 0), or plates that
nobody could read.
"""

shown = np.argsort(after, stable=True)[:8].tolist()  # wrong ones first
readings = [model.read(validation[0][number]) for number in shown]
captions = [f"{validation[1][number]}: {reading.text}" for number, reading in zip(shown, readings)]
print("\n".join(f"{caption} ({reading.confidence:.2f})" for caption, reading in zip(captions, readings)))
sheet = Image.fromarray(contact_sheet([load_image(validation[0][number]) for number in shown], captions, columns=4))
sheet.save("wrong.png")
sheet

"""
The place says what a character may be, so tell it: with a pattern, no plate is read that cannot be one.
"""

patterned = model.read(validation[0], pattern=plates.PATTERN)
print(f"With the pattern {np.mean([r.text == t for r, t in zip(patterned, validation[1])]):.1%} are read right.")

"""
## A file that stands alone

`export` writes one ONNX file, pixels in and characters out, and checks it against the model before it is there. It is
read without Keras; programs in C++, JavaScript and Kotlin that read it are beside this example.
"""

model.save_to_preset("plate_reader")
report = model.export("plate_reader.onnx")
exported = textrec.load_exported("plate_reader.onnx")
print(f"plate_reader.onnx has {os.path.getsize('plate_reader.onnx') / 1e6:.1f} MB.")
print(f"It reads {np.mean(right(exported.read)):.1%} of the plates right.")
