"""Random draws, by the kinds of values that the configuration has."""

import random
from collections.abc import Mapping
from types import SimpleNamespace


class Dice(random.Random):
    """Python's generator with a hardness, 0..1, that scales chances."""

    hardness = 1.0

    def draw_hardness(self, difficulty: float) -> None:
        """An image's hardness: up to the difficulty, and more often in the upper half."""
        self.hardness = difficulty * self.random() ** 0.7

    def happens(self, effect: SimpleNamespace) -> bool:
        """Whether an effect takes place: with the chance `effect.p`, times the hardness."""
        return self.random() < effect.p * self.hardness

    def within(self, limits: list[float]) -> float:
        return self.uniform(limits[0], limits[1])

    def kind(self, kinds: Mapping[str, float]) -> str:
        """One of the alternatives, by their weights."""
        return self.choices(tuple(kinds), tuple(kinds.values()))[0]

    def sign(self) -> int:
        return 1 if self.random() < 0.5 else -1
