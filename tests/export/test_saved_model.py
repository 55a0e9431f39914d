"""SavedModels: texts of image files, in a process that knows nothing of this package."""

import base64
import json
import subprocess
import sys

import numpy as np
import pytest

from keras_textrec.export import saved_model
from keras_textrec.export.contract import contract_of
from keras_textrec.export.formats import Options
from keras_textrec.reading.exported import load_exported
from keras_textrec.reading.saved_model_engine import SavedModelEngine
from tests.export.networks import network, pictures
from tests.tiny import png

pytestmark = pytest.mark.one_backend  # the folder is made in a process that has TensorFlow
pytest.importorskip("tensorflow")

WORDS = pictures()

ASK = """
import json, pathlib, sys
import tensorflow as tf
folder, *files = sys.argv[1:]
serve = tf.saved_model.load(folder).signatures["serve"]
outputs = serve(images=tf.constant([pathlib.Path(file).read_bytes() for file in files]))
metadata = json.loads(pathlib.Path(folder, "assets.extra", "metadata.json").read_text("utf-8"))
assert "keras_textrec" not in sys.modules
texts = [text.decode() for text in outputs["text"].numpy()]
print(json.dumps([texts, outputs["confidence"].numpy().tolist(), metadata]))
"""


def check_outputs(model, engine):
    readings = model.read(WORDS)
    characters = model.tokenizer.charset.characters
    for image, reading in zip(WORDS, readings, strict=True):
        outputs = engine.run({"image": np.stack([image, image])})
        for row in range(2):
            places = outputs["characters"][row]
            written = places >= 0
            assert "".join(characters[place] for place in places[written]) == reading.text
            assert outputs["confidence"][row] == pytest.approx(reading.confidence, abs=1e-4)
            for name in ("left", "right"):
                wanted = [getattr(character, name) for character in reading.characters]
                wanted = [-1 if value is None else value for value in wanted]
                np.testing.assert_allclose(outputs[name][row][written], wanted, atol=1e-4, rtol=1e-5)
    assert len({reading.confidence for reading in readings}) > 1  # or it would prove nothing
    return readings


@pytest.mark.slow
def test_a_process_without_this_package_reads_files(tmp_path):
    model = network("crnn")
    path = tmp_path / "model"
    report = model.export(path)
    assert report["same_texts"] == report["words"] and report["confidence_difference"] < 1e-4
    recognizer = load_exported(path)
    readings = check_outputs(model, recognizer.engine)
    assert [reading.text for reading in recognizer.read(WORDS)] == [reading.text for reading in readings]
    files = [tmp_path / f"{number}.png" for number in range(len(WORDS))]
    for file, image in zip(files, WORDS, strict=True):
        file.write_bytes(png(image))
    command = [sys.executable, "-c", ASK, str(path), *map(str, files)]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    texts, confidences, metadata = json.loads(printed)
    assert texts == [reading.text for reading in readings]
    np.testing.assert_allclose(confidences, [reading.confidence for reading in readings], atol=1e-4)
    assert metadata == recognizer.contract.to_metadata()
    assert metadata["sample_text"] == model.read(base64.b64decode(metadata["sample_image"])).text
    # Every weight is there once.
    assert (path / "variables/variables.data-00000-of-00001").stat().st_size < 4 * model.count_params() + 20_000


@pytest.mark.slow
@pytest.mark.parametrize("name", ["crnn_mv3", "robust_scanner"])
def test_other_networks(name, tmp_path, one_process):
    model = network(name)
    saved_model.write(model, tmp_path / "model", Options())
    saved_model.stamp(tmp_path / "model", contract_of(model, model.converter).to_metadata())
    check_outputs(model, SavedModelEngine(tmp_path / "model"))


def test_what_is_no_export_is_refused(tmp_path):
    assert SavedModelEngine(tmp_path).metadata == {}  # which `load_exported` refuses
    (tmp_path / "assets.extra").mkdir()
    metadata = tmp_path / "assets.extra" / "metadata.json"
    metadata.write_text("{")
    with pytest.raises(ValueError, match="metadata of .* are damaged"):
        SavedModelEngine(tmp_path)
    metadata.write_text("{}")
    with pytest.raises(ValueError, match="cannot be loaded by TensorFlow"):
        SavedModelEngine(tmp_path)
