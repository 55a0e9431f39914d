"""ResNet-vd for text recognition, as PaddleOCR and MindOCR build it for CRNN and RARE.

He et al., "Deep Residual Learning" (2015); the "vd" shortcut is from He et al., "Bag of Tricks" (2018).
Published files: PaddleOCR `ppocr/modeling/backbones/rec_resnet_vd.py`, MindOCR
`mindocr/models/backbones/rec_resnet.py`.
"""

from collections.abc import Sequence

import keras
from keras import layers

from keras_textrec.layers.convolution import FORMAT, conv_bn
from keras_textrec.layers.standard import AveragePooling2D, MaxPooling2D


@keras.saving.register_keras_serializable("keras_textrec")
class ResNetVD(keras.Model):
    """Image (B, H, W, 3) -> feature map (B, H / 32, W / 4, widths[-1]).

    Stages after the first halve the height only, so that a character keeps its columns. With the default arguments
    this is ResNet34-vd: 21,325,408 parameters.

    Args:
        depths: basic blocks in each stage.
        widths: channels of each stage.
        stem_widths: channels of the 3x3 convolutions before the first pooling.
        pool_padding: how the two poolings are padded: "even", half a window on both sides (PaddleOCR), or "same", as
            Keras does: an odd cell of it comes after the end (MindOCR).
        height: rows of the input image; `None` leaves them free. The width is always free.
    """

    def __init__(
        self,
        depths: Sequence[int] = (3, 4, 6, 3),
        widths: Sequence[int] = (64, 128, 256, 512),
        stem_widths: Sequence[int] = (32, 32, 64),
        pool_padding: str = "even",
        height: int | None = None,
        name: str = "resnet_vd",
    ):
        if len(depths) != len(widths):
            raise ValueError(f"ResNetVD: depths {list(depths)} and widths {list(widths)} must have one entry a stage.")
        if pool_padding not in ("even", "same"):
            raise ValueError(f"ResNetVD: pool_padding must be 'even' or 'same', not {pool_padding!r}.")
        padding = "same" if pool_padding == "same" else "valid"
        # === Functional Model ===
        image = keras.Input((height, None, 3), name="image")
        x = image
        for i, width in enumerate(stem_widths, start=1):
            x = conv_bn(x, width, 3, activation="relu", name=f"stem{i}")
        # Zeros serve as the published -inf padding: nothing is negative after ReLU.
        pad = (1, 1) if pool_padding == "even" else (0, 0)
        x = MaxPooling2D(3, 2, padding, pad=pad, name="pool")(x)
        for stage, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            for block in range(depth):
                x = _basic_block(x, width, stage, block)
        x = MaxPooling2D(2, 2, padding, name="out_pool")(x)
        super().__init__(inputs=image, outputs=x, name=name)

        # === Config ===
        self.depths = tuple(depths)
        self.widths = tuple(widths)
        self.stem_widths = tuple(stem_widths)
        self.pool_padding = pool_padding
        self.height = height

    def get_config(self):
        return {
            "name": self.name,
            "depths": self.depths,
            "widths": self.widths,
            "stem_widths": self.stem_widths,
            "pool_padding": self.pool_padding,
            "height": self.height,
        }


def _basic_block(x, width: int, stage: int, block: int):
    name = f"stage{stage}_block{block}"
    strides = (2, 1) if stage > 0 and block == 0 else (1, 1)
    y = conv_bn(x, width, 3, strides, "relu", name=f"{name}_0")
    y = conv_bn(y, width, 3, name=f"{name}_1")
    if block == 0:
        # Projected in every stage, also in the first where the shapes agree: the published weights have it.
        if stage > 0:
            x = AveragePooling2D((2, 1), (2, 1), padding="same", data_format=FORMAT, name=f"{name}_short_pool")(x)
        x = conv_bn(x, width, 1, name=f"{name}_short")
    x = layers.Add(name=f"{name}_add")([x, y])
    return layers.Activation("relu", name=f"{name}_act")(x)
