"""`model.export(path)`: written, stamped, checked, and only then there."""

import contextlib
import importlib
import json
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

from keras_textrec.export.check import check_file
from keras_textrec.export.contract import contract_of, file_converter
from keras_textrec.export.formats import OPSET, Options, check_installed, check_options, format_of
from keras_textrec.system.errors import Failure
from keras_textrec.system.paths import check_folder


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
    """Writes a model as a file that needs nothing of this package, once it reads what the model reads.

    Args:
        path: FILE.onnx, FILE.tflite, or a folder for a SavedModel. What is there is replaced.
        quantize: "float16" or "int8" for smaller numbers, where the format has them.
        input: "image", pixels in and characters out; or "core", the network alone.
        width: one canvas width for all images, in pixels; a longer one is squeezed.
        opset: of ONNX.
        calibrate: a source of images like those to be read: int8 arithmetic throughout.

    Returns:
        The report, which also lies beside the file as `PATH.report.json`.

    Raises:
        ValueError: no such format, option or combination of them.
        ImportError: what the format needs is not installed.
        OSError: the file cannot be written.
        Failure: the written file does not read as the model does; there is none then.
    """
    path = pathlib.Path(path)
    format = format_of(path)
    check_options(format, Options(quantize, input, width, opset, calibrate))
    if not (format.detectors or hasattr(model, "tokenizer")):
        raise ValueError(f"{format.name} files hold recognisers only; export a {type(model).__name__} as FILE.onnx.")
    if format.one_width and width is None:
        width = model.converter.width
    options = Options(quantize, input, width, opset, calibrate)
    converter = file_converter(model, width)
    check_folder(path.parent)
    check_installed(format)
    writer = importlib.import_module(f"keras_textrec.export.{format.module}")
    with _scratch(path) as scratch:
        writer.write(model, scratch, options)
        writer.stamp(scratch, contract_of(model, converter).to_metadata())
        report = check_file(model, scratch, format, options)
        report_path = path.with_name(f"{path.name}.report.json")
        report_path.write_text(json.dumps(report, indent=2, ensure_ascii=False), encoding="utf-8")
    return report


@contextlib.contextmanager
def _scratch(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A path beside `path` and called alike, that takes its place when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as folder:
        scratch = pathlib.Path(folder, path.name)
        yield scratch
        if path.is_dir():
            shutil.move(path, pathlib.Path(folder, "old"))
        os.replace(scratch, path)


__all__ = ["Failure", "export"]
