import pytest

from keras_textrec.system import processor

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    "text, expected",
    [
        ("processor\t: 0\nflags\t\t: fpu sse2 avx2 avx512f avx512_bf16\n", True),
        ("flags\t\t: fpu amx_bf16 amx_tile\n", True),
        ("flags\t\t: fpu sse2 avx2 fma\nbugs\t\t: avx512_bf16\n", False),
        ("Features\t: fp asimd\n", False),
    ],
)
def test_what_the_kernel_says(tmp_path, monkeypatch, text, expected):
    (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "cpuinfo")
    assert processor.has_bfloat16() is expected


def test_a_system_that_says_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "none")
    assert processor.has_bfloat16() is False
