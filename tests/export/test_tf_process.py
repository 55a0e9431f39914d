"""The process that has TensorFlow: what its end is told as."""

import json
import sys

import pytest

from keras_textrec.export.tf_process import run_with_tensorflow
from keras_textrec.system.errors import Failure

pytestmark = pytest.mark.once


class Model:
    """Stands for one."""

    def save_to_preset(self, folder):
        folder.mkdir()


def run(monkeypatch, tmp_path, script):
    """With a shell script in the child's place; $folder is its scratch folder."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nfolder=$(expr "$2" : ".*main(\'\\(.*\\)\')")\n{script}\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    return run_with_tensorflow("module:name", Model(), width=5)


def test_what_it_returns(monkeypatch, tmp_path):
    script = 'cp "$folder/job.json" "$0.job"; echo \'{"returned": [1, "a"]}\' > "$folder/result.json"'
    assert run(monkeypatch, tmp_path, script) == [1, "a"]
    job = json.loads((tmp_path / "python.job").read_text())
    assert job == {"function": "module:name", "arguments": {"width": 5}}


def test_it_has_tensorflow_whatever_this_process_has(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    script = 'echo "{\\"returned\\": \\"$KERAS_BACKEND\\"}" > "$folder/result.json"'
    assert run(monkeypatch, tmp_path, script) == "tensorflow"


@pytest.mark.parametrize(
    "script, sentence",
    [
        ("kill -SEGV $$", "TensorFlow's converter crashed (SIGSEGV); nothing was written."),
        (
            "printf 'Traceback\\n  a line\\nValueError: no such thing\\n\\nMore:\\n  of it\\n'; exit 1",
            "TensorFlow could not convert the network; nothing was written: ValueError: no such thing",
        ),
        ('echo \'{"refused": "It is Flex."}\' > "$folder/result.json"', "It is Flex."),
    ],
)
def test_one_sentence_tells_why_there_is_no_file(monkeypatch, tmp_path, script, sentence):
    with pytest.raises(Failure) as raised:
        run(monkeypatch, tmp_path, script)
    assert str(raised.value) == sentence
