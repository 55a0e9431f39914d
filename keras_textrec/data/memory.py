"""Memory of big arrays, used again."""

import math
import mmap
import weakref

import numpy as np


class Memory:
    """Arrays of a few sizes whose memory is used again once nobody holds them or a view of them.

    A batch in fresh memory costs a page fault for every 4 KB: on a virtual machine as much time as decoding its images.
    The memory starts on a page, so TensorFlow and JAX take the arrays without a copy.
    """

    def __init__(self, dtype: str):
        self.dtype = np.dtype(dtype)
        self._free: dict[int, list[mmap.mmap]] = {}

    def __reduce__(self):
        return Memory, (self.dtype.str,)

    def take(self, shape: tuple[int, ...]) -> np.ndarray:
        """An array with whatever was in it."""
        size = math.prod(shape)
        free = self._free.setdefault(size, [])
        try:
            pages = free.pop()
        except IndexError:
            pages = mmap.mmap(-1, self.dtype.itemsize * size)
        # Every view of `array` holds it, and it alone holds `pages`.
        array = np.frombuffer(pages, self.dtype, size)
        weakref.finalize(array, free.append, pages).atexit = False
        return array.reshape(shape)
