"""What the readers of exported files are tested with."""

import pathlib
from collections.abc import Callable

import cv2
import numpy as np
import onnx
import pytest

import keras_textrec as textrec
from keras_textrec.images import load_image
from tests.examples.programs import EXAMPLES


@pytest.fixture(scope="session")
def model() -> textrec.TextRecognizer:
    return textrec.TextRecognizer.from_preset("crnn_small_en")


@pytest.fixture(scope="session")
def exported(model, tmp_path_factory) -> pathlib.Path:
    """The embedded preset as an ONNX file."""
    path = tmp_path_factory.mktemp("exported") / "model.onnx"
    model.export(path)
    return path


@pytest.fixture(scope="session")
def words(model, tmp_path_factory) -> dict[pathlib.Path, textrec.Reading]:
    """Images of words, as PNG files, which every library decodes to the same pixels; and what the model reads there."""
    folder = tmp_path_factory.mktemp("words")
    paths = []
    for photo in sorted((EXAMPLES / "words").glob("*.jpg"))[:4]:
        paths.append(folder / f"{photo.stem}.png")
        cv2.imwrite(str(paths[-1]), load_image(photo)[..., ::-1])
    return dict(zip(paths, model.read(paths), strict=True))


@pytest.fixture(scope="session")
def turned(model, words) -> dict[pathlib.Path, textrec.Reading]:
    """The words turned, so that they run down and up; and what the model reads there by itself."""
    paths = []
    for path in words:
        for turn in ("CLOCKWISE", "COUNTERCLOCKWISE"):
            paths.append(path.with_name(f"{path.stem}_{turn}.png"))
            cv2.imwrite(str(paths[-1]), cv2.rotate(cv2.imread(str(path)), getattr(cv2, f"ROTATE_90_{turn}")))
    readings = dict(zip(paths, model.read(paths), strict=True))
    assert {reading.orientation for reading in readings.values()} == {90, 270}
    return readings


@pytest.fixture(scope="session")
def digit(model, words) -> pathlib.Path:
    """An upright 2, higher than wide, that is read as such: turned it is an N, which is surer."""
    image = np.full((64, 44, 3), 235, "uint8")
    cv2.putText(image, "2", (3, 52), cv2.FONT_HERSHEY_SIMPLEX, 1.9, (20, 20, 20), 4, cv2.LINE_AA)
    path = next(iter(words)).with_name("digit.png")
    cv2.imwrite(str(path), image)
    assert [model.read([path], orientations=given)[0].text for given in (None, (0, 90, 270))] == ["2", "N"]
    return path


@pytest.fixture(scope="session")
def restamped(exported) -> Callable[..., pathlib.Path]:
    """Gives the file with other metadata: a value for a key, or None for no such key."""

    def restamp(name: str, **changes: str | None) -> pathlib.Path:
        network = onnx.load(exported)
        metadata = {entry.key: entry.value for entry in network.metadata_props} | changes
        onnx.helper.set_model_props(network, {key: value for key, value in metadata.items() if value is not None})
        path = exported.with_name(name)
        onnx.save(network, path)
        return path

    return restamp


@pytest.fixture(scope="session")
def foreign(restamped) -> pathlib.Path:
    """An ONNX file that is none of ours."""
    return restamped("foreign.onnx", contract=None)


@pytest.fixture(scope="session")
def newer(restamped) -> pathlib.Path:
    """A file of a contract that today's readers do not know."""
    return restamped("newer.onnx", contract="2", version="9.0")
