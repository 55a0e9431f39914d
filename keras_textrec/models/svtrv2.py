"""SVTRv2, and its small sister RepSVTR: a network that mixes all parts of a line, read by CTC, trained by a guide.

Du et al., "SVTRv2: CTC Beats Encoder-Decoder Models in Scene Text Recognition" (2024).
Published networks: PaddleOCR `configs/rec/SVTRv2/rec_svtrv2_ch.yml` and `rec_repsvtr_ch.yml`.
"""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from keras_textrec.backbones.repsvtr import RepSVTRBackbone
from keras_textrec.backbones.svtrv2 import SVTRv2Backbone
from keras_textrec.images import ImageConverter
from keras_textrec.layers.bilstm import check_one_row, map_to_sequence
from keras_textrec.layers.nrtr_decoder import NRTRDecoder
from keras_textrec.layers.svtr_neck import svtr_neck
from keras_textrec.models.ctc_recognizer import CTCRecognizer
from keras_textrec.text import Charset, CTCTokenizer, NRTRTokenizer
from keras_textrec.training.losses import SequenceLoss


@keras.saving.register_keras_serializable("keras_textrec")
class SVTRv2(CTCRecognizer):
    """Network input float32 (B, H, W, 3) -> logits float32 (B, W / 8, classes); class 0 is the CTC blank.

    Height and width are free, in training and in reading; the published heights are 32, 48 and 64.

    A guided network has a second input and a second output: {"image", "tokens": int32 (B, S)} -> {"ctc": the logits
    above, "guide": logits float32 (B, S, characters + 5)}. The guide is an attention decoder, and `tokens` what it sees
    at each step (`NRTRTokenizer.sequences`). As the published networks are trained, the guide's loss alone trains the
    backbone, and CTC what stands on it. Reading does without the guide, and `without_guide` is what to ship.

    Args:
        tokenizer: a `CTCTokenizer`, or the `Charset` (or string of characters) to make one of.
        converter: image to network input; defaults to the published 48 x 320, ratio kept, padded on the right.
        backbone: a functional model, image -> feature map of one row, with channels in multiples of 32 for a guide;
            defaults to `SVTRv2Backbone()`.
        guided: whether the network has the guide.
        hidden_size: channels of the neck, a multiple of 32.
        dropout: of the neck and the guide.

    Raises:
        ValueError: the backbone leaves more or less than one row of an image of the converter's height, or there are
            channels in other numbers than multiples of 32.
    """

    def __init__(
        self,
        tokenizer: CTCTokenizer | Charset | str,
        converter: ImageConverter | None = None,
        backbone: keras.Model | None = None,
        guided: bool = False,
        hidden_size: int = 256,
        dropout: float = 0.1,
        name: str = "svtrv2",
    ):
        # === Layers ===
        tokenizer = CTCTokenizer.of(tokenizer, type(self).__name__)
        converter = converter or ImageConverter(48, 320, "pad", channel_order="BGR")
        backbone = backbone or SVTRv2Backbone()
        check_one_row(type(self).__name__, backbone, converter.height)
        head = layers.Dense(tokenizer.vocabulary_size, dtype="float32", name="head")
        guide_tokenizer = NRTRTokenizer(tokenizer.charset)

        # === Functional Model ===
        inputs = image = keras.Input((None, None, 3), name="image")
        features = backbone(image)
        # Guided, the backbone learns from the guide only.
        x = ops.stop_gradient(features) if guided else features
        outputs = logits = head(map_to_sequence(svtr_neck(x, hidden_size, dropout=dropout)))
        if guided:
            tokens = keras.Input((None,), dtype="int32", name="tokens")
            guide = NRTRDecoder(features.shape[-1], guide_tokenizer.vocabulary_size, dropout=dropout)
            inputs = {"image": image, "tokens": tokens}
            memory = map_to_sequence(features, "guide_memory")
            outputs = {"ctc": logits, "guide": guide({"memory": memory, "tokens": tokens})}
        super().__init__(inputs=inputs, outputs=outputs, name=name)

        # === Config ===
        self.tokenizer = tokenizer
        self.converter = converter
        self.guide_tokenizer = guide_tokenizer
        self.backbone = backbone
        self.guided = guided
        self.hidden_size = hidden_size
        self.dropout = dropout

    def arrange(self, image: np.ndarray, valid_ratio: np.ndarray, y: np.ndarray, training: bool) -> tuple[Any, Any]:
        """As `TextRecognizer.arrange`; y are CTC ids. The guide sees M + 1 tokens, in evaluation as well."""
        if not self.guided:
            return super().arrange(image, valid_ratio, y, training)
        ids = np.where(y >= 0, y + (self.guide_tokenizer.first_id - self.tokenizer.first_id), -1)
        tokens = self.guide_tokenizer.sequences(ids, y.shape[1] + 1)
        return {"image": image, "tokens": tokens}, {"ctc": y, "guide": ids}

    def make_loss(self) -> keras.losses.Loss | dict[str, keras.losses.Loss]:
        ctc = super().make_loss()
        if not self.guided:
            return ctc
        # The published loss of a student's guide, whose teacher has one, is another.
        how = {"padding": True} if self.distillation and self.distillation.guided else {"label_smoothing": 0.1}
        return {"ctc": ctc, "guide": SequenceLoss(self.guide_tokenizer.end_id, **how)}

    def make_metrics(self) -> list[keras.metrics.Metric] | dict[str, list[keras.metrics.Metric]]:
        metrics = super().make_metrics()
        return {"ctc": metrics} if self.guided else metrics

    def time_steps(self, width: int | None = None) -> int:
        """Output steps for a network input of `width` pixels (the converter's by default)."""
        width = self.converter.width if width is None else width
        return self.backbone.compute_output_shape((None, self.converter.height, width, 3))[2]

    def without_guide(self) -> "SVTRv2":
        """A new network with the same weights for everything but the guide, for shipping; it reads the same."""
        return self.remade(guided=False)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "backbone": keras.saving.serialize_keras_object(self.backbone),
            "guided": self.guided,
            "hidden_size": self.hidden_size,
            "dropout": self.dropout,
        }


@keras.saving.register_keras_serializable("keras_textrec")
class RepSVTR(SVTRv2):
    """SVTRv2 on RepViT's blocks: a third of the weights, for phones. Everything else is as in `SVTRv2`."""

    def __init__(
        self,
        tokenizer: CTCTokenizer | Charset | str,
        converter: ImageConverter | None = None,
        backbone: RepSVTRBackbone | None = None,
        guided: bool = False,
        hidden_size: int = 256,
        dropout: float = 0.1,
        name: str = "repsvtr",
    ):
        super().__init__(tokenizer, converter, backbone or RepSVTRBackbone(), guided, hidden_size, dropout, name)

    def fuse(self) -> "RepSVTR":
        """A new network whose backbone is made of single convolutions; it reads the same, faster.

        Raises:
            ValueError: this one is fused already.
        """
        return self.remade(backbone=self.backbone.fuse())
