"""Files are written whole, checked and with a report, or not at all."""

import errno
import itertools
import json
import pathlib

import numpy as np
import onnx
import pytest

import keras_textrec as textrec
from keras_textrec.export import exporting, onnx_network
from keras_textrec.export import onnx as onnx_writer
from keras_textrec.export.samples import drawn_words, png
from keras_textrec.system.errors import Failure
from tests.export.networks import network, pictures
from tests.tiny import WORDS, crnn, draw

IMAGES = [draw(word, height) for word, height in zip(WORDS, (12, 24, 31, 32, 33, 48, 64, 80, 24, 24))]


def assert_equal_readings(found, wanted):
    assert [reading.text for reading in found] == [reading.text for reading in wanted]
    for one, other in zip(found, wanted):
        assert one.confidence == pytest.approx(other.confidence, abs=1e-5)
        for a, b in zip(one.characters, other.characters, strict=True):
            assert (a.confidence, a.left, a.right) == pytest.approx((b.confidence, b.left, b.right), abs=1e-2)


@pytest.mark.parametrize("input", ["image", "core"])
def test_a_file_reads_as_its_model(tmp_path, input):
    path = tmp_path / "deeper" / "m.onnx"
    report = crnn().export(path, input=input)
    assert json.loads((tmp_path / "deeper" / "m.onnx.report.json").read_text("utf-8")) == report
    assert report["same_texts"] == report["words"] == len(drawn_words(crnn().tokenizer.charset))
    assert report["bytes"] == path.stat().st_size
    assert sorted(file.name for file in path.parent.iterdir()) == ["m.onnx", "m.onnx.report.json"]
    exported = textrec.load_exported(path)
    assert exported.contract.confidence == {"image": "mean", "core": ""}[input]
    images = [image for image in IMAGES if crnn().converter.canvas_width(image.shape) == 64]  # JAX has fewer widths
    assert len(images) > 4
    assert_equal_readings(exported.read(images), crnn().read(images))
    sample = exported.read(exported.contract.sample_image)
    assert sample.text == exported.contract.sample_text == report["sample_text"] != ""


@pytest.mark.slow
def test_the_embedded_preset_reads_the_sample_words(tmp_path):
    model = textrec.TextRecognizer.from_preset("crnn_small_en")
    model.export(tmp_path / "m.onnx")
    files, texts = zip(*textrec.data.open_source(pathlib.Path(__file__).parents[2] / "examples" / "words"))
    images = [textrec.images.load_image(file) for file in files]
    exported = textrec.load_exported(tmp_path / "m.onnx")
    readings = model.read(images)
    assert_equal_readings(exported.read(images), readings)
    right = [reading.text == text for reading, text in zip(readings, texts)]
    assert sum(right) >= 11 and len(right) == 12
    for quarters in (1, 3):  # upwards, downwards
        turned = [np.rot90(image, quarters) for image in images]
        assert all(image.shape[0] > image.shape[1] for image in turned)
        found = model.read(turned)
        assert_equal_readings(exported.read(turned), found)
        for reading, upright in itertools.compress(zip(found, readings), right):
            assert (reading.text, reading.orientation) == (upright.text, 90 * (4 - quarters))
    assert exported.contract.preset == "crnn_small_en"
    sample = exported.contract.sample_image
    drawn = {png(image): text for image, text in drawn_words(model.tokenizer.charset)}
    assert drawn[sample] == exported.contract.sample_text == exported.read(sample).text


@pytest.mark.one_backend
@pytest.mark.parametrize("name", ["rare", "rare_unrectified", "robust_scanner", "svtrv2", "repsvtr"])
def test_other_recognisers(name, tmp_path):
    model = network(name)
    report = model.export(tmp_path / "m.onnx")
    assert report["same_texts"] == report["words"] == 36
    exported = textrec.load_exported(tmp_path / "m.onnx")
    images = pictures()
    assert_equal_readings(exported.read(images), model.read(images))
    pair = [images[0], images[0][:, ::-1].copy()]  # of one size
    assert_equal_readings(exported.read(pair), model.read(pair))
    assert len({round(reading.confidence, 4) for reading in model.read(images)}) > 2


@pytest.mark.one_backend
def test_a_detector(tmp_path):
    model = network("detector")
    for input in ("image", "core"):
        model.export(tmp_path / "d.onnx", input=input)
        exported = textrec.load_exported(tmp_path / "d.onnx")
        for photo in pictures():
            np.testing.assert_allclose(exported.probability_map(photo), model.probability_map(photo), atol=1e-4)
            assert len(exported.detect(photo)) == len(model.detect(photo))
    assert exported.contract.decoder["threshold"] == model.threshold
    json.loads(exported.contract.sample_text)
    with pytest.raises(ValueError, match="RepSVTRDetector takes photographs of any width; leave width out"):
        model.export(tmp_path / "d.onnx", width=64)
    # A spotter is made of files, too.
    crnn().export(tmp_path / "m.onnx")
    spotter = textrec.TextSpotter.from_presets(tmp_path / "d.onnx", tmp_path / "m.onnx")
    np.testing.assert_allclose(spotter.detector.probability_map(photo), model.probability_map(photo), atol=1e-4)
    assert_equal_readings(spotter.recognizer.read(IMAGES[:3]), crnn().read(IMAGES[:3]))
    assert list(spotter.read(photo)) == []
    with pytest.raises(ValueError, match=r"m\.onnx is a recogniser's; a photograph takes both"):
        textrec.TextSpotter.from_presets(tmp_path / "m.onnx", tmp_path / "m.onnx")
    with pytest.raises(ValueError, match=r"d\.onnx is a detector's; a photograph takes both"):
        textrec.TextSpotter.from_presets(tmp_path / "d.onnx", tmp_path / "d.onnx")


@pytest.mark.one_backend
def test_the_file_is_as_the_contract_says(tmp_path):
    crnn().export(tmp_path / "m.onnx")
    proto = onnx.load(tmp_path / "m.onnx")
    onnx.checker.check_model(proto, full_check=True)
    assert (proto.ir_version, [(o.domain, o.version) for o in proto.opset_import]) == (8, [("", 17)])

    def shapes(values):
        return {v.name: [d.dim_value or d.dim_param for d in v.type.tensor_type.shape.dim] for v in values}

    assert shapes(proto.graph.input) == {"image": ["batch", "height", "width", 3]}
    of_characters = {name: ["batch", "length"] for name in ("characters", "confidences", "left", "right")}
    assert shapes(proto.graph.output) == {**of_characters, "confidence": ["batch"]}
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    assert metadata["contract"] == "1"
    assert json.loads(metadata["charset"]) == list(crnn().tokenizer.charset)
    assert json.loads(metadata["decoder"]) == {"kind": "ctc", "blank": 0, "first": 1}
    assert json.loads(metadata["converter"]) == crnn().converter.get_config()
    names = "model preset version license language sample_image sample_text"
    assert set(names.split()) < set(metadata)


@pytest.mark.one_backend
def test_one_width_for_all_images(tmp_path):
    crnn().export(tmp_path / "m.onnx", width=96)
    exported = textrec.load_exported(tmp_path / "m.onnx")
    assert (exported.converter.resize, exported.converter.width) == ("pad", 96)
    image = IMAGES[5]
    x = exported.converter([image])
    (wanted,) = crnn().read_batch(x, np.array([exported.converter.valid_ratio(image.shape)], "float32"))
    assert exported.read(image).text == wanted.text
    with pytest.raises(ValueError, match="at least 3 pixels' width, not 1"):
        crnn().export(tmp_path / "n.onnx", width=1)
    with pytest.raises(ValueError, match=r"width must be a whole number of at least 1, not 96\.0"):
        crnn().export(tmp_path / "n.onnx", width=96.0)


@pytest.mark.one_backend
@pytest.mark.parametrize("stage", ["pixels", "network", "decoding"])
def test_a_mismatch_leaves_no_file_and_names_the_stage(tmp_path, monkeypatch, stage):
    (tmp_path / "m.onnx").write_bytes(b"an older one")

    def wrong_pixels(graph, image, converter):
        return right(graph, image, textrec.ImageConverter(**{**converter.get_config(), "mean": 0.3}))

    def wrong_network(model, graph, image, *rest, **options):
        return right(model, graph, graph("Neg", image), *rest, **options)

    def wrong_decoding(graph, probabilities, pixels, *rest):
        found = right(graph, probabilities, pixels, *rest)
        return found._replace(characters=graph("Max", found.characters, np.int64(0)))

    name = {"pixels": "word_pixels", "network": "network", "decoding": "characters_of"}[stage]
    right = getattr(onnx_writer, name)
    wrong = {"pixels": wrong_pixels, "network": wrong_network, "decoding": wrong_decoding}[stage]
    monkeypatch.setattr(onnx_writer, name, wrong)
    with pytest.raises(Failure, match=f"m.onnx was not written.* the first stage that differs: {stage}"):
        crnn().export(tmp_path / "m.onnx")
    assert [file.name for file in tmp_path.iterdir()] == ["m.onnx"]
    assert (tmp_path / "m.onnx").read_bytes() == b"an older one"


@pytest.mark.one_backend
def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    def full(path, metadata):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(onnx_writer, "stamp", full)
    with pytest.raises(OSError, match=r"m\.onnx could not be written: No space left on device\. There is no part"):
        crnn().export(tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.once
def test_places_that_cannot_be_written(tmp_path):
    with pytest.raises(OSError, match="Nothing can be written into /proc"):
        crnn().export("/proc/m.onnx")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="no SavedModel; give another. Nothing was written"):
        exporting._check_place(tmp_path / "mine", exporting.chosen_format("mine/", exporting.Options()))
    (tmp_path / "m.onnx").mkdir()
    with pytest.raises(ValueError, match="a folder; give the name of a ONNX file"):
        crnn().export(tmp_path / "m.onnx")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"


@pytest.mark.once
def test_a_layer_that_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_network, "WRITERS", {})
    with pytest.raises(ValueError, match="cannot be written to ONNX"):
        crnn().export(tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())
