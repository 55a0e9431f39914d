"""RepSVTR's text detector: where the words of a photograph stand. DB: a map of probabilities, cut into boxes.

Liao et al., "Real-time Scene Text Detection with Differentiable Binarization" (2020).
Published network: PaddleOCR `configs/det/det_repsvtr_db.yml`.
"""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from keras_textrec.backbones.repsvtr import DETECTION, RepSVTRBackbone
from keras_textrec.images import PhotoConverter, load_image
from keras_textrec.images.boxes import Detection, find_boxes
from keras_textrec.layers.convolution import BATCH_NORM, FORMAT, conv, conv_bn, hard_sigmoid_fifth, squeeze_excite
from keras_textrec.layers.direct import DirectModel
from keras_textrec.layers.standard import BatchNormalization
from keras_textrec.models.trainable_detector import TrainableDetector

# ImageNet's statistics, listed for red, green, blue; the published detector takes them in this order on BGR.
PUBLISHED_INPUT = {"channel_order": "BGR", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
# The network halves its input five times.
STEP = 32
# How steep the training's soft threshold is.
SHARPNESS = 50.0


@keras.saving.register_keras_serializable("keras_textrec")
class RepSVTRDetector(TrainableDetector):
    """Network input float32 (B, H, W, 3), H and W multiples of 32 -> maps float32 (B, H, W, 3), each from 0 to 1.

    The maps are the probability of a word's core, the threshold for it, and the core cut out softly by the two, as the
    DB loss wants them. `reader` is the graph for reading: it gives the first one only, (B, H, W, 1). With the default
    arguments the network has 3,152,346 parameters.

    Args:
        backbone: a functional model, image -> maps at 1/4, 1/8, 1/16 and 1/32 of its size.
        neck_channels: channels of the pyramid, a multiple of 16.
        converter: photograph to network input; defaults to the published one, the longest side 960.
        threshold: cells of the map with a higher probability are text.
        box_threshold: a box needs this mean probability; lower finds more, and more that is none.
        unclip_ratio: the published network is trained on words' cores, and boxes are grown by area * ratio / perimeter.

    Raises:
        ValueError: the backbone does not make four maps, or the converter's sides are no multiples of 32.
    """

    def __init__(
        self,
        backbone: keras.Model | None = None,
        neck_channels: int = 96,
        converter: PhotoConverter | None = None,
        threshold: float = 0.3,
        box_threshold: float = 0.6,
        unclip_ratio: float = 1.5,
        name: str = "repsvtr_detector",
    ):
        # === Layers ===
        backbone = backbone or RepSVTRBackbone(DETECTION, pyramid=(2, 5, 10, 13))
        if len(backbone.outputs) != 4:
            raise ValueError(
                f"RepSVTRDetector: {backbone.name} makes {len(backbone.outputs)} maps, and four are needed: at 1/4, "
                "1/8, 1/16 and 1/32 of the image; give a RepSVTRBackbone its `pyramid`."
            )
        converter = converter or PhotoConverter(**PUBLISHED_INPUT)
        if converter.multiple % STEP:
            raise ValueError(
                f"RepSVTRDetector: the converter's multiple must be one of {STEP}, not {converter.multiple}."
            )

        # === Functional Model ===
        image = keras.Input((None, None, 3), name="image")
        x = _rse_fpn(backbone(image), neck_channels)
        probability = _db_head(x, "shrink")
        threshold_map = _db_head(x, "threshold")
        binary = ops.sigmoid(SHARPNESS * (probability - threshold_map))
        maps = ops.concatenate([probability, threshold_map, binary], axis=-1)
        super().__init__(inputs=image, outputs=maps, name=name)

        # === Config ===
        self.backbone = backbone
        self.neck_channels = neck_channels
        self.converter = converter
        self.threshold = threshold
        self.box_threshold = box_threshold
        self.unclip_ratio = unclip_ratio

    def make_reader(self) -> keras.Model:
        return DirectModel(self.input, self.get_layer("shrink_3_conv").output, name=f"{self.name}_reader")

    def detect(self, image: Any) -> list[Detection]:
        """The words of one photograph.

        Args:
            image: a path, bytes, array or PIL image; `keras_textrec.images.load_image` says what is accepted.

        Returns:
            The words in no particular order, in pixels of the given image.

        Raises:
            FileNotFoundError, ValueError: the image cannot be read.
        """
        photo = load_image(image)
        probabilities = self.probability_map(photo)
        return find_boxes(probabilities, photo.shape, self.threshold, self.box_threshold, self.unclip_ratio)

    def probability_map(self, photo: np.ndarray) -> np.ndarray:
        """The network's probabilities, float32 (h, w), for a photograph, uint8 (H, W, 3) RGB."""
        return self.run("reader", self.converter(photo)[None])[0, ..., 0]

    def fuse(self) -> "RepSVTRDetector":
        """A new network whose backbone is made of single convolutions; it detects the same, faster.

        Raises:
            ValueError: this one is fused already.
        """
        return self.remade(backbone=self.backbone.fuse())

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "backbone": keras.saving.serialize_keras_object(self.backbone),
            "neck_channels": self.neck_channels,
            "converter": keras.saving.serialize_keras_object(self.converter),
            "threshold": self.threshold,
            "box_threshold": self.box_threshold,
            "unclip_ratio": self.unclip_ratio,
        }


# === The network's parts ===


def _rse_fpn(maps, channels: int):
    """Maps, the finest first -> one map of `channels`, as fine as the first (feature pyramid, Lin et al., 2017)."""
    laterals = [_excited_conv(x, channels, 1, f"lateral{i}") for i, x in enumerate(maps)]
    for i in reversed(range(len(laterals) - 1)):
        upper = _upsample(laterals[i + 1], 2, f"top_down{i}")
        laterals[i] = layers.Add(name=f"top_down{i}_add")([laterals[i], upper])
    smooth = [_excited_conv(x, channels // 4, 3, f"smooth{i}") for i, x in enumerate(laterals)]
    fine = [smooth[0]] + [_upsample(x, 2**i, f"upsample{i}") for i, x in enumerate(smooth[1:], start=1)]
    return layers.Concatenate(name="neck")(fine[::-1])


def _excited_conv(x, filters: int, kernel_size: int, name: str):
    """Convolution, then its channels weighed by 1 + squeeze-and-excitation."""
    x = conv(x, filters, kernel_size, use_bias=False, name=name)
    return layers.Add(name=f"{name}_add")([x, squeeze_excite(x, filters // 4, hard_sigmoid_fifth, name=f"{name}_se")])


def _upsample(x, factor: int, name: str):
    return layers.UpSampling2D(factor, data_format=FORMAT, interpolation="nearest", name=name)(x)


def _db_head(x, name: str):
    """(B, h, w, C) -> (B, 4h, 4w, 1), from 0 to 1."""
    filters = x.shape[-1] // 4
    x = conv_bn(x, filters, 3, activation="relu", name=f"{name}_1")
    x = layers.Conv2DTranspose(filters, 2, 2, data_format=FORMAT, name=f"{name}_2_conv")(x)
    x = BatchNormalization(**BATCH_NORM, name=f"{name}_2_bn")(x)
    x = layers.Activation("relu", name=f"{name}_2_act")(x)
    return layers.Conv2DTranspose(
        1, 2, 2, activation="sigmoid", data_format=FORMAT, dtype="float32", name=f"{name}_3_conv"
    )(x)
