"""Which exported files there are: each format with the options that it takes, and what is said of others."""

import dataclasses
import importlib.util
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from keras_textrec.system.terminal import near_names

INPUTS = ("image", "core")
# The opset of ONNX files unless another is asked for.
OPSET = 17


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """How far a file may be from its model: of any confidence, and of the share of texts that are read otherwise."""

    confidence: float
    changed: float = 0.0


@dataclasses.dataclass(frozen=True)
class Options:
    """What `export` is asked for; every format takes some of it.

    Attributes:
        quantize: a key of `Format.quantize`.
        input: "image" (uint8 pixels of any size) or "core" (the network's own input).
        width: one canvas width for all images, in pixels; None: as the model's converter has it.
        opset: of ONNX.
        calibrate: a source (`keras_textrec.data.Source`) of what the network will read, for int8 arithmetic.
    """

    quantize: str | None = None
    input: str = "image"
    width: int | None = None
    opset: int = OPSET
    calibrate: Any = None


@dataclasses.dataclass(frozen=True)
class Format:
    """One kind of file.

    Attributes:
        suffix: how its files are called; "" is a folder.
        module: of this room; it has `write(model, path, options)` and `stamp(path, metadata)`.
        packages: what has to be installed to write and to check it.
        quantize: the numbers that it can hold, and how far each may be from the model.
        options: those that it takes, of `Options`, with their values where only some are possible.
        one_width: its files have one canvas width, the converter's unless another is asked for.
        detectors: it holds detectors too, not recognisers alone.
        uncalibrated: the numbers, of `quantize`, in which a confidence is never calibrated.
    """

    name: str
    suffix: str
    module: str
    packages: tuple[str, ...]
    quantize: Mapping[str | None, Tolerance]
    inputs: tuple[str, ...] = ("image",)
    options: tuple[str, ...] = ()
    one_width: bool = False
    detectors: bool = False
    uncalibrated: tuple[str, ...] = ()

    @property
    def example(self) -> str:
        return f"FILE{self.suffix}" if self.suffix else "FOLDER/"


# Of the formats that hold smaller numbers.
_QUANTIZE = {
    None: Tolerance(1e-3),
    "float16": Tolerance(2e-2, 0.05),
    "int8": Tolerance(1.0, 0.1),  # of weights
    "int8-full": Tolerance(1.0, 0.1),  # arithmetic throughout
}
ONNX = Format(
    name="ONNX",
    suffix=".onnx",
    module="onnx",
    packages=("onnx", "onnxruntime"),
    quantize=_QUANTIZE,
    inputs=INPUTS,
    options=("width", "opset", "calibrate"),
    detectors=True,
)
LITERT = Format(
    name="LiteRT",
    suffix=".tflite",
    module="litert",
    packages=("tensorflow", "ai_edge_litert"),
    quantize=_QUANTIZE,
    inputs=INPUTS,
    options=("width", "calibrate"),
    one_width=True,
    uncalibrated=("int8-full",),
)
SAVED_MODEL = Format(
    name="SavedModel",
    suffix="",
    module="saved_model",
    packages=("tensorflow",),
    quantize={None: Tolerance(1e-3)},
)
FORMATS = (ONNX, LITERT, SAVED_MODEL)


def chosen_format(path: str | os.PathLike, options: Options) -> Format:
    """The format of a file that is to be written.

    Raises:
        ValueError: no such format, option or combination of them.
        ImportError: what writes and checks it is not installed.
    """
    format = _format_of(path)
    _check_options(format, options)
    _check_installed(format)
    return format


def _format_of(path: str | os.PathLike) -> Format:
    """The format of a file by its name. ValueError: there is none of this suffix."""
    suffix = pathlib.Path(path).suffix.lower()
    if os.fspath(path).endswith(("/", os.sep)) or not suffix:
        return SAVED_MODEL
    for format in FORMATS:
        if suffix == format.suffix:
            return format
    near = near_names(suffix, [format.suffix for format in FORMATS if format.suffix])
    raise ValueError(f"No exported file is called *{suffix}; {near}\n{table()}")


def _check_options(format: Format, options: Options) -> None:
    """ValueError: the format has no such file; the sentence gives the nearest that works, and the table."""
    if options.input not in INPUTS:
        raise ValueError(f"The input {options.input!r} does not exist; {near_names(options.input, INPUTS)}\n{table()}")
    if options.input not in format.inputs:
        others = " or ".join(other.example for other in FORMATS if options.input in other.inputs)
        raise ValueError(f"{format.name} files have no input {options.input!r}; take {others}.\n{table()}")
    if options.quantize not in format.quantize:
        known = {str(name) for other in FORMATS for name in other.quantize if name}
        if options.quantize not in known:
            raise ValueError(f"quantize={options.quantize!r} does not exist; {near_names(options.quantize, known)}")
        others = " or ".join(other.example for other in FORMATS if options.quantize in other.quantize)
        raise ValueError(
            f"{format.name} files do not come with quantize={options.quantize!r}; take {others}, or leave it out.\n"
            + table()
        )
    defaults = Options()
    for name in ("width", "opset", "calibrate"):
        if getattr(options, name) != getattr(defaults, name) and name not in format.options:
            others = " or ".join(other.example for other in FORMATS if name in other.options)
            raise ValueError(f"{format.name} files have no {name}; leave it out, or take {others}.\n{table()}")
    if options.calibrate is not None and options.quantize not in ("int8", "int8-full"):
        raise ValueError("Only int8 numbers are calibrated; add quantize='int8', or leave calibrate out.")
    if options.calibrate is None and options.quantize == "int8-full":
        raise ValueError(
            "quantize='int8-full' needs images like those to be read: give calibrate, or take quantize='int8'."
        )


def _check_installed(format: Format) -> None:
    """ImportError: what writes and checks the format is not installed."""
    missing = [name for name in format.packages if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(
            f'{format.name} files need {" and ".join(missing)}: pip install "keras-textrec[export]".', name=missing[0]
        )


def table() -> str:
    """Formats and options, a line each."""
    return "\n".join(
        f"  {format.example:<12} quantize: {', '.join(name or 'float32' for name in format.quantize)}; "
        f"input: {', '.join(format.inputs)}" + (f"; takes {', '.join(format.options)}" if format.options else "")
        for format in FORMATS
    )
