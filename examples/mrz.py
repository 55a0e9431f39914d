"""
Title: Read the machine-readable zone of passports
Author: the keras_textrec team
Date created: 2026/11/26
Description: Lines of 44 characters with long runs of "<": what CTC needs for them, and what check digits mend.
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

import dataclasses
import os

import keras
import numpy as np
from PIL import Image

import keras_textrec as textrec
from keras_textrec.images import load_image
from keras_textrec.images.sheet import contact_sheet

LINES = int(os.environ.get("LINES_OF_TEXT", 640))
EPOCHS = int(os.environ.get("EPOCHS", 1))
FONTS = os.environ.get("FONTS")  # a folder; None: the system's

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
    names = "<".join(drawn(CHARACTERS[:26], 3, 8) for _ in range(rng.integers(1, 3)))
    line = f"P<{drawn(CHARACTERS[:26], 3, 3)}{drawn(CHARACTERS[:26], 3, 12)}<<{names}"
    return line.ljust(LENGTH, "<")[:LENGTH]


def lower_line() -> str:
    number = drawn(CHARACTERS[:36], 6, 9).ljust(9, "<")
    birth, expiry = (f"{rng.integers(0, 100):02}{rng.integers(1, 13):02}{rng.integers(1, 29):02}" for _ in range(2))
    personal = drawn(CHARACTERS[:36], 0, 14).ljust(14, "<")
    nation, sex = drawn(CHARACTERS[:26], 3, 3), rng.choice(["M", "F", "<"])
    fields = [field + check_digit(field) for field in (number, birth, expiry, personal)]
    line = fields[0] + nation + fields[1] + sex + fields[2] + fields[3]
    return line + check_digit("".join(fields))


lines = [upper_line() if rng.integers(2) else lower_line() for _ in range(LINES + (LINES // 8 or 1))]
assert {len(line) for line in lines} == {LENGTH}
with open("lines.txt", "w") as file:
    file.write("\n".join(lines))

"""
The font is OCR-B (Debian's package is fonts-ocr-b); where it is not installed, other fonts of one width take its place.
A scanner sees the line nearly straight, dark on light or the reverse, and never as narrow as words on a sign may be.
"""

renderer = textrec.synthesis.WordRenderer(
    charset=CHARACTERS,
    text={"words": "lines.txt", "only_words": True, "longest": LENGTH},
    config={"fonts": {"folders": FONTS, "weights": {"OCR B*": 1, "*Mono*": 0.01, "*": 0.0001}}},
    layout={effect: {"p": 0} for effect in ("arc", "jitter", "neighbours", "rim", "small_capitals", "spacing", "wave")},
    colour={"kinds": {"paint": 0, "dull": 0, "earth": 0}, "contrast": [80, 140], "low": {"p": 0.1}},
    view={
        **{effect: {"p": 0} for effect in ("climb", "far_turn", "perspective")},
        "turn": {"degrees": 0.5},
        "height": {"median": 28, "deviation": 0.25, "limits": [20, 48]},
        "widest": 1000,
    },
    difficulty=0.6,
)
rendered = [renderer.render_jpeg(i) for i in range(len(lines))]
images, texts = [line.image for line in rendered], [line.text for line in rendered]
training, validation = (images[:LINES], texts[:LINES]), (images[LINES:], texts[LINES:])
sheet = Image.fromarray(contact_sheet([load_image(image) for image in images[:8]], columns=1, width=900))
sheet.save("lines.png")
sheet

"""
## A canvas for 87 steps

A CRNN makes a step of four columns. All lines have as many characters, so all are stretched to 640 columns: 160 steps,
enough for 87, and fourteen columns for each character, which leaves its shape. The tokenizer counts:
`required_time_steps` says what a label needs, and training data tells of labels that do not fit.
"""

base = textrec.TextRecognizer.from_preset("crnn_small_en", charset=CHARACTERS)
model = base.remade(converter=textrec.ImageConverter(32, 640, "stretch", channel_order="BGR"))

longest = model.tokenizer.required_time_steps(model.tokenizer.encode("<" * LENGTH))
print(f"44 fillers need {longest} steps; the network makes {model.time_steps()}.")
print(f"With 100 columns it makes {base.time_steps()}: too few.")
assert base.time_steps() < longest <= model.time_steps()

"""
## What is known of a line

A pattern says which characters may stand where, so that no O is read in a date. And the check digits tell of a misread
lower line without knowing the truth: of the most probable texts that fit the pattern, we take the first that adds up.
"""

PATTERN = "P<[A-Z]{3}[A-Z<]{39}|[A-Z0-9<]{9}[0-9][A-Z]{3}[0-9]{7}[MF<][0-9]{7}[A-Z0-9<]{14}[0-9]{2}"


def adds_up(line: str) -> bool:
    """Whether the check digits of a lower line are those of its fields; an upper line has none."""
    if len(line) != LENGTH:
        return False
    if line.startswith("P<"):
        return True
    fields = [line[:10], line[13:20], line[21:28], line[28:43], line[:10] + line[13:20] + line[21:]]
    return all(set(field) <= VALUES.keys() and check_digit(field[:-1]) == field[-1] for field in fields)


def checked(reading: textrec.Reading) -> str:
    return next((other.text for other in reading.alternatives if adds_up(other.text)), reading.text)


def tell(when: str) -> None:
    free, known = model.read(validation[0]), model.read(validation[0], pattern=PATTERN, alternatives=8)
    ways = {"freely": [r.text for r in free], "within the pattern": [r.text for r in known]}
    ways["by their check digits, too"] = [checked(reading) for reading in known]
    for way, read in ways.items():
        right = sum(text == true for text, true in zip(read, validation[1]))
        print(f"{when}: {right} of {len(read)} lines are wholly right, read {way}.")


tell("Before training")

"""
## Train

Letters and digits are known from words, and the backbone stays as it is. What is new are O and 0 as OCR-B has them, and
where one `<` ends and the next begins.
"""

model.recipe = dataclasses.replace(
    model.recipe.for_fine_tuning(),
    freeze=["backbone"],
    learning_rate=1e-3,
    batch_size=16,
    warmup_steps=5,
    max_length=LENGTH,
)
model.compile(total_steps=EPOCHS * (LINES // 16 or 1))
model.fit(*training, validation_data=validation, epochs=EPOCHS)
tell("After training")

"""
What does not add up is read again, from another photograph, not trusted.
"""

for image, text in list(zip(*validation))[:4]:
    reading = model.read(image, pattern=PATTERN, alternatives=8)
    verdict = "adds up" if adds_up(checked(reading)) else "does not add up"
    print(f"{text}\n{checked(reading)}  {reading.confidence:.3f}, {verdict}\n")

model.save_to_preset("mrz")
print("The model is in the folder 'mrz'.")
