"""Random numbers in little time: a call of `rng.integers` takes ten times as long as one of `rng.random`."""

import numpy as np


def below(end: int, rng: np.random.Generator) -> int:
    """A whole number from 0, below `end`."""
    return int(rng.random() * end)


def random_bytes(count: int, rng: np.random.Generator) -> np.ndarray:
    """uint8 (count,), of a generator of 64 bits as `default_rng` is; `rng.bytes` takes ten times as long."""
    return rng.bit_generator.random_raw(count // 8 + 1).view(np.uint8)[:count]
