"""CRNN: convolutions read columns, two bidirectional LSTMs read the line, CTC aligns it with the text.

Shi et al., "An End-to-End Trainable Neural Network for Image-based Sequence Recognition" (2015).
Published networks: PaddleOCR `configs/rec/rec_r34_vd_none_bilstm_ctc.yml` and `rec_mv3_none_bilstm_ctc.yml`, MindOCR
`configs/rec/crnn/crnn_resnet34.yaml` and `crnn_vgg7.yaml`.
"""

from typing import Any

import keras
from keras import layers

from keras_textrec.backbones import ResNetVD
from keras_textrec.images import ImageConverter
from keras_textrec.layers.bilstm import bilstm, check_one_row, map_to_sequence
from keras_textrec.models.ctc_recognizer import CTCRecognizer
from keras_textrec.text import Charset, CTCTokenizer


@keras.saving.register_keras_serializable("keras_textrec")
class CRNN(CTCRecognizer):
    """Network input float32 (B, H, W, 3) -> logits float32 (B, W / 4, classes); class 0 is the CTC blank.

    The image width is free, in training and in reading. (VGG7 makes W / 4 - 1 steps.) The height is the converter's,
    and must be one that the backbone brings down to a single row: 17 to 32 for the published backbones.

    Args:
        tokenizer: a `CTCTokenizer`, or the `Charset` (or string of characters) to make one of.
        converter: image to network input; defaults to the published 32 x 100, ratio kept, padded on the right.
        backbone: a functional model, image -> feature map of one row; defaults to ResNet34-vd.
        hidden_size: units of each LSTM in each direction (256 with ResNet34-vd and VGG7, 96 with MobileNetV3 large
            x0.5, 48 with small x0.5).

    Raises:
        ValueError: the backbone leaves more or less than one row of an image of the converter's height.
    """

    def __init__(
        self,
        tokenizer: CTCTokenizer | Charset | str,
        converter: ImageConverter | None = None,
        backbone: keras.Model | None = None,
        hidden_size: int = 256,
        name: str = "crnn",
    ):
        # === Layers ===
        tokenizer = CTCTokenizer.of(tokenizer, "CRNN")
        converter = converter or ImageConverter(32, 100, "pad", channel_order="BGR")
        backbone = backbone or ResNetVD()
        check_one_row("CRNN", backbone, converter.height)
        head = layers.Dense(tokenizer.vocabulary_size, dtype="float32", name="head")

        # === Functional Model ===
        image = keras.Input((converter.height, None, 3), name="image")
        x = map_to_sequence(backbone(image))
        x = bilstm(x, hidden_size)
        logits = head(x)
        super().__init__(inputs=image, outputs=logits, name=name)

        # === Config ===
        self.tokenizer = tokenizer
        self.converter = converter
        self.backbone = backbone
        self.hidden_size = hidden_size

    def time_steps(self, width: int | None = None) -> int:
        """Output steps for a network input of `width` pixels (the converter's by default)."""
        width = self.converter.width if width is None else width
        return self.compute_output_shape((None, self.converter.height, width, 3))[1]

    def get_config(self) -> dict[str, Any]:
        backbone = keras.saving.serialize_keras_object(self.backbone)
        return {**super().get_config(), "backbone": backbone, "hidden_size": self.hidden_size}
