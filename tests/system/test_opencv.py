import os
import pathlib
import subprocess
import sys

import pytest

pytestmark = pytest.mark.once

NO_LIBRARY = 'raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")'


@pytest.mark.parametrize(
    "content,sentence",
    [
        (NO_LIBRARY, "libGL.so.1: cannot open shared object file: No such file or directory. On a machine without a "),
        ("", "OpenCV is there in part, as after uninstalling one of opencv-python and opencv-python-headless"),
    ],
)
def test_what_to_do_where_opencv_is_missing(tmp_path, content, sentence):
    rooms = ["images", "data", "synthesis", "doctor", "images.boxes", "data.augment.warp"]
    code = (
        "import importlib, sys\n"
        "for room in sys.argv[1:]:\n"
        "    try: importlib.import_module('keras_textrec.' + room)\n"
        "    except ImportError as error: print(error)\n"
    )
    done = run_without_opencv(tmp_path, content, "-c", code, *rooms)
    assert done.returncode == 0, done.stderr
    messages = done.stdout.splitlines()
    assert len(messages) == len(rooms)
    assert all(sentence in message and "opencv-python-headless" in message for message in messages)


def run_without_opencv(folder, content, *arguments):
    """Runs Python with a module `cv2` of this content."""
    (folder / "cv2.py").write_text(content)
    path = os.pathsep.join([str(folder), str(pathlib.Path(__file__).parents[2])])
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=120, env=environment)


def test_a_command_ends_with_the_sentence(tmp_path):
    done = run_without_opencv(tmp_path, NO_LIBRARY, "-m", "keras_textrec", "inspect-data", str(tmp_path))
    assert done.returncode == 1
    assert "inspect-data: OpenCV cannot be loaded: libGL.so.1" in done.stderr
    assert "Traceback" not in done.stderr
