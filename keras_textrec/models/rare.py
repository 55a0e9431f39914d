"""RARE: the image is bent straight, convolutions and LSTMs read it, attention writes it down character by character.

Shi et al., "Robust Scene Text Recognition with Automatic Rectification" (2016).
Published networks: PaddleOCR `configs/rec/rec_r34_vd_tps_bilstm_att.yml` and `rec_mv3_tps_bilstm_att.yml`; without
rectification, MindOCR `configs/rec/rare/rare_resnet34.yaml` and `rare_resnet34_ch.yaml`.
"""

from typing import Any

import keras
import numpy as np

from keras_textrec.backbones import ResNetVD
from keras_textrec.images import ImageConverter, load_image
from keras_textrec.layers.attention_decoder import AttentionDecoder
from keras_textrec.layers.bilstm import bilstm, check_one_row, map_to_sequence
from keras_textrec.layers.tps import TPS
from keras_textrec.models.attention_recognizer import AttentionRecognizer
from keras_textrec.text import AttentionTokenizer, Charset
from keras_textrec.training.losses import FreeRunningLoss, SequenceLoss


@keras.saving.register_keras_serializable("keras_textrec")
class RARE(AttentionRecognizer):
    """Network input float32 (B, H, W, 3) and tokens int32 (B, S) -> logits float32 (B, S, classes).

    It is trained with teacher forcing (see `AttentionRecognizer`), as the field does. PaddleOCR trains otherwise, and
    `free_running=True` does as it does: the decoder never sees the true symbols, and the loss wants the start as first
    symbol (see `FreeRunningLoss`).

    With rectification the input has the converter's size; without it, its width is free.

    Args:
        tokenizer: an `AttentionTokenizer`, or the `Charset` (or string of characters) to make one of.
        converter: image to network input; defaults to the published 32 x 100, ratio kept, padded on the right.
        backbone: a functional model, image -> feature map of one row; defaults to ResNet34-vd.
        hidden_size: units of each LSTM in each direction (256 with ResNet34-vd, 96 with MobileNetV3 large x0.5).
        rectify: size of the localisation network, "large" (with ResNet34-vd) or "small"; None does not rectify.
        free_running: train as PaddleOCR does.
        steps: S, the most symbols that are written, the end included. Training in PaddleOCR's way takes one more.
        decoder_size: units of the attention and of the GRU; `hidden_size` by default.

    Raises:
        ValueError: the tokenizer is another network's, the backbone leaves more or less than one row of an image of the
            converter's height, or images are to be rectified and the converter makes them of several widths.
    """

    def __init__(
        self,
        tokenizer: AttentionTokenizer | Charset | str,
        converter: ImageConverter | None = None,
        backbone: keras.Model | None = None,
        hidden_size: int = 256,
        rectify: str | None = "large",
        free_running: bool = False,
        steps: int = 25,
        decoder_size: int | None = None,
        name: str = "rare",
    ):
        # === Layers ===
        tokenizer = AttentionTokenizer.of(tokenizer, "RARE")
        converter = converter or ImageConverter(32, 100, "pad", channel_order="BGR")
        backbone = backbone or ResNetVD()
        check_one_row("RARE", backbone, converter.height)
        if rectify and converter.grows:
            raise ValueError(
                "RARE: rectification needs images of one width, and the converter widens them; let it resize by 'pad' "
                "or 'stretch', or do without (rectify=None)."
            )
        decoder = AttentionDecoder(
            decoder_size or hidden_size, tokenizer.vocabulary_size, steps, tokenizer.start_id, name="decoder"
        )

        # === Functional Model ===
        image = keras.Input((converter.height, converter.width if rectify else None, 3), name="image")
        tokens = keras.Input((steps,), dtype="int32", name="tokens")
        x = TPS(converter.height, converter.width, rectify)(image) if rectify else image
        x = map_to_sequence(backbone(x))
        memory = bilstm(x, hidden_size)
        logits, _ = decoder(memory, tokens)
        super().__init__(inputs=[image, tokens], outputs=logits, name=name)

        # === Config ===
        self.tokenizer = tokenizer
        self.converter = converter
        self.backbone = backbone
        self.hidden_size = hidden_size
        self.rectify = rectify
        self.free_running = free_running
        self.steps = steps
        self.decoder_size = decoder_size

    def rectified(self, image: Any) -> np.ndarray:
        """The straightened image, uint8 (H, W, 3) RGB, of the converter's size, its padding included.

        Args:
            image: what `read` takes, one.

        Raises:
            ValueError: the network does not rectify, or the image cannot be read.
        """
        if not self.rectify:
            raise ValueError("This RARE network does not rectify images (rectify=None).")
        x = self.converter.convert([load_image(image)], self.converter.width)
        return self.converter.to_image(keras.ops.convert_to_numpy(self.get_layer("tps").predict_on_batch(x))[0])

    def make_loss(self) -> keras.losses.Loss:
        return FreeRunningLoss() if self.free_running else SequenceLoss(self.tokenizer.end_id)

    def time_steps(self, width: int | None = None) -> int:
        """Output steps for characters and end, whatever the width: free-running, the first step is for the start."""
        return self.steps - self.free_running

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "backbone": keras.saving.serialize_keras_object(self.backbone),
            "hidden_size": self.hidden_size,
            "rectify": self.rectify,
            "free_running": self.free_running,
            "steps": self.steps,
            "decoder_size": self.decoder_size,
        }
