"""MobileNetV3 for text recognition, as PaddleOCR builds it for CRNN and RARE.

Howard et al., "Searching for MobileNetV3" (2019).
Published file: PaddleOCR `ppocr/modeling/backbones/rec_mobilenet_v3.py`.
"""

from collections.abc import Sequence

import keras
from keras import layers

from keras_textrec.layers.convolution import conv_bn, hard_sigmoid_fifth, squeeze_excite
from keras_textrec.layers.standard import MaxPooling2D

# kernel, expanded channels, output channels, squeeze-and-excitation, activation; before the width multiplier.
UNITS = {
    "large": (
        (3, 16, 16, False, "relu"),
        (3, 64, 24, False, "relu"),
        (3, 72, 24, False, "relu"),
        (5, 72, 40, True, "relu"),
        (5, 120, 40, True, "relu"),
        (5, 120, 40, True, "relu"),
        (3, 240, 80, False, "hard_silu"),
        (3, 200, 80, False, "hard_silu"),
        (3, 184, 80, False, "hard_silu"),
        (3, 184, 80, False, "hard_silu"),
        (3, 480, 112, True, "hard_silu"),
        (3, 672, 112, True, "hard_silu"),
        (5, 672, 160, True, "hard_silu"),
        (5, 960, 160, True, "hard_silu"),
        (5, 960, 160, True, "hard_silu"),
    ),
    "small": (
        (3, 16, 16, True, "relu"),
        (3, 72, 24, False, "relu"),
        (3, 88, 24, False, "relu"),
        (5, 96, 40, True, "hard_silu"),
        (5, 240, 40, True, "hard_silu"),
        (5, 240, 40, True, "hard_silu"),
        (5, 120, 48, True, "hard_silu"),
        (5, 144, 48, True, "hard_silu"),
        (5, 288, 96, True, "hard_silu"),
        (5, 576, 96, True, "hard_silu"),
        (5, 576, 96, True, "hard_silu"),
    ),
}
# The units that take the four entries of `strides`, and the channels of the last convolution.
STRIDED = {"large": (0, 1, 3, 12), "small": (0, 1, 3, 8)}
LAST = {"large": 960, "small": 576}


@keras.saving.register_keras_serializable("keras_textrec")
class MobileNetV3(keras.Model):
    """Image (B, H, W, 3) -> feature map (B, H / 32, W / 4, C); C is 480 for large x0.5, 288 for small x0.5.

    Args:
        size: "large" or "small".
        width_multiplier: scales every channel count (the published recognisers use 0.5).
        strides: vertical strides of the four strided units. (PaddleOCR's "small" without them has 2, 2, 2, 2, which no
            published recogniser uses.)
        height: rows of the input image; `None` leaves them free. The width is always free.
    """

    def __init__(
        self,
        size: str = "large",
        width_multiplier: float = 0.5,
        strides: Sequence[int] = (1, 2, 2, 2),
        height: int | None = None,
        name: str = "mobilenet_v3",
    ):
        if size not in UNITS:
            raise ValueError(f"MobileNetV3: size must be 'large' or 'small', not {size!r}.")
        strides = tuple(strides)
        if len(strides) != 4:
            raise ValueError(f"MobileNetV3: strides must have four entries, not {strides}.")
        vertical = dict(zip(STRIDED[size], strides, strict=True))

        # === Functional Model ===
        image = keras.Input((height, None, 3), name="image")
        x = conv_bn(image, _scaled(16, width_multiplier), 3, 2, "hard_silu", name="conv1")
        for i, (kernel, expanded, filters, excited, activation) in enumerate(UNITS[size]):
            expanded, filters = _scaled(expanded, width_multiplier), _scaled(filters, width_multiplier)
            stride = vertical.get(i, 1)
            # The published code writes the strided units' strides as (stride, 1), but for the first one of "large", and
            # adds the input only where the stride is a plain 1: "small" has no shortcut in its first unit.
            is_plain = i not in vertical or (size == "large" and i == 0)
            strides_2d = (stride, stride) if is_plain else (stride, 1)
            has_shortcut = is_plain and stride == 1 and filters == x.shape[-1]
            x = _unit(x, kernel, expanded, filters, excited, activation, strides_2d, has_shortcut, f"block{i}")
        x = conv_bn(x, _scaled(LAST[size], width_multiplier), 1, activation="hard_silu", name="conv2")
        x = MaxPooling2D(2, 2, name="out_pool")(x)
        super().__init__(inputs=image, outputs=x, name=name)

        # === Config ===
        self.size = size
        self.width_multiplier = width_multiplier
        self.strides = strides
        self.height = height

    def get_config(self):
        return {
            "name": self.name,
            "size": self.size,
            "width_multiplier": self.width_multiplier,
            "strides": self.strides,
            "height": self.height,
        }


def _scaled(channels: int, multiplier: float) -> int:
    """`channels * multiplier` to the nearest multiple of 8, never more than a tenth below it."""
    wanted = channels * multiplier
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded


def _unit(x, kernel, expanded, filters, excited, activation, strides, has_shortcut, name):
    y = conv_bn(x, expanded, 1, activation=activation, name=f"{name}_expand")
    y = conv_bn(y, None, kernel, strides, activation, name=f"{name}_depthwise")
    if excited:
        y = squeeze_excite(y, expanded // 4, hard_sigmoid_fifth, name=f"{name}_se")
    y = conv_bn(y, filters, 1, name=f"{name}_project")
    return layers.Add(name=f"{name}_add")([x, y]) if has_shortcut else y
