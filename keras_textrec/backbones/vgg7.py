"""VGG7, the network of the CRNN paper, as MindOCR builds it.

Shi et al., "An End-to-End Trainable Neural Network for Image-based Sequence Recognition" (2015), after Simonyan and
Zisserman, "Very Deep Convolutional Networks" (2014).
Published file: MindOCR `mindocr/models/backbones/rec_vgg.py`.
"""

from collections.abc import Sequence

import keras
from keras import layers

from keras_textrec.layers.convolution import conv
from keras_textrec.layers.standard import BatchNormalization, Conv2D, MaxPooling2D

# Which convolutions are normalised (in the paper: 5 and 6), and the pooling after some of them.
NORMALIZED = (3, 5, 7)
POOLS = {1: (2, 2), 2: (2, 2), 4: (2, 1), 6: (2, 1)}


@keras.saving.register_keras_serializable("keras_textrec")
class VGG7(keras.Model):
    """Image (B, H, W, 3) -> feature map (B, ceil(H / 16) - 1, ceil(W / 4) - 1, widths[-1]).

    The last convolution sees two rows and two columns, without padding. With the default arguments this has 5,555,072
    parameters.

    Args:
        widths: channels of each of the seven convolutions.
        height: rows of the input image; `None` leaves them free. The width is always free.

    Raises:
        ValueError: there are not seven widths.
    """

    def __init__(
        self,
        widths: Sequence[int] = (64, 128, 256, 256, 512, 512, 512),
        height: int | None = None,
        name: str = "vgg7",
    ):
        if len(widths) != 7:
            raise ValueError(f"VGG7: widths {list(widths)} must have seven entries.")
        # === Functional Model ===
        image = keras.Input((height, None, 3), name="image")
        x = image
        for i, width in enumerate(widths, start=1):
            if i < 7:
                x = conv(x, width, 3, name=f"conv{i}_conv")
            else:
                x = Conv2D(width, 2, kernel_initializer="he_normal", name="conv7_conv")(x)
            if i in NORMALIZED:
                x = BatchNormalization(momentum=0.9, epsilon=1e-4, name=f"conv{i}_bn")(x)
            x = layers.Activation("relu", name=f"conv{i}_act")(x)
            if i in POOLS:
                x = MaxPooling2D(POOLS[i], POOLS[i], "same", name=f"pool{i}")(x)
        super().__init__(inputs=image, outputs=x, name=name)

        # === Config ===
        self.widths = tuple(widths)
        self.height = height

    def get_config(self):
        return {"name": self.name, "widths": self.widths, "height": self.height}
