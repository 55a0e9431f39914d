"""What needs TensorFlow is done in a process of its own: its converter may crash, and the model may live elsewhere."""

import importlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
from typing import Any

from keras_textrec.system.errors import Failure

# What the child leaves: its result, or the sentence that tells why there is none.
_RESULT = "result.json"
_PACKAGE = pathlib.Path(__file__).parents[1]


def run_with_tensorflow(function: str, model: Any, **arguments: Any) -> Any:
    """Calls a function of this package with a model on the TensorFlow backend, whatever backend this process has.

    Args:
        function: "module:name"; it takes the model, then the arguments.
        model: travels as a preset folder.
        arguments: what JSON can hold.

    Returns:
        What the function returns, which JSON can hold.

    Raises:
        Failure: the function raised one, or anything else, or the process crashed.
    """
    with tempfile.TemporaryDirectory(prefix="keras-textrec-") as scratch:
        folder = pathlib.Path(scratch)
        model.save_to_preset(folder / "preset")
        (folder / "job.json").write_text(json.dumps({"function": function, "arguments": arguments}), "utf-8")
        # -c: the module would otherwise be there twice, as itself and as __main__.
        code = f"from {__name__} import main; main({scratch!r})"
        with (folder / "log").open("wb") as log:
            status = subprocess.run([sys.executable, "-c", code], env=_environment(), stdout=log, stderr=log).returncode
        if not (folder / _RESULT).is_file():
            raise Failure(_told(status, (folder / "log").read_text("utf-8", "replace")))
        result = json.loads((folder / _RESULT).read_text("utf-8"))
        if "refused" in result:
            raise Failure(result["refused"])
        return result["returned"]


def main(scratch: str) -> None:
    """The child: does the job that lies in its scratch folder."""
    from keras_textrec.zoo import load_preset

    folder = pathlib.Path(scratch)
    job = json.loads((folder / "job.json").read_text("utf-8"))
    module, _, name = job["function"].partition(":")
    try:
        model = load_preset(folder / "preset")
        if not getattr(model.backbone, "fused", True):
            model = model.fuse()
        result = {"returned": getattr(importlib.import_module(module), name)(model, **job["arguments"])}
    except Failure as error:
        result = {"refused": str(error)}
    (folder / _RESULT).write_text(json.dumps(result), "utf-8")


def _environment() -> dict[str, str]:
    paths = [str(_PACKAGE.parent), os.environ.get("PYTHONPATH", "")]
    own = {"KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    own["TF_ENABLE_ONEDNN_OPTS"] = "0"  # a SavedModel traced with it has operators that other machines lack
    return {**os.environ, **own, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def _told(status: int, log: str) -> str:
    """One sentence about a process that left no result."""
    if status < 0:
        return f"TensorFlow's converter crashed ({signal.Signals(-status).name}); nothing was written."
    # The last error's first line; Keras and TensorFlow let a page follow.
    errors = re.findall(r"^[\w.]*(?:Error|Exception|Exit|Interrupt)\b.*", log, re.MULTILINE)
    return f"TensorFlow could not convert the network; nothing was written: {errors[-1] if errors else status}"
