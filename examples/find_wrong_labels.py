"""
Title: Find what is wrong in a data set
Author: the keras_textrec team
Date created: 2026/11/26
Description: Wrong labels, double pictures and broken files, found by looking once and by reading what is there.
Accelerator: None
"""

"""
## A data set with faults

Most data sets have a few percent of wrong labels, and nobody sees them: the loss falls, and the accuracy stays a
little lower than it could be. Here we make a data set whose faults we know: rendered words, of which some have another
word's label, some stand there twice, and one is no image at all.
"""

import os

import numpy as np
from PIL import Image

import keras_textrec as textrec
from keras_textrec.data import from_arrays
from keras_textrec.doctor.checks import inspect
from keras_textrec.images.sheet import contact_sheet

IMAGES = int(os.environ.get("IMAGES", 400))
FONTS = os.environ.get("FONTS")  # a folder; None: the system's

renderer = textrec.synthesis.WordRenderer(difficulty=0.2, config={"fonts": {"folders": FONTS}})
words = [renderer.render_jpeg(i) for i in range(IMAGES)]
images, labels = [word.image for word in words], [word.text for word in words]

rng = np.random.default_rng(0)
wrong = np.sort(rng.choice(IMAGES, max(2, IMAGES // 50), replace=False))
for one, other in zip(wrong, np.roll(wrong, 1)):
    labels[one] = words[other].text
images += images[:3]  # twice
labels += labels[:3]
images.append(images[0][:100])  # half a file
labels.append("torn")

"""
## Look once at every record

`inspect` is what `keras-textrec inspect-data` runs. The model reads every picture, and what it is sure of and the
label does not say is suspect. It need not be perfect: `crnn_small_en` has never seen these words, and of the 15 labels
that it contradicts most surely in three public data sets, 12 are wrong.
"""

model = textrec.TextRecognizer.from_preset("crnn_small_en")
diagnosis = inspect(from_arrays(images, labels), model=model)

for finding in diagnosis.findings:
    print(f"{finding.name}: {len(finding)}. {finding.meaning}")

"""
## The suspects

The surest come first. We look at them: the label that is there, and beside it what was read.
"""

suspects = next((finding for finding in diagnosis.findings if finding.name == "suspicious"), None)
positions = [] if suspects is None else suspects.positions.tolist()
for place, position in enumerate(positions[:10]):
    print(f"record {position}: the label is {labels[position]!r}, {suspects.note(place)}")

found = set(positions) & set(wrong.tolist())
print(f"Of {len(wrong)} wrong labels {len(found)} are found, with {len(positions) - len(found)} others.")

shown = positions[:12] or [0]
pictures = [textrec.images.load_image(images[position]) for position in shown]
sheet = Image.fromarray(contact_sheet(pictures, [labels[position] for position in shown], columns=4))
sheet.save("suspects.png")
sheet

"""
## Keep what is right

On the command line all of this is one line, and `--fix` writes what is left:

```shell
keras-textrec inspect-data DATA --preset crnn_small_en --html report.html --fix CLEAN
```

A suspect is left for you to judge: a picture that the network misreads is the one that it has most to learn from.
"""
