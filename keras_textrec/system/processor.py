"""What the processor of this machine can do."""

import pathlib
import platform

CPUINFO = pathlib.Path("/proc/cpuinfo")
# x86 processors that multiply bfloat16; without them it is slower than float32, up to ten times.
BFLOAT16 = {"avx512_bf16", "amx_bf16"}


def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 itself; False where the system does not say (it is not Linux)."""
    return not BFLOAT16.isdisjoint(_told("flags").split())


def processor_name() -> str:
    """What the processor is called, or which family it is of."""
    return _told("model name").strip() or platform.processor() or platform.machine()


def _told(key: str) -> str:
    """What Linux tells of the first core; nothing elsewhere."""
    try:
        lines = CPUINFO.read_text("ascii", "replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2] for line in lines if line.startswith(key)), "")
