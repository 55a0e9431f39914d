"""Where the memory comes from that a process takes and frees."""

import ctypes
import functools
import platform

# Parameters of glibc's `mallopt`, of <malloc.h>.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4


@functools.cache
def keep_freed_memory() -> None:
    """From now on the process keeps large blocks that are freed, for what is taken next; with glibc alone.

    glibc gives them back to the system at once, which clears and maps every page of the next ones: of a training step,
    all maps between its layers. What the process holds stays at the most that it ever took.
    """
    if platform.libc_ver()[0] == "glibc":
        c = ctypes.CDLL(None)
        c.mallopt(M_TRIM_THRESHOLD, -1)
        c.mallopt(M_MMAP_MAX, 0)
