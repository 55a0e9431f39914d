"""Any published checkpoint, in whatever format, as named arrays.

Nothing of the file is run, no framework is needed, and a damaged or hostile file gives one clear error.
"""

import dataclasses
import re
from pathlib import Path

import numpy as np

from keras_textrec.converters.archives import Folder, Tar, is_archive
from keras_textrec.converters.mindspore_files import is_mindspore, read_mindspore
from keras_textrec.converters.paddle_inference import SUFFIXES, is_parameters, is_program, read_inference_model
from keras_textrec.converters.pdparams import read_pdparams
from keras_textrec.converters.torch_files import is_torch, read_torch

# Paddle keeps an LSTM's weights twice. The names that we read: `lstm.weight_ih_l0`, `lstm.weight_ih_l0_reverse`.
_LSTM_COPY = re.compile(r"(.*\.)(\d+)\.cell(_fw|_bw)?\.((?:weight|bias)_[ih]h)")


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        tensors: the publisher's name of every tensor -> its array, in the publisher's layout.
        framework: "paddle", "mindspore" or "torch": whose layouts those are.
        path: the file, for messages.
        names_known: False where the names are Paddle's internal ones (`conv2d_0.w_0`), because an inference model came
            without the `.pdiparams.info` that tells the others; `paddle_names.structured_names` finds them by a model.
    """

    tensors: dict[str, np.ndarray]
    framework: str
    path: str = "the checkpoint"
    names_known: bool = True

    def part(self, prefix: str) -> "Checkpoint":
        """One network of several that were trained together, such as "Student" of a distillation.

        Raises:
            ValueError: no tensor's name begins with `prefix` and a dot; the message lists what they begin with.
        """
        start = f"{prefix}."
        tensors = {name.removeprefix(start): array for name, array in self.tensors.items() if name.startswith(start)}
        if not tensors:
            parts = ", ".join(sorted({name.partition(".")[0] for name in self.tensors}))
            raise ValueError(f"{self.path} has no part {prefix!r}; its tensors begin with: {parts}.")
        return dataclasses.replace(self, tensors=tensors)


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Reads a published checkpoint; its content says what it is, not its name.

    Args:
        path: PaddleOCR's `.pdparams`, its published `.tar` or `.tar.gz`, its inference model (`inference.pdmodel` or
            `inference.json` with `inference.pdiparams`: the folder or any of the files); MindOCR's `.ckpt`;
            OpenOCR's `.pth`. Of an archive or folder, `best_accuracy.pdparams` is read, else its only `.pdparams`, else
            its only inference model.

    Returns:
        All tensors of the file. Floats of 16 bits become float32, everything else stays.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, holds anything but arrays of numbers, or is of an unknown format.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}; give a published checkpoint.")
    try:
        if path.is_dir():
            files = Folder(path)
            return _read(files, _choose(files.names), path)
        with path.open("rb") as file:
            if is_archive(file.read(512)):
                archive = Tar(file)
                return _read(archive, _choose(archive.names), path)
        return _read(Folder(path.parent), path.name, path)
    except ValueError as error:
        raise ValueError(f"{path} cannot be read: {error}. Download it again, or give another checkpoint.") from error


def _choose(names: list[str]) -> str:
    """Which file of an archive or folder holds the weights."""
    names = [name for name in names if not name.rpartition("/")[2].startswith("._")]  # what macOS adds
    trained = [name for name in names if name.endswith(".pdparams")]
    best = [name for name in trained if name.rpartition("/")[2] == "best_accuracy.pdparams"]
    for candidates in (best, trained, [name for name in names if name.endswith(".pdiparams")]):
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            some = ", ".join(map(ascii, candidates[:5]))
            raise ValueError(f"it holds {len(candidates)} that may be meant ({some}); give one of them")
    raise ValueError("it holds no .pdparams and no .pdiparams")


def _read(files: Folder | Tar, name: str, path: Path) -> Checkpoint:
    data = files.read(name)
    names_known = True
    if is_torch(data):
        framework, tensors = "torch", read_torch(data)
    elif is_mindspore(data):
        framework, tensors = "mindspore", read_mindspore(data)
    elif data[:1] == b"{" or is_program(data) or is_parameters(data) or name.endswith(SUFFIXES[".info"]):
        framework = "paddle"
        tensors, names_known = read_inference_model(files, name)
    elif data[:1] == b"\x80":
        framework, tensors = "paddle", read_pdparams(data)
    else:
        raise ValueError("its content is of no known format (.pdparams, .tar, inference model, .ckpt, .pth)")
    if not tensors:
        raise ValueError("it holds no tensor")
    if framework == "paddle":
        tensors = _without_copies(tensors)
    return Checkpoint(tensors, framework, str(path), names_known)


def _without_copies(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """One name for each weight of an LSTM; an inference model has only the name of the copy."""
    kept: dict[str, np.ndarray] = {}
    for name, array in tensors.items():
        original = name
        if match := _LSTM_COPY.fullmatch(name):
            prefix, level, direction, kind = match.groups()
            original = f"{prefix}{kind}_l{level}{'_reverse' if direction == '_bw' else ''}"
        if not np.array_equal(array, kept.setdefault(original, array), equal_nan=True):
            raise ValueError(f"it is damaged: {name!a} is not equal to {original!a}, whose copy it is")
    return kept
