"""
Title: Read the machine-readable zone of passports
Author: the keras_textrec team
Date created: 2026/11/26
Description: Lines of 44 characters with long runs of "<": what CTC needs for them, and how to check what was read.
Accelerator: None
"""

"""
## Two lines of 44 characters

The foot of a passport has two lines of 44 characters each, A to Z, 0 to 9 and the filler `<`:

```
P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<
L898902C36UTO7408122F1204159ZE184226B<<<<<10
```

CTC writes one class for every time step and makes runs of one class one character. Two equal characters therefore need
a blank between them: a line of L equal ones needs 2L - 1 steps, 87 for L = 44. The published 32 x 100 input gives a
CRNN 25.
"""

import os

import keras
import numpy as np

import keras_textrec as textrec
from keras_textrec.images.load import load_image

LINES = int(os.environ.get("LINES_OF_TEXT", 384))
EPOCHS = int(os.environ.get("EPOCHS", 3))
FONTS = os.environ.get("FONTS")  # a folder, best of one with OCR-B; None: the system's

CHARACTERS, LENGTH = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<", 44
keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)

"""
## Lines as they are printed

Names are drawn from letters, the rest by the rules of ICAO Doc 9303, with its check digits.
"""

VALUES = {character: value for value, character in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")} | {"<": 0}


def check_digit(text: str) -> str:
    return str(sum(VALUES[character] * (7, 3, 1)[i % 3] for i, character in enumerate(text)) % 10)


def drawn(characters: str, least: int, most: int) -> str:
    return "".join(rng.choice(list(characters), rng.integers(least, most + 1)))


def upper_line() -> str:
    names = (
        drawn(CHARACTERS[:26], 3, 12) + "<<" + "<".join(drawn(CHARACTERS[:26], 3, 8) for _ in range(rng.integers(1, 3)))
    )
    return f"P<{drawn(CHARACTERS[:26], 3, 3)}{names}".ljust(LENGTH, "<")[:LENGTH]


def lower_line() -> str:
    number = drawn(CHARACTERS[:36], 6, 9).ljust(9, "<")
    birth, expiry = (f"{rng.integers(0, 100):02}{rng.integers(1, 13):02}{rng.integers(1, 29):02}" for _ in range(2))
    personal = drawn(CHARACTERS[:36], 0, 14).ljust(14, "<")
    nation, sex = drawn(CHARACTERS[:26], 3, 3), rng.choice(["M", "F", "<"])
    fields = [field + check_digit(field) for field in (number, birth, expiry, personal)]
    line = fields[0] + nation + fields[1] + sex + fields[2] + fields[3]
    return line + check_digit("".join(fields))


lines = [upper_line() if rng.integers(2) else lower_line() for _ in range(LINES + LINES // 4)]
assert {len(line) for line in lines} == {LENGTH}
with open("lines.txt", "w") as file:
    file.write("\n".join(lines))

renderer = textrec.synthesis.WordRenderer(
    charset=CHARACTERS,
    text={"words": "lines.txt", "only_words": True, "longest": LENGTH},
    config={"fonts": {"folders": FONTS, "weights": {"*": 0.01, "*Mono*": 1}}},
    layout={"arc": {"p": 0.0}, "spacing": {"p": 0.0}},
    difficulty=0.3,
)
rendered = [renderer.render_jpeg(i) for i in range(len(lines))]
images, texts = [line.image for line in rendered], [line.text for line in rendered]
training, validation = (images[:LINES], texts[:LINES]), (images[LINES:], texts[LINES:])

"""
## A canvas for 87 steps

A CRNN makes a step of four columns. 448 columns are 112 steps: enough for 87, and ten columns for each character,
which leaves its shape. The tokenizer counts: `required_time_steps` says what a label needs, and training data tells of
labels that do not fit.
"""

base = textrec.TextRecognizer.from_preset("crnn_small_en", charset=CHARACTERS)
model = base.remade(converter=base.converter.resized(32, 448))
model.recipe = textrec.Recipe(learning_rate=1e-3, warmup_steps=10, clip_norm=5.0, batch_size=16, max_length=LENGTH)

longest = model.tokenizer.required_time_steps(model.tokenizer.encode("<" * LENGTH))
print(f"44 fillers need {longest} steps; the network makes {model.time_steps()}.")
print(f"With 100 columns it makes {base.time_steps()}: too few.")
assert base.time_steps() < longest <= model.time_steps()

model.compile(total_steps=EPOCHS * (LINES // 16 or 1))
model.fit(*training, validation_data=validation, epochs=EPOCHS, verbose=2)

"""
## Read, then check

The check digits tell of a misread lower line without knowing the truth: what does not add up is read again, not
trusted.
"""


def adds_up(line: str) -> bool:
    if len(line) != LENGTH:
        return False
    fields = [(line[:9], line[9]), (line[13:19], line[19]), (line[21:27], line[27]), (line[28:42], line[42])]
    return all(set(field) <= VALUES.keys() and check_digit(field) == digit for field, digit in fields)


right = 0
for number, (image, text) in enumerate(zip(*validation)):
    reading = model.read(load_image(image))
    right += reading.text == text
    if number < 4:
        verdict = "" if text.startswith("P<") else f"  adds up: {adds_up(reading.text)}"
        print(f"{text}\n{reading.text}  {reading.confidence:.3f}{verdict}\n")
print(f"{right} of {len(validation[0])} lines are read wholly right.")
