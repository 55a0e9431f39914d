"""Writes plates of no country: plates.txt, 16,000 to train on, and other_plates.txt, 400 to validate on."""

import pathlib
import random
import string

SHAPES = ("LL-DDDD", "LL-LL-DDD", "L-LL-DDDD", "DDD-LLL", "LLL-DDD", "LL-DD-LL")  # L: a letter, D: a digit
KINDS = {"L": string.ascii_uppercase, "D": string.digits}

rng = random.Random(0)
plates: dict[str, None] = {}
while len(plates) < 16400:
    shape = rng.choice(SHAPES)
    plates["".join(rng.choice(KINDS.get(kind, kind)) for kind in shape)] = None
pathlib.Path("other_plates.txt").write_text("\n".join([*plates][:400]) + "\n")
pathlib.Path("plates.txt").write_text("\n".join([*plates][400:]) + "\n")
