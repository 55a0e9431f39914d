"""A small preset, as a folder and by a name, and a Hub that runs here."""

import shutil

import pytest
import yaml
from huggingface_hub import constants

from keras_textrec.presets import description
from keras_textrec.zoo import describe
from tests.serving import HubServer, serving
from tests.tiny import crnn


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """The preset folder of `tests.tiny.crnn`; no test changes it."""
    folder = tmp_path_factory.mktemp("presets") / "tiny"
    crnn().save_to_preset(folder)
    return folder


@pytest.fixture
def folder(tiny, tmp_path):
    """A copy to change."""
    return shutil.copytree(tiny, tmp_path / "tiny")


@pytest.fixture
def add_preset(tiny, tmp_path, monkeypatch):
    """`add_preset(name, **more)` writes the YAML of the tiny network, and more, among presets of this test alone."""
    presets = tmp_path / "presets"
    (presets / "weights").mkdir(parents=True)
    monkeypatch.setattr(description, "FOLDER", presets)

    def add(name, **more):
        path = presets / f"{name}.yaml"
        path.write_text(yaml.safe_dump({**describe(tiny), **more}), "utf-8")
        return path

    return add


@pytest.fixture
def hub(tmp_path, monkeypatch):
    with serving(HubServer()) as server:
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        for name, value in [
            ("ENDPOINT", server.url),
            ("HUGGINGFACE_CO_URL_TEMPLATE", template),
            ("HF_HUB_CACHE", str(tmp_path / "hub")),
            ("HF_TOKEN_PATH", str(tmp_path / "token")),
            ("HF_HUB_DISABLE_XET", True),
        ]:
            monkeypatch.setattr(constants, name, value)
        yield server
