"""Pixels to network input and probabilities to characters, in TensorFlow's operators.

What stands here is traced into exported files. Whole numbers stay whole: they are exact, and not quantised.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from keras_textrec.images import ImageConverter
from keras_textrec.images.converter import LONGEST_LINE
from keras_textrec.images.normalization import normalization_table
from keras_textrec.reading.confidence import LEAST, Calibration
from keras_textrec.text.places import DELAY

# `cv2.resize` weighs pixels by so many parts of one.
_PARTS = 2048
# Places are counted in this many parts of a frame and of the canvas' width: whatever is halved below stays whole.
_FINE = 8
_FAR = 1 << 30


def resize(images: tf.Tensor, converter: ImageConverter) -> tuple[tf.Tensor, tf.Tensor]:
    """`ImageConverter.fit`: uint8 (N, H, W, 3) -> int32 (N, height, canvas width, 3), RGB, and the columns filled.

    The numbers are those of `cv2.resize` (bilinear, uint8), to the last bit.
    """
    if converter.turn_above:
        images = tf.cond(
            is_turned(images, converter), lambda: tf.reverse(tf.transpose(images, [0, 2, 1, 3]), [1]), lambda: images
        )
        images.set_shape((None, None, None, 3))
    height, width = tf.shape(images)[1], tf.shape(images)[2]
    scaled = converter.height * (tf.cast(width, tf.float64) / tf.cast(height, tf.float64))
    canvas = tf.constant(converter.least_width)
    if converter.grows:
        tf.debugging.assert_less_equal(width, LONGEST_LINE * height, "The image is too long for a line of text.")
        step = converter.width_multiple
        canvas = -(-tf.maximum(canvas, tf.cast(scaled, tf.int32)) // step) * step
    end = canvas
    if converter.resize != "stretch":
        multiples = tf.round(tf.math.ceil(scaled) / converter.round_width_to)  # half to even, as Python's
        wanted = tf.cast(multiples, tf.int32) * converter.round_width_to
        end = tf.minimum(canvas, tf.maximum(converter.minimum_width, wanted))

    left, right, left_part, right_part = _neighbours(width, end, inside=True)
    upper, lower, upper_part, lower_part = _neighbours(height, tf.constant(converter.height), inside=False)
    rows = tf.cast(tf.gather(images, tf.concat([upper, lower], 0), axis=1), tf.int32)
    columns = tf.gather(rows, left, axis=2) * left_part[:, None] + tf.gather(rows, right, axis=2) * right_part[:, None]
    columns = tf.bitwise.right_shift(columns, 4) * tf.concat([upper_part, lower_part], 0)[:, None, None]
    halves = tf.bitwise.right_shift(columns, 16)
    pixels = tf.bitwise.right_shift(halves[:, : converter.height] + halves[:, converter.height :] + 2, 2)
    pixels = tf.pad(pixels, [[0, 0], [0, 0], [0, canvas - end], [0, 0]])
    pixels.set_shape((None, converter.height, None if converter.grows else converter.width, 3))
    return pixels, end


def is_turned(images: tf.Tensor, converter: ImageConverter) -> tf.Tensor:
    """Whether a converter with `turn_above` turns images of this size, (N, H, W, 3): bool ()."""
    height, width = (tf.cast(side, tf.float64) for side in tf.unstack(tf.shape(images)[1:3]))
    return height > converter.turn_above * width


def _neighbours(size: tf.Tensor, count: tf.Tensor, inside: bool) -> tuple[tf.Tensor, ...]:
    """Of `count` pixels made of `size`: the two that each is made of, and how many parts of either.

    Args:
        inside: a pixel beyond the outermost one is that one alone (OpenCV's columns; its rows have two equal ones,
            which may round otherwise).
    """
    scale = tf.cast(size, tf.float64) / tf.cast(count, tf.float64)
    place = tf.cast((tf.cast(tf.range(count), tf.float64) + 0.5) * scale - 0.5, tf.float32)
    first = tf.cast(tf.floor(place), tf.int32)
    share = place - tf.floor(place)
    if inside:
        share = tf.where((first < 0) | (first >= size - 1), 0.0, share)
        first = tf.maximum(first, 0)
    parts = [tf.cast(tf.round(part * _PARTS), tf.int32) for part in (1 - share, share)]
    return tf.clip_by_value(first, 0, size - 1), tf.clip_by_value(first + 1, 0, size - 1), *parts


def normalize(pixels: tf.Tensor, end: tf.Tensor, converter: ImageConverter) -> tf.Tensor:
    """`ImageConverter.normalize`: whole numbers (N, H, W, 3) RGB, the first `end` columns filled -> float32, alike."""
    if converter.channel_order == "BGR":
        pixels = pixels[..., ::-1]
    table = normalization_table(converter.mean, converter.std).reshape(-1)
    if len(table) == 256:
        x = tf.gather(tf.constant(table), tf.cast(pixels, tf.int32))
    else:  # (1, 256, 3): a table for each channel
        x = tf.gather(tf.constant(table), tf.cast(pixels, tf.int32) * 3 + tf.range(3))
    filled = tf.range(tf.shape(pixels)[2]) < end
    return tf.where(filled[None, None, :, None], x, np.float32(converter.pad_value))


def decode(
    probabilities: tf.Tensor,
    end: tf.Tensor,
    canvas: tf.Tensor | int,
    decoder: dict[str, Any],
    characters: int,
    calibration: Calibration | None = None,
) -> dict[str, tf.Tensor]:
    """What `Tokenizer.decode` finds, a character a step, or none.

    Args:
        probabilities: float32 (N, T, V).
        end: int32 (), the columns of the canvas that are filled; canvas: its width, in columns.
        decoder: as the metadata have it (`keras_textrec.reading.contract.decoder_of`).
        characters: how many the charset has.
        calibration: of the confidence, where the model has one.

    Returns:
        (N, T) each: `characters` int64, the position in the charset, -1 where there is none; `confidences` float32, 0
        where there is none; `left` and `right` float32, columns of the canvas, -1 where not known. And `confidence`
        float32 (N,).
    """
    best = tf.argmax(probabilities, -1, output_type=tf.int32)
    first = decoder["first"]
    known = (best >= first) & (best < first + characters)
    nowhere = tf.fill(tf.shape(best), np.float32(-1))
    if decoder["kind"] == "ctc":
        before = tf.pad(best[:, :-1], [[0, 0], [1, 0]], constant_values=-1)
        starts = best != before
        written = starts & known
        left, right = _places(starts, written, end, canvas)
        left, right = tf.where(written, left, nowhere), tf.where(written, right, nowhere)
    else:
        written = known & (tf.cumsum(tf.cast(best == decoder["end"], tf.int32), 1) == 0)
        left = right = nowhere
    confidences = tf.where(written, tf.reduce_max(probabilities, -1), np.float32(0))
    count = tf.reduce_sum(tf.cast(written, tf.int32), -1)
    if calibration is None:
        confidence = tf.reduce_sum(confidences, -1) / tf.cast(tf.maximum(count, 1), tf.float32)
    else:
        product = tf.reduce_prod(tf.where(written, confidences, np.float32(1)), -1)
        confidence = tf.where(count > 0, _calibrated(product, calibration), np.float32(0))
    return {
        "characters": tf.cast(tf.where(written, best - first, -1), tf.int64),
        "confidences": confidences,
        "left": left,
        "right": right,
        "confidence": confidence,
    }


def _calibrated(product: tf.Tensor, calibration: Calibration) -> tf.Tensor:
    """`Calibration.apply`: float32 (N,) -> (N,)."""
    product = tf.clip_by_value(product, np.float32(LEAST), np.float32(1 - LEAST))
    logit = tf.math.log(product) - tf.math.log(1 - product)
    return tf.sigmoid(calibration.intercept + calibration.slope * logit)


def _places(starts: tf.Tensor, written: tf.Tensor, end: tf.Tensor, canvas: tf.Tensor | int) -> tuple[tf.Tensor, ...]:
    """`keras_textrec.text.places.letter_places` of every frame, bool (N, T), in columns; senseless where none begins.

    Every frame looks at every other, which takes T x T numbers and no loop.
    """
    steps = tf.shape(starts)[1]
    frame = tf.range(steps)
    later = frame[None, :] > frame[:, None]
    # In parts of a frame: a run's middle, and the frames that the image fills.
    part = _FINE * canvas
    following = tf.reduce_min(tf.where(starts[:, None] & later, frame, steps), -1)
    centres = (frame + following) * (part // 2)
    width = end * steps * _FINE
    outermost = [
        tf.reduce_min(tf.where(written, centres, _FAR), -1),
        tf.reduce_max(tf.where(written, centres, -_FAR), -1),
    ]
    delay = tf.cast(DELAY * 2, tf.int32) * (part // 2)
    shift = tf.clip_by_value((width - outermost[0] - outermost[1]) // 2, -delay, delay)
    centres = centres + shift[:, None]
    after = tf.reduce_min(tf.where(written[:, None] & later, centres[:, None], _FAR), -1)
    before = tf.reduce_max(tf.where(written[:, None] & tf.transpose(later), centres[:, None], -_FAR), -1)
    is_first, is_last = before == -_FAR, after == _FAR
    left = tf.where(is_first, centres * 2 - (centres + after) // 2, (before + centres) // 2)
    right = tf.where(is_last, centres * 2 - (before + centres) // 2, (centres + after) // 2)
    left = tf.where(is_first & is_last, 0, left)
    right = tf.where(is_first & is_last, width, right)
    scale = tf.cast(steps * _FINE, tf.float32)
    return tuple(tf.cast(tf.clip_by_value(place, 0, width), tf.float32) / scale for place in (left, right))
