"""RobustScanner: one branch reads with the text so far in mind, one goes by positions alone, and a gate chooses.

Yue et al., "RobustScanner: Dynamically Enhancing Positional Clues for Robust Text Recognition" (2020).
Published networks: PaddleOCR `configs/rec/rec_r31_robustscanner.yml`, MindOCR
`configs/rec/robustscanner/robustscanner_resnet31.yaml`.
"""

from typing import Any

import keras

from keras_textrec.backbones import ResNet31
from keras_textrec.images import ImageConverter
from keras_textrec.layers.hybrid_decoder import HybridDecoder
from keras_textrec.layers.position_aware import ColumnMask, PositionAttention, position_aware
from keras_textrec.layers.standard import Conv2D
from keras_textrec.models.attention_recognizer import AttentionRecognizer
from keras_textrec.text import Charset, SARTokenizer
from keras_textrec.training.losses import SequenceLoss


@keras.saving.register_keras_serializable("keras_textrec")
class RobustScanner(AttentionRecognizer):
    """Image float32 (B, H, W, 3), valid ratio float32 (B,), tokens int32 (B, S) -> logits float32 (B, S, classes).

    The valid ratio is the part of the width that the image fills, 0 to 1; the decoder does not look beyond. The width
    is free, in training and in reading; the height is the converter's.

    Args:
        tokenizer: a `SARTokenizer`, or the `Charset` (or string of characters) to make one of.
        converter: image to network input; defaults to the published 48 x 160, ratio kept, padded with black.
        backbone: a functional model, image -> feature map; defaults to ResNet31.
        hidden_size: units of the LSTMs and channels of the keys.
        steps: S, the most symbols that are written, the end included.
        along_text: whether the LSTMs run along the text. If not, the hybrid branch knows the symbol before and nothing
            earlier, and the position branch reads columns from top to bottom, not rows. MindOCR's published weights are
            for that. (Its LSTMs take the first axis, the images, for time; this is what they do to one image alone.
            Among others there, an image sees those before it in its batch.)
        use_bias: biases for the convolutions that make the keys. MindOCR's published weights have none.
    """

    def __init__(
        self,
        tokenizer: SARTokenizer | Charset | str,
        converter: ImageConverter | None = None,
        backbone: keras.Model | None = None,
        hidden_size: int = 128,
        steps: int = 40,
        along_text: bool = True,
        use_bias: bool = True,
        name: str = "robust_scanner",
    ):
        # === Layers ===
        tokenizer = SARTokenizer.of(tokenizer, "RobustScanner")
        converter = converter or ImageConverter(
            48, 160, "pad", channel_order="BGR", pad_value=-1.0, round_width_to=4, minimum_width=48
        )
        backbone = backbone or ResNet31()
        encoder = Conv2D(hidden_size, 1, use_bias=use_bias, kernel_initializer="glorot_normal", name="encoder")
        decoder = HybridDecoder(tokenizer.vocabulary_size, tokenizer.start_id, remember=along_text, name="decoder")

        # === Functional Model ===
        image = keras.Input((converter.height, None, 3), name="image")
        valid_ratio = keras.Input((), name="valid_ratio")
        tokens = keras.Input((steps,), dtype="int32", name="tokens")
        features = backbone(image)
        keys = encoder(features)
        bias = ColumnMask(name="mask")(features, valid_ratio)
        places = position_aware(keys, along_text=along_text, use_bias=use_bias)
        glimpses, _ = PositionAttention(steps, name="position")(features, places, bias)
        logits, _ = decoder(features, keys, bias, glimpses, tokens)
        super().__init__(inputs=[image, valid_ratio, tokens], outputs=logits, name=name)

        # === Config ===
        self.tokenizer = tokenizer
        self.converter = converter
        self.backbone = backbone
        self.hidden_size = hidden_size
        self.steps = steps
        self.along_text = along_text
        self.use_bias = use_bias

    def make_loss(self) -> keras.losses.Loss:
        return SequenceLoss(self.tokenizer.end_id)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "backbone": keras.saving.serialize_keras_object(self.backbone),
            "hidden_size": self.hidden_size,
            "steps": self.steps,
            "along_text": self.along_text,
            "use_bias": self.use_bias,
        }
