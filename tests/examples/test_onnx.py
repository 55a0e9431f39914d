"""examples/onnx/read.py, asked for what the model reads."""

import sys

import pytest

from tests.examples.programs import EXAMPLES, run

pytestmark = pytest.mark.one_backend


def read(*arguments: object) -> list[str]:
    """The texts that the script reads; -I: nothing of this checkout can be imported."""
    answer = run(sys.executable, "-I", EXAMPLES / "onnx" / "read.py", *arguments)
    return [line.split("\t")[2] for line in answer.stdout.splitlines()]


def test_tall_words_are_turned_as_by_the_model(exported, restamped, turned, digit, words):
    wanted = [reading.text for readings in (words, turned) for reading in readings.values()]
    assert read(exported, *words, *turned, digit) == [*wanted, "2"]
    assert not set(read(restamped("upright.onnx", orientations=None), *turned)) & set(wanted)
