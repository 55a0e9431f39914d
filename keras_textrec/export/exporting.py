"""`model.export(path)`: written, stamped, checked, and only then there."""

import contextlib
import dataclasses
import errno
import functools
import importlib
import json
import os
import pathlib
import tempfile
from collections.abc import Iterator
from typing import Any

from keras_textrec.export.calibration import check_calibration
from keras_textrec.export.check import PhotoCheck, WordCheck
from keras_textrec.export.contract import contract_of, file_converter
from keras_textrec.export.formats import OPSET, Format, Options, chosen_format
from keras_textrec.reading.exported import load_exported
from keras_textrec.system.errors import Failure
from keras_textrec.system.numbers import whole_number
from keras_textrec.system.paths import check_folder
from keras_textrec.system.whole_files import take_place

# Errors of a place that cannot be written; others are of something else, such as a source.
_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)


def export(
    model: Any,
    path: str | os.PathLike,
    *,
    quantize: str | None = None,
    input: str = "image",
    width: int | None = None,
    opset: int = OPSET,
    calibrate: Any = None,
) -> dict[str, Any]:
    """Writes a model as a file that stands alone. `PresetModel.export` says what it takes, gives and raises."""
    width = None if width is None else whole_number("width", width)
    options = Options(quantize, input, width, opset, calibrate)
    format = chosen_format(path, options)
    path = pathlib.Path(path)
    if not (format.detectors or hasattr(model, "tokenizer")):
        raise ValueError(f"{format.name} files hold recognisers only; export a {type(model).__name__} as FILE.onnx.")
    check_calibration(model, options)
    if format.one_width and width is None:
        width = model.converter.width
        options = dataclasses.replace(options, width=width)
    converter = file_converter(model, width)
    _check_place(path, format)
    writer = importlib.import_module(f"keras_textrec.export.{format.module}")
    tolerance = format.quantize[quantize]
    with _scratch(path) as scratch:
        writer.write(model, scratch, options)
        check = (WordCheck if hasattr(model, "tokenizer") else PhotoCheck)(model, converter)
        confidence = _confidence(model, format, options)
        contract = contract_of(model, converter, check.sample_image, check.sample_text, confidence)
        writer.stamp(scratch, contract.to_metadata())
        try:
            exported = load_exported(scratch)
            if exported.contract != contract:
                raise Failure("Its metadata, read back, are others than were written.")
            looks = input == "image" and hasattr(writer, "stages")
            checked = check.compare(exported, tolerance, functools.partial(writer.stages, scratch) if looks else None)
            if calibrate is not None:
                checked["calibration"] = check.accuracies(exported, calibrate)
        except (Failure, ValueError) as failure:
            raise Failure(f"{path} was not written, for it would not be what the model is. {failure}") from failure
        report = {
            "file": path.name,
            "format": format.name,
            "bytes": _bytes(scratch),
            "input": input,
            "quantize": quantize,
            "width": width,
            "model": contract.model,
            "preset": contract.preset,
            "version": contract.version,
            "tolerance": {"confidence": tolerance.confidence, "changed": tolerance.changed},
            **checked,
        }
        report_path(scratch).write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return report


def _confidence(model: Any, format: Format, options: Options) -> str:
    """What the file's output `confidence` is, as `Contract` has it."""
    if options.input == "core" or not hasattr(model, "tokenizer"):
        return ""
    return "mean" if model.calibration is None or options.quantize in format.uncalibrated else "probability"


def report_path(path: pathlib.Path) -> pathlib.Path:
    """Where the report of a file lies."""
    return path.with_name(f"{path.name}.report.json")


def _check_place(path: pathlib.Path, format: Format) -> None:
    """Makes sure, before the work is done, that the file may be written and replaces nothing but its like.

    Raises:
        OSError: nothing can be written there.
        ValueError: a folder that is no SavedModel has the name.
    """
    check_folder(path.parent)
    if path.is_dir() and (format.suffix or (any(path.iterdir()) and not (path / "saved_model.pb").is_file())):
        what = f"a folder; give the name of a {format.name} file" if format.suffix else "no SavedModel; give another"
        raise ValueError(f"{path} exists and is {what}. Nothing was written.")
    if not format.suffix and path.is_file():
        raise ValueError(f"{path} is a file, and a {format.name} is a folder; give another. Nothing was written.")


@contextlib.contextmanager
def _scratch(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A path beside `path` and called alike. What is written there, and its report, takes the place of `path` when the
    block ends well, and is gone when it does not.

    Raises:
        OSError: it cannot be written, in one sentence.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as folder:
            scratch = pathlib.Path(folder, path.name)
            yield scratch
            take_place(scratch, path, pathlib.Path(folder, "old"))
            os.replace(report_path(scratch), report_path(path))
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        raise OSError(f"{path} could not be written: {error.strerror}. There is no part of it.") from error


def _bytes(path: pathlib.Path) -> int:
    """The size of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
