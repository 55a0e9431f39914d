"""Writes plates of no country: plates.txt, 16,000 to train on, and other_plates.txt, 400 to validate on."""

import pathlib
import random
import string

CONFIG = pathlib.Path(__file__).with_name("plates.yaml")  # how the renderer draws them
SHAPES = ("LL-DDDD", "LL-LL-DDD", "L-LL-DDDD", "DDD-LLL", "LLL-DDD", "LL-DD-LL")  # L: a letter, D: a digit
KINDS = {"L": string.ascii_uppercase, "D": string.digits}
CHARACTERS = string.ascii_uppercase + string.digits + "-"
PATTERN = "|".join(shape.replace("L", "[A-Z]").replace("D", "[0-9]") for shape in SHAPES)


def draw(count: int) -> list[str]:
    """Plates, each another; the first ones are the same for every `count`."""
    rng, plates = random.Random(0), {}
    while len(plates) < count:
        shape = rng.choice(SHAPES)
        plates["".join(rng.choice(KINDS.get(kind, kind)) for kind in shape)] = None
    return [*plates]


if __name__ == "__main__":
    plates = draw(16400)
    pathlib.Path("other_plates.txt").write_text("\n".join(plates[:400]) + "\n")
    pathlib.Path("plates.txt").write_text("\n".join(plates[400:]) + "\n")
