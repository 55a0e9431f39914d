"""OpenOCR's tensors read into our networks give the probabilities that OpenOCR's own code gives."""

import json
import pathlib

import keras
import numpy as np
import pytest

from keras_textrec import RepSVTR, SVTRv2, TextRecognizer
from keras_textrec.commands import main
from keras_textrec.converters.configs import describe_config
from keras_textrec.converters.openocr import to_paddle
from keras_textrec.converters.paddle import load_paddle_weights
from tests.converters.openocr_rule import CLASSES, fill, images

CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
MODELS = {"repsvtr": RepSVTR, "svtrv2": SVTRv2}
CONFIG = """
Global: {{character_dict_path: ./tools/utils/letters.txt, max_text_length: 25, use_space_char: False}}
Architecture:
  Transform:
  Encoder: {encoder}
  Decoder: {{name: CTCDecoder, svtr_encoder: {{dims: 256, depth: 2, hidden_dims: 256, kernel_size: [1, 3]}}}}
Eval: {{dataset: {{transforms: [RecDynamicResize: {{image_shape: [48, 320], padding: False}}]}}}}
"""
SVTRV2 = """{name: SVTRv2LNConvTwo33, dims: [128, 256, 384], depths: [6, 6, 6], num_heads: [4, 8, 12],
    mixer: [[Conv, Conv, Conv, Conv, Conv, Conv], [Conv, Conv, FGlobal, Global, Global, Global],
    [Global, Global, Global, Global, Global, Global]], sub_k: [[2, 1], [2, 1], [-1, -1]]}"""
CONFIGS = {"repsvtr": CONFIG.format(encoder="{name: RepSVTREncoder}"), "svtrv2": CONFIG.format(encoder=SVTRV2)}


# The networks are compared on every backend in tests/parity.
pytestmark = pytest.mark.one_backend


@pytest.fixture(scope="module")
def published():
    with np.load(pathlib.Path(__file__).parent / "fixtures" / "openocr.npz") as file:
        return dict(file)


def tensors(published, network):
    shapes = json.loads(str(published[f"{network}_shapes"]))
    return {name: fill(name, tuple(shape)) for name, shape in shapes.items()}


@pytest.mark.parametrize("network", ["repsvtr", pytest.param("svtrv2", marks=pytest.mark.slow)])
def test_probabilities(published, network):
    model = MODELS[network](CHARACTERS)
    checkpoint = {**tensors(published, network), "encoder.bn.num_batches_tracked": np.array(5)}
    load_paddle_weights(model, to_paddle(checkpoint, model))
    probabilities = keras.ops.convert_to_numpy(model.reader.predict_on_batch(images()))
    assert probabilities.shape[-1] == CLASSES
    np.testing.assert_allclose(probabilities, published[network], rtol=2e-3, atol=2e-4)
    np.testing.assert_array_equal(probabilities.argmax(-1), published[network].argmax(-1))


def test_every_tensor_is_accounted_for(published):
    model = RepSVTR(CHARACTERS)
    checkpoint = tensors(published, "repsvtr")
    checkpoint["encoder.features.1.extra"] = checkpoint.pop("decoder.fc.bias")
    with pytest.raises(ValueError, match=r"missing: head\.ctc_head\.fc\.bias\n.*not part.*features\.1\.extra"):
        load_paddle_weights(model, to_paddle(checkpoint, model))


@pytest.mark.parametrize(
    "name, message",
    [
        ("encoder.layer5.0.conv1.weight", "ASTER's ResNet"),
        ("encoder.rnn.weight_ih_l0", "ASTER's ResNet"),
        ("transform.stn_fc2.weight", "rectification"),
        ("decoder.decoder.hybrid_decoder.embedding.weight", "RobustScanner"),
        ("encoder.stages.3.last_conv.weight", "last stage"),
        ("decoder.ctc_decoder.char_token", "RCTC"),
        ("decoder.char_token", "RCTC"),
        ("neck.ins_conv.0.in_conv.weight", "1/6.*repsvtr_det"),
    ],
)
def test_other_networks_are_named(name, message):
    model = keras.Sequential(name="ours")
    with pytest.raises(ValueError, match=f"ours: .*{message}"):
        to_paddle({name: np.zeros((2, 2), "float32")}, model)


def test_a_guide_is_not_in_the_checkpoint():
    model = RepSVTR(CHARACTERS, guided=True)
    with pytest.raises(ValueError, match="guided=False"):
        to_paddle({}, model)


@pytest.mark.slow
@pytest.mark.parametrize("network", MODELS)
def test_a_file_of_openocr_becomes_a_preset(published, network, tmp_path):
    """A real .pth, as OpenOCR saves it, with the part of its configuration that matters."""
    torch = pytest.importorskip("torch")
    state = {name: torch.tensor(array) for name, array in tensors(published, network).items()}
    content = {"epoch": 3, "global_step": 7, "state_dict": state, "optimizer": None, "scheduler": None, "metrics": {}}
    torch.save(content, tmp_path / "best.pth")
    (tmp_path / "letters.txt").write_text("\n".join(CHARACTERS))
    (tmp_path / "openocr.yml").write_text(CONFIGS[network])
    command = ["convert", str(tmp_path / "best.pth"), str(tmp_path / "preset"), "--config"]
    assert main([*command, str(tmp_path / "openocr.yml")]) == 0
    model = TextRecognizer.from_preset(tmp_path / "preset")
    probabilities = keras.ops.convert_to_numpy(model.reader.predict_on_batch(images()))
    np.testing.assert_allclose(probabilities, published[network], rtol=2e-3, atol=2e-4)
    assert (model.converter.height, model.converter.width, model.converter.resize) == (48, 320, "widen")
    assert model.about["source"]["publisher"] == "OpenOCR" and "results" not in model.about


def test_a_configuration_of_another_stride(tmp_path):
    config = CONFIGS["svtrv2"].replace("[[2, 1], [2, 1]", "[[1, 1], [2, 1]").encode()
    with pytest.raises(ValueError, match="sub_k"):
        describe_config(config, tmp_path / "openocr.yml")
