"""From a publisher's server to the published numbers: tars as PaddleOCR publishes them, filled by the rule."""

import io
import shutil
import tarfile

import cv2
import keras
import numpy as np
import pytest
import yaml
from huggingface_hub.utils import _cache_assets

from keras_textrec import CRNN, CTCTokenizer, RepSVTRDetector, RobustScanner, TextRecognizer
from keras_textrec.presets import description
from keras_textrec.text.attention_tokenizers import remove_symbols
from keras_textrec.zoo import describe
from keras_textrec.zoo import download as download_module
from tests.converters.files import inference_model
from tests.converters.files import pdparams as training_checkpoint
from tests.parity.comparing import assert_published
from tests.serving import FileServer, serving

# preset -> the network's name among the published numbers, and how far probabilities may be (tests/parity says why)
NETWORKS = {
    "crnn_mv3_en": ("crnn_mv3", 1e-4),
    "rare_mv3_en": ("rare_mv3", 3e-3),
    "crnn_r34_en": ("crnn_r34", 1e-4),
    "rare_r34_en": ("rare_r34", 3e-3),
    "robust_scanner_r31_en": ("robustscanner_r31", 1e-3),
    "svtrv2_ch": ("svtrv2", 1e-4),
    "repsvtr_ch": ("repsvtr", 1e-4),
    "repsvtr_distill_ch": ("repsvtr", 1e-4),
}

# Which backend computes makes no difference to a download; tests/converters and tests/parity are for that.
pytestmark = pytest.mark.slow


def tar(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


@pytest.fixture
def publish(tmp_path, monkeypatch):
    """`publish(preset, files)` puts a tar of the files on the preset's server, which breaks off the first download."""
    monkeypatch.setattr(_cache_assets, "HF_ASSETS_CACHE", str(tmp_path / "assets"))
    monkeypatch.setattr(download_module, "WAIT", 0.0)
    presets = tmp_path / "presets"
    shutil.copytree(description.FOLDER, presets, ignore=shutil.ignore_patterns("*.py", "*.h5", "__pycache__"))
    monkeypatch.setattr(description, "FOLDER", presets)
    with serving(FileServer({})) as server:

        def publish(preset, files):
            archive = tar(files)
            server.files, server.faults = {"/published.tar": archive}, [len(archive) // 2]
            description = describe(preset)
            description["source"]["url"] = f"{server.url}/published.tar"
            (presets / f"{preset}.yaml").write_text(yaml.safe_dump(description), "utf-8")

        yield publish
    assert len(server.log) == 2 and "bytes=" in server.log[1]


def training(tensors) -> dict[str, bytes]:
    """The files of a training."""
    return {
        "net_train/train.log": b"epoch 1\n" * 100,
        "net_train/best_accuracy.pdopt": b"of the optimizer",
        "net_train/best_accuracy.pdparams": training_checkpoint(tensors),
    }


def assert_reads_as_published(model, name, tolerance, rule):
    expected = rule.expected(name)
    x = expected["input"].transpose(0, 2, 3, 1)
    x = [x, expected["valid_ratio"]] if isinstance(model, RobustScanner) else x
    probabilities = keras.ops.convert_to_numpy(model.reader.predict_on_batch(x))
    np.testing.assert_array_equal(probabilities.argmax(-1), expected["pred_idx"])
    np.testing.assert_allclose(probabilities.max(-1), expected["pred_prob"], atol=tolerance)
    as_published = {} if isinstance(model.tokenizer, CTCTokenizer) else {"published": True}
    texts = [reading.text for reading in model.tokenizer.decode(probabilities, **as_published)]
    if isinstance(model, RobustScanner):
        texts = list(map(remove_symbols, texts))
    assert texts == expected["decoded_text"].tolist()


@pytest.mark.parametrize("preset", NETWORKS)
def test_first_use_gives_the_published_network(preset, publish, rule):
    name, tolerance = NETWORKS[preset]
    tensors = rule.load_weights(name, aliases=True)
    if part := describe(preset)["source"].get("part"):
        teacher = {"Teacher.head.fc.weight": np.ones((2, 2), "float32")}
        tensors = teacher | {f"{part}.{key}": array for key, array in tensors.items()}
    publish(preset, training(tensors))
    assert_reads_as_published(TextRecognizer.from_preset(preset), name, tolerance, rule)


@pytest.mark.parametrize("new", [False, True], ids=["paddle_2", "paddle_3"])
def test_inference_models(new, publish, rule):
    files = inference_model(rule.load_weights("crnn_mv3"), new=new)
    publish("crnn_mv3_en", {f"net_infer/{name}": content for name, content in files.items()})
    assert_reads_as_published(TextRecognizer.from_preset("crnn_mv3_en"), *NETWORKS["crnn_mv3_en"], rule)


def test_the_detector(publish, rule):
    publish("repsvtr_det", training(rule.load_weights("det_repsvtr_db")))
    model = RepSVTRDetector.from_preset("repsvtr_det")
    expected = rule.expected("det_repsvtr_db")
    maps = keras.ops.convert_to_numpy(model.reader.predict_on_batch(expected["input"].transpose(0, 2, 3, 1)))
    assert_published(maps.transpose(0, 3, 1, 2), expected, "maps")


def test_a_genuine_checkpoint_reads(publish, shared):
    folder = shared / "checkpoints" / "french_mobile_crnn"
    publish(
        "crnn_mv3_small_french", {"french/best_accuracy.pdparams": (folder / "best_accuracy.pdparams").read_bytes()}
    )
    model = CRNN.from_preset("crnn_mv3_small_french")
    for line in (folder / "images" / "labels.tsv").read_text("utf-8").splitlines():
        name, text = line.split("\t")
        assert model.read(cv2.imread(str(folder / "images" / name))[..., ::-1]).text == text
