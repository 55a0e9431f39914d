import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.once

FAULTS = """
import resource
import torch
from keras_textrec.system.allocator import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        torch.zeros(64, 1 << 20)  # 256 MiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

given_back = faults()
keep_freed_memory()
for _ in range(4):
    faults()
print(given_back, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to keep memory")
def test_freed_memory_is_kept_for_what_is_taken_next():
    pytest.importorskip("torch")
    output = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, check=True, text=True).stdout
    given_back, kept = map(int, output.split())
    assert given_back > 5 * 100  # a block is 128 huge pages, or many more small ones
    assert kept < given_back / 10
