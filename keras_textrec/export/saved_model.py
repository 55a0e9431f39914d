"""SavedModel folders: `serve`, bytes of image files to texts, and `image`, pixels to characters."""

import json
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from keras_textrec.export.formats import Options
from keras_textrec.export.tf_process import run_with_tensorflow
from keras_textrec.reading.contract import decoder_of
from keras_textrec.reading.saved_model_engine import METADATA


def write(model: Any, path: pathlib.Path, options: Options) -> None:
    """Writes the folder, still without metadata.

    Raises:
        Failure: TensorFlow cannot write it.
    """
    run_with_tensorflow(f"{__name__}:convert", model, path=str(path.absolute()))


def stamp(path: pathlib.Path, metadata: dict[str, str]) -> None:
    """Adds the metadata, as JSON."""
    target = path / METADATA
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(metadata, ensure_ascii=False, indent=1), "utf-8")


# === In the process that has TensorFlow ===


def convert(model: Any, path: str) -> None:
    """What `write` does, with a model that lives on TensorFlow."""
    import tensorflow as tf

    from keras_textrec.export.tf_reading import decode, is_turned, normalize, resize

    converter, charset = model.converter, list(model.tokenizer.charset)
    decoder = decoder_of(model.tokenizer)

    def image(image):
        pixels, end = resize(image, converter)
        canvas = tf.shape(pixels)[2]
        probabilities = read(model, normalize(pixels, end, converter), end, canvas)
        outputs = decode(probabilities, end, canvas, decoder, len(charset), model.calibration)
        # From columns of the canvas to those of the image, which may stand upright on it.
        shape = tf.shape(image)
        columns = shape[2]
        if converter.turn_above:
            columns = tf.where(is_turned(image, converter), shape[1], shape[2])
        columns = tf.cast(columns, tf.float32)
        scale = columns / tf.cast(end, tf.float32)
        for name in ("left", "right"):
            place = outputs[name]
            outputs[name] = tf.where(place < 0, place, tf.minimum(place * scale, columns))
        return outputs

    texts = tf.constant([*charset, ""])  # position -1 is none

    def read_file(data):
        # Integer arithmetic gives the pixels that OpenCV gives; TensorFlow's default is faster and inexact.
        jpeg = tf.strings.substr(data, 0, 2) == b"\xff\xd8"
        pixels = tf.cond(
            jpeg,
            lambda: tf.io.decode_jpeg(data, 3, dct_method="INTEGER_ACCURATE"),
            lambda: tf.io.decode_image(data, 3, expand_animations=False),
        )
        pixels.set_shape((None, None, 3))
        outputs = image(pixels[None])
        places = outputs["characters"][0]
        text = tf.strings.reduce_join(tf.gather(texts, tf.where(places < 0, np.int64(len(charset)), places)))
        return text, outputs["confidence"][0]

    def serve(images):
        # One by one: each has a canvas of its own, as when `read` reads it.
        text, confidence = tf.map_fn(read_file, images, fn_output_signature=(tf.string, tf.float32))
        return {"text": text, "confidence": confidence}

    signatures = {
        "serve": (serve, {"images": tf.TensorSpec((None,), tf.string)}),
        "image": (image, {"image": tf.TensorSpec((None, None, None, 3), tf.uint8)}),
    }
    save(model.reader, signatures, path)


def read(model: Any, x: Any, end: Any, canvas: Any) -> Any:
    """Probabilities (N, T, V) of network input (N, H, W, 3), of which the first `end` columns are filled."""
    import tensorflow as tf

    ratio = tf.cast(end, tf.float32) / tf.cast(canvas, tf.float32)
    inputs = model.reader_inputs(x, tf.repeat(ratio, tf.shape(x)[0]))
    return model.reader(inputs, training=False)


def save(reader: keras.Model, signatures: Mapping[str, tuple[Callable, dict[str, Any]]], path: str) -> None:
    """Writes a SavedModel of functions over a network, each with the specifications of its arguments by name.

    (`keras.export.ExportArchive` would write every weight twice.)
    """
    import tensorflow as tf

    module = tf.Module()
    module.weights = [variable.value for variable in reader.variables]
    traced = {
        name: tf.function(function, autograph=False).get_concrete_function(
            *(tf.TensorSpec(spec.shape, spec.dtype, name=argument) for argument, spec in specs.items())
        )
        for name, (function, specs) in signatures.items()
    }
    tf.saved_model.save(module, path, traced)
