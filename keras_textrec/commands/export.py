"""`keras-textrec export`: a preset as a file that stands alone."""

import argparse

from keras_textrec.system.numbers import at_least

HELP = "write a preset as an ONNX, LiteRT or SavedModel file that needs nothing of this package"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("preset", help="a name, a folder or hf://USER/REPO")
    parser.add_argument("file", metavar="FILE.onnx|FILE.tflite|FOLDER/", help="the suffix is the format")
    parser.add_argument("--quantize", metavar="NUMBERS", help="float16 or int8, where the format has it")
    parser.add_argument(
        "--input", default="image", help="image: pixels in, characters out; core: the network alone (%(default)s)"
    )
    parser.add_argument("--width", type=at_least(1), metavar="N", help="one canvas width for all images, in pixels")
    parser.add_argument("--opset", type=at_least(1), default=17, metavar="N", help="of ONNX (%(default)s)")
    parser.add_argument("--calibrate", metavar="SOURCE", help="images like those to be read, for int8 throughout")


def run(options: argparse.Namespace) -> int:
    from keras_textrec.data import open_sources
    from keras_textrec.export.check import report_lines
    from keras_textrec.zoo import load_preset

    report = load_preset(options.preset).export(
        options.file,
        quantize=options.quantize,
        input=options.input,
        width=options.width,
        opset=options.opset,
        calibrate=open_sources([options.calibrate]) if options.calibrate else None,
    )
    print("\n".join(report_lines(report)))
    return 0
