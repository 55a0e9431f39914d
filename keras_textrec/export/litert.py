"""LiteRT files (.tflite): one image of a fixed size, and no operators but those that every interpreter has."""

import json
import pathlib
import tempfile
import zipfile
from typing import Any

from keras_textrec.export.formats import Options
from keras_textrec.export.saved_model import read, save
from keras_textrec.export.tf_process import run_with_tensorflow
from keras_textrec.layers.standard import only_traced
from keras_textrec.reading.contract import decoder_of
from keras_textrec.reading.litert_engine import METADATA
from keras_textrec.system.errors import Failure

_DATE = (1980, 1, 1, 0, 0, 0)  # the same metadata are the same bytes


def write(model: Any, path: pathlib.Path, options: Options) -> None:
    """Writes the file, still without metadata.

    Raises:
        Failure: TensorFlow cannot write it, or only with operators that are not built in.
    """
    run_with_tensorflow(
        f"{__name__}:convert",
        model,
        path=str(path.absolute()),
        input=options.input,
        width=options.width or model.converter.width,
        quantize=options.quantize,
    )


def stamp(path: pathlib.Path, metadata: dict[str, str]) -> None:
    """Adds the metadata, as JSON: a file packed by zip, uncompressed, behind the network, which is where LiteRT's
    associated files are."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(METADATA, _DATE), json.dumps(metadata, ensure_ascii=False))


# === In the process that has TensorFlow ===


def convert(model: Any, path: str, input: str, width: int, quantize: str | None) -> None:
    """What `write` does, with a model that lives on TensorFlow."""
    import tensorflow as tf

    from keras_textrec.export.tf_reading import decode, normalize

    converter, tokenizer = model.converter, model.tokenizer

    def image(image, width):
        canvas, end = image.shape[2], width[0]
        probabilities = read(model, normalize(image, end, converter), end, canvas)
        return decode(probabilities, end, canvas, decoder_of(tokenizer), len(tokenizer.charset))

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
        with only_traced():
            save(model.reader, {input: (function, specs)}, folder)
        lite = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[input])
        lite.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if quantize:
            lite.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == "float16":
            lite.target_spec.supported_types = [tf.float16]
        content = lite.convert()
    foreign = [name for name in operators(content) if not name.isupper()]
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
