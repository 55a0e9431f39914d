"""LiteRT files (.tflite): one image of a fixed size, and no operators but those that every interpreter has."""

import json
import pathlib
import re
import tempfile
import zipfile
from typing import Any

import numpy as np

from keras_textrec.data import Source
from keras_textrec.export.calibration import calibration_images
from keras_textrec.export.contract import file_converter
from keras_textrec.export.formats import Options
from keras_textrec.export.saved_model import read, save
from keras_textrec.export.tf_process import run_with_tensorflow
from keras_textrec.images import ImageConverter
from keras_textrec.layers.standard import only_traced
from keras_textrec.reading.contract import decoder_of
from keras_textrec.reading.litert_engine import METADATA
from keras_textrec.system.errors import Failure

_DATE = (1980, 1, 1, 0, 0, 0)  # the same metadata are the same bytes


def write(model: Any, path: pathlib.Path, options: Options) -> None:
    """Writes the file, still without metadata.

    Raises:
        ValueError: no image of the calibration source can be read.
        Failure: TensorFlow cannot write it, or only with operators that are not built in.
    """
    arguments = {"path": str(path.absolute()), "width": options.width or model.converter.width}
    arguments |= {"input": options.input, "quantize": options.quantize}
    if options.quantize != "int8-full":
        run_with_tensorflow(f"{__name__}:convert", model, **arguments)
        return
    with tempfile.TemporaryDirectory(prefix="keras-textrec-") as folder:
        samples = pathlib.Path(folder, "samples.npz")
        np.savez(samples, **_samples(options.calibrate, file_converter(model, arguments["width"]), options.input))
        run_with_tensorflow(f"{__name__}:convert", model, **arguments, samples=str(samples))


def stamp(path: pathlib.Path, metadata: dict[str, str]) -> None:
    """Adds the metadata, as JSON: a file packed by zip, uncompressed, behind the network, which is where LiteRT's
    associated files are."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(METADATA, _DATE), json.dumps(metadata, ensure_ascii=False))


def _samples(source: Source, converter: ImageConverter, input: str) -> dict[str, np.ndarray]:
    """Images of a source as the file takes them: N of each of its arguments, by name."""
    canvases, widths = [], []
    for image in calibration_images(source):
        canvases.append(np.zeros((converter.height, converter.width, 3), "uint8"))
        widths.append(converter.fit(image, canvases[-1]))
    pixels, ends = np.stack(canvases), np.array(widths, "int32")
    if input == "image":
        return {"image": pixels, "width": ends}
    x = converter.normalize(pixels, ends, np.empty(pixels.shape, "float32"))
    return {"image": x, "valid_ratio": ends.astype("float32") / converter.width}


# === In the process that has TensorFlow ===


def convert(model: Any, path: str, input: str, width: int, quantize: str | None, samples: str | None = None) -> None:
    """What `write` does, with a model that lives on TensorFlow."""
    import tensorflow as tf

    from keras_textrec.export.fused_lstm import fused_lstm
    from keras_textrec.export.tf_reading import decode, normalize

    converter, tokenizer = model.converter, model.tokenizer
    calibration = None if samples else model.calibration  # of logarithms in int8, nothing is left

    def image(image, width):
        canvas, end = image.shape[2], width[0]
        probabilities = read(model, normalize(image, end, converter), end, canvas)
        return decode(probabilities, end, canvas, decoder_of(tokenizer), len(tokenizer.charset), calibration)

    def core(image, *valid_ratio):
        return {"probabilities": model.reader((image, *valid_ratio) if valid_ratio else image, training=False)}

    shape = (1, converter.height, width, 3)
    if input == "image":
        function = image
        specs = {"image": tf.TensorSpec(shape, tf.uint8), "width": tf.TensorSpec((1,), tf.int32)}
    else:
        function = core
        specs = {"image": tf.TensorSpec(shape, tf.float32), "valid_ratio": tf.TensorSpec((1,), tf.float32)}
        specs = dict(list(specs.items())[: len(model.reader.inputs)])
    with tempfile.TemporaryDirectory(prefix="keras-textrec-") as folder:
        with only_traced(fused_lstm if samples else None):
            save(model.reader, {input: (function, specs)}, folder)
        lite = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[input])
        lite.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if quantize:
            lite.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == "float16":
            lite.target_spec.supported_types = [tf.float16]
        if samples:
            numbers = np.load(samples)
            rows = [dict(zip(numbers, row)) for row in zip(*(numbers[name] for name in numbers), strict=True)]
            lite.representative_dataset = lambda: ({name: row[name][None] for name in specs} for row in rows)
            lite.target_spec.supported_ops.append(tf.lite.OpsSet.TFLITE_BUILTINS_INT8)
        try:
            content = lite.convert()
            foreign = [name for name in operators(content) if not name.isupper()]
        except Exception as error:  # the converter's own has no public name
            foreign = re.findall(r"'([\w.]+)' op is neither a custom op nor a flex op", str(error))
            if not foreign:
                raise
    if foreign:
        raise Failure(f"The file would need operators that LiteRT does not have built in: {', '.join(foreign)}.")
    pathlib.Path(path).write_bytes(content)


def operators(content: bytes) -> list[str]:
    """The operators of a .tflite file: built-in ones by their names in upper case, others (Flex...) as they are."""
    from tensorflow.lite.python import schema_py_generated as schema

    names = {number: name for name, number in vars(schema.BuiltinOperator).items() if name.isupper()}
    network = schema.Model.GetRootAs(content)
    found = set()
    for i in range(network.OperatorCodesLength()):
        code = network.OperatorCodes(i)
        # Numbers up to 127 stand in a field of their own, as they did before there were more.
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        found.add(code.CustomCode().decode() if names[number] == "CUSTOM" else names[number])
    return sorted(found)
