import pytest

from keras_textrec.training import precision


@pytest.mark.parametrize(
    "accelerator, processor, dtype, reason",
    [
        (None, True, "mixed_bfloat16", "the processor multiplies bfloat16"),
        (None, False, "float32", "the processor does not"),
        (True, False, "mixed_bfloat16", "the accelerator multiplies bfloat16"),
        (False, True, "float32", "the accelerator does not"),
    ],
)
def test_auto_is_what_pays(monkeypatch, accelerator, processor, dtype, reason):
    monkeypatch.setattr(precision, "_accelerator", lambda: accelerator)
    monkeypatch.setattr(precision, "has_bfloat16", lambda: processor)
    chosen, said = precision.resolve_dtype("auto")
    assert chosen == dtype and said.startswith(reason)


def test_a_named_dtype_stays(monkeypatch):
    monkeypatch.setattr(precision, "has_bfloat16", lambda: True)
    assert precision.resolve_dtype("float32")[0] == "float32"


def test_there_is_no_accelerator_here():
    """tests/conftest.py hides GPUs; each backend is asked in its own way."""
    assert precision._accelerator() is None
