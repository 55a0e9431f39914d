"""`keras-textrec export`: a preset as a file that stands alone."""

import argparse
from typing import Any

from keras_textrec.export.formats import OPSET
from keras_textrec.system.numbers import at_least

HELP = "write a preset as an ONNX, LiteRT or SavedModel file that needs nothing of this package"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("preset", help="a name, a folder or hf://USER/REPO")
    parser.add_argument("file", metavar="FILE.onnx|FILE.tflite|FOLDER/", help="the suffix is the format")
    parser.add_argument(
        "--quantize", metavar="NUMBERS", help="float16, int8 (of weights), or int8-full with --calibrate"
    )
    parser.add_argument(
        "--input", default="image", help="image: pixels in, characters out; core: the network alone (%(default)s)"
    )
    parser.add_argument("--width", type=at_least(1), metavar="N", help="one canvas width for all images, in pixels")
    parser.add_argument("--opset", type=at_least(1), default=OPSET, metavar="N", help="of ONNX (%(default)s)")
    parser.add_argument("--calibrate", metavar="SOURCE", help="labelled images like those to be read, for int8")


def run(options: argparse.Namespace) -> int:
    from keras_textrec.data import open_sources
    from keras_textrec.export.formats import Options, chosen_format

    request = {name: getattr(options, name) for name in ("quantize", "input", "width", "opset")}
    request["calibrate"] = open_sources([options.calibrate]) if options.calibrate else None
    chosen_format(options.file, Options(**request))  # before a preset is downloaded

    from keras_textrec.zoo import load_preset

    report = load_preset(options.preset).export(options.file, **request)
    _print(report, options.file)
    return 0


def _print(report: dict[str, Any], file: str) -> None:
    print(f"{file}: {report['format']}, {report['bytes'] / 1e6:.2f} MB, {report['preset'] or report['model']}")
    if "same_texts" in report:
        print(
            f"Checked: it reads {report['same_texts']} of {report['words']} drawn words as the model does, confidences "
            f"within {report['confidence_difference']:.1g}."
        )
    else:
        print(
            f"Checked: it finds the {report['words']} words of a drawn photograph that the model finds, its map within "
            f"{report['map_difference']:.1g}."
        )
    if "calibration" in report:
        figures = report["calibration"]
        print(
            f"Of {figures['records']} words of the calibration source, the model reads {figures['model']:.2%} right, "
            f"the file {figures['file']:.2%}."
        )
