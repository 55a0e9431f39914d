"""ResNet31 for text recognition, as PaddleOCR builds it for RobustScanner.

Li et al., "Show, Attend and Read" (2018), whose network this is; RobustScanner takes it over.
Published file: PaddleOCR `ppocr/modeling/backbones/rec_resnet_31.py`.
"""

from collections.abc import Sequence

import keras
from keras import layers

from keras_textrec.layers.convolution import conv_bn
from keras_textrec.layers.standard import MaxPooling2D

# The pooling before each stage; an odd row or column is pooled alone.
POOLS = ((2, 2), (2, 2), (2, 1), None)


@keras.saving.register_keras_serializable("keras_textrec")
class ResNet31(keras.Model):
    """Image (B, H, W, 3) -> feature map (B, ceil(H / 8), ceil(W / 4), widths[-1]).

    The map stays two-dimensional, for attention. With the default arguments this has 46,001,280 parameters.

    Batch normalisation starts with a scale of 1. (The published code draws it from -1 to 1.)

    Args:
        depths: basic blocks in each of the four stages.
        widths: channels of each stage.
        stem_widths: channels of the two convolutions before the first pooling.
        use_bias: biases for the convolutions outside the blocks; the normalisations take them away again. MindOCR's
            published weights have none.
        height: rows of the input image; `None` leaves them free. The width is always free.

    Raises:
        ValueError: there are not four stages.
    """

    def __init__(
        self,
        depths: Sequence[int] = (1, 2, 5, 3),
        widths: Sequence[int] = (256, 256, 512, 512),
        stem_widths: Sequence[int] = (64, 128),
        use_bias: bool = True,
        height: int | None = None,
        name: str = "resnet31",
    ):
        if not len(depths) == len(widths) == len(POOLS):
            raise ValueError(f"ResNet31: depths {list(depths)} and widths {list(widths)} must have four entries each.")
        # === Functional Model ===
        image = keras.Input((height, None, 3), name="image")
        x = image
        for i, width in enumerate(stem_widths, start=1):
            x = conv_bn(x, width, 3, activation="relu", use_bias=use_bias, name=f"stem{i}")
        for stage, (depth, width, pool) in enumerate(zip(depths, widths, POOLS, strict=True), start=2):
            if pool:
                x = MaxPooling2D(pool, pool, "same", name=f"stage{stage}_pool")(x)
            for block in range(depth):
                x = _basic_block(x, width, f"stage{stage}_block{block}")
            x = conv_bn(x, width, 3, activation="relu", use_bias=use_bias, name=f"stage{stage}_out")
        super().__init__(inputs=image, outputs=x, name=name)

        # === Config ===
        self.depths = tuple(depths)
        self.widths = tuple(widths)
        self.stem_widths = tuple(stem_widths)
        self.use_bias = use_bias
        self.height = height

    def get_config(self):
        return {
            "name": self.name,
            "depths": self.depths,
            "widths": self.widths,
            "stem_widths": self.stem_widths,
            "use_bias": self.use_bias,
            "height": self.height,
        }


def _basic_block(x, width: int, name: str):
    y = conv_bn(x, width, 3, activation="relu", name=f"{name}_0")
    y = conv_bn(y, width, 3, name=f"{name}_1")
    if x.shape[-1] != width:
        x = conv_bn(x, width, 1, name=f"{name}_short")
    x = layers.Add(name=f"{name}_add")([x, y])
    return layers.Activation("relu", name=f"{name}_act")(x)
