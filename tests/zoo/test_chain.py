"""Weights of named presets: the cache, the Hub, the publisher's file, each from a server that runs here."""

import contextlib
import hashlib
import json
import logging
import os
import pathlib
import shutil
import subprocess
import sys
import types

import pytest
from huggingface_hub import constants
from huggingface_hub.utils import _cache_assets

from keras_textrec import CRNN, upload_preset
from keras_textrec.presets import description
from keras_textrec.zoo import chain
from keras_textrec.zoo import download as download_module
from tests.serving import FileServer, serving
from tests.tiny import crnn, same_weights

pytestmark = pytest.mark.one_backend

CHECKPOINT = b"the publisher's file " * 10_000
PATH = "/v2.0/tiny_train.tar"
URI = "hf://somebody/tiny"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The folder of the preset tiny_en in the cache."""
    monkeypatch.setattr(_cache_assets, "HF_ASSETS_CACHE", str(tmp_path / "assets"))
    return tmp_path / "assets" / "keras_textrec" / "presets" / "tiny_en"


@pytest.fixture
def publisher(monkeypatch):
    monkeypatch.setattr(download_module, "WAIT", 0.0)
    with serving(FileServer({PATH: CHECKPOINT})) as server:
        yield server


@pytest.fixture
def preset(add_preset, publisher):
    return add_preset("tiny_en", source={"publisher": "Nobody", "url": publisher.url + PATH})


@pytest.fixture(autouse=True)
def conversions(tiny, monkeypatch):
    """The files that were converted, by a converter that knows one checkpoint: the others have their own tests."""
    calls = []

    def convert(path, folder, *, preset=None, config=None, charset=None):
        calls.append(str(path))
        if path.read_bytes() != CHECKPOINT:
            raise ValueError(f"{path} is no checkpoint.")
        shutil.copytree(tiny, folder)

    module = types.ModuleType("convert")
    module.convert = convert
    monkeypatch.setitem(sys.modules, "keras_textrec.converters.convert", module)
    return calls


def loads_ours() -> bool:
    return same_weights(CRNN.from_preset("tiny_en"), crnn())


def names(folder) -> set[str]:
    """What is in a folder, the lock aside."""
    return {path.name for path in folder.iterdir()} - {".lock"}


def converted(home):
    (folder,) = home.glob("converted-*")
    return folder


def test_first_use_downloads_and_converts_and_later_ones_do_not(preset, publisher, home, conversions):
    assert loads_ours() and loads_ours()
    assert publisher.log == [f"GET {PATH}"]
    assert conversions == [str(home / "download" / "tiny_train.tar")]
    assert names(home) == {converted(home).name, "publisher.json"}
    record = json.loads((home / "publisher.json").read_text())
    assert record["sha256"] == hashlib.sha256(CHECKPOINT).hexdigest()
    assert (record["url"], record["size"]) == (publisher.url + PATH, len(CHECKPOINT))


def test_embedded_weights_ask_nobody(preset, publisher, home, tiny):
    shutil.copy(tiny / "model.weights.h5", preset.parent / "weights" / "tiny_en.weights.h5")
    assert loads_ours()
    assert publisher.log == [] and not home.exists()


def test_an_architecture_needs_no_weights(preset, publisher, home, add_preset):
    assert CRNN.from_preset("tiny_en", load_weights=False).recipe == crnn().recipe
    add_preset("untrained")
    CRNN.from_preset("untrained", load_weights=False)
    with pytest.raises(ValueError, match="'untrained' has no trained weights; load_weights=False gives its arch"):
        CRNN.from_preset("untrained")
    assert publisher.log == [] and not home.exists()


def test_a_file_put_there_by_hand(preset, publisher, home, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(FileNotFoundError) as error:
        CRNN.from_preset("tiny_en")
    by_hand = home / "tiny_train.tar"
    assert str(error.value) == (
        "The weights of the preset 'tiny_en' are not in the cache, and HF_HUB_OFFLINE forbids to download them: "
        f"unset it, or download {publisher.url}{PATH} elsewhere and put it at {by_hand}."
    )
    by_hand.write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"tiny_train.tar \(from http.*\) cannot be used for the preset 'tiny_en': "):
        CRNN.from_preset("tiny_en")
    by_hand.write_bytes(CHECKPOINT)
    assert loads_ours()
    by_hand.unlink()
    assert loads_ours()
    assert publisher.log == []


def test_a_file_put_there_by_hand_stays(preset, publisher, home):
    chain.cache_folder("tiny_en").joinpath("tiny_train.tar").write_bytes(CHECKPOINT)
    assert loads_ours()
    assert "tiny_train.tar" in names(home) and publisher.log == []


def test_a_broken_download_is_gone_on_with(preset, publisher, home):
    publisher.faults = [100_000, 0, 0, 0]
    with pytest.raises(OSError, match=r"broke off .* Try again, or download http.* and put it at .*/tiny_train.tar"):
        CRNN.from_preset("tiny_en")
    publisher.log.clear()
    assert loads_ours()
    assert publisher.log == [f"GET {PATH} bytes=100000-"]
    assert names(home) == {converted(home).name, "publisher.json"}


@pytest.mark.parametrize("key, length", [("sha256", 64), ("sha256_prefix", 8)])
def test_published_checksums(publisher, home, add_preset, key, length):
    source = {"publisher": "Nobody", "url": publisher.url + PATH, key: hashlib.sha256(CHECKPOINT).hexdigest()[:length]}
    publisher.files = {PATH: CHECKPOINT + b"!"}
    add_preset("tiny_en", source=source)
    with pytest.raises(ValueError, match=f"its SHA-256 is [0-9a-f]{{64}}, and the publisher's {source[key]}"):
        CRNN.from_preset("tiny_en")
    assert names(home) <= {"download"} and names(home / "download") == set()
    publisher.files = {PATH: CHECKPOINT}
    assert loads_ours()


def test_without_a_checksum_the_first_download_counts(preset, publisher, home, monkeypatch):
    assert loads_ours()
    shutil.rmtree(converted(home))
    publisher.files = {PATH: CHECKPOINT + b"!"}
    with pytest.raises(ValueError, match=r"on 20\d\d-\d\d-\d\d the file there had .* delete .*publisher.json") as error:
        CRNN.from_preset("tiny_en")
    assert hashlib.sha256(CHECKPOINT).hexdigest() in str(error.value)
    monkeypatch.setattr(sys.modules[__name__], "CHECKPOINT", CHECKPOINT + b"!")
    (home / "publisher.json").unlink()
    assert loads_ours()


@pytest.mark.parametrize("content", [b"", b'{"url": "ht', b"[3]", b'{"url": 3}', b"\xff"])
def test_a_damaged_record_is_made_anew(preset, publisher, home, caplog, content):
    """As a process leaves it that is killed while it writes."""
    assert loads_ours()
    record = home / "publisher.json"
    whole = json.loads(record.read_bytes())
    shutil.rmtree(converted(home))
    record.write_bytes(content)
    assert loads_ours()
    assert f"{record} is damaged and is made anew" in caplog.text
    assert json.loads(record.read_bytes()) == whole


def test_what_is_no_checkpoint_leaves_nothing(preset, publisher, home):
    publisher.files = {PATH: b"<html>Log in to the airport's network</html>"}
    with pytest.raises(ValueError, match="cannot be used for the preset 'tiny_en': .* is no checkpoint"):
        CRNN.from_preset("tiny_en")
    assert names(home) == {"download"} and names(home / "download") == set()
    publisher.files = {PATH: CHECKPOINT}
    assert loads_ours()


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_interrupted_conversion_leaves_nothing_half_done(preset, publisher, home, tiny, monkeypatch, error):
    def convert(path, folder, **options):
        folder.mkdir(parents=True)
        shutil.copy(tiny / "config.json", folder)
        raise error

    with monkeypatch.context() as patch, pytest.raises(error):
        patch.setattr(sys.modules["keras_textrec.converters.convert"], "convert", convert)
        CRNN.from_preset("tiny_en")
    assert names(home) == {"download"}
    # What a process leaves that is killed at once.
    (home / "converting" / "preset").mkdir(parents=True)
    (home / "converting" / "preset" / "config.json").write_text("{")
    assert loads_ours()
    assert publisher.log == [f"GET {PATH}"]
    assert names(home) == {converted(home).name, "publisher.json"}


def damage(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def shorten(file):
    file.write_bytes(file.read_bytes()[:-10])


@pytest.mark.parametrize(
    "name, harm",
    [
        ("model.weights.h5", damage),
        ("model.weights.h5", shorten),
        ("model.weights.h5", pathlib.Path.unlink),
        ("config.json", shorten),
        ("sha256", shorten),
    ],
)
def test_a_damaged_cache_is_made_anew(preset, publisher, home, name, harm):
    assert loads_ours()
    harm(converted(home) / name)
    assert loads_ours()
    assert len(publisher.log) == 2


def test_another_network_or_file_is_converted_anew(preset, publisher, home, add_preset, conversions):
    assert loads_ours()
    publisher.files["/new.tar"] = CHECKPOINT
    add_preset("tiny_en", description="Told otherwise.", source={"url": publisher.url + PATH})
    assert loads_ours() and len(conversions) == 1
    add_preset("tiny_en", source={"url": publisher.url + "/new.tar"})
    assert loads_ours() and len(conversions) == 2
    add_preset("tiny_en", source={"url": publisher.url + "/new.tar", "part": "Student"})
    assert loads_ours() and len(conversions) == 3
    assert len(list(home.glob("converted-*"))) == 3


# A process that uses the preset for the first time. Its converter says so, and where it is told to, never ends.
PROCESS = """
import pathlib, shutil, sys, time
import keras_textrec
from keras_textrec.presets import description
description.FOLDER, tiny, ending = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "ending"
def convert(path, folder, *, preset=None, config=None, charset=None):
    shutil.copytree(tiny, folder)
    print("converting", flush=True)
    ending or time.sleep(60)
module = type(sys)("convert")
module.convert = convert
sys.modules["keras_textrec.converters.convert"] = module
print("ready", flush=True)
sys.stdin.readline()
keras_textrec.CRNN.from_preset("tiny_en")
print("loaded", flush=True)
"""


@contextlib.contextmanager
def process(preset, tiny, home, *arguments):
    environment = {**os.environ, "HF_ASSETS_CACHE": str(home.parents[2])}
    command = [sys.executable, "-c", PROCESS, str(preset.parent), str(tiny), *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, text=True) as running:
        try:
            assert running.stdout.readline() == "ready\n", running.stderr.read()
            yield running
        finally:
            running.kill()


@pytest.mark.slow
def test_processes(preset, publisher, home, tiny, light_children):
    with process(preset, tiny, home, "never") as killed:
        killed.stdin.write("\n")
        killed.stdin.flush()
        assert killed.stdout.readline() == "converting\n"
    assert names(home) == {"download", "converting"}
    shutil.rmtree(home / "download")
    publisher.log.clear()
    publisher.faults = [("slow", 1.0)]
    with process(preset, tiny, home, "ending") as one, process(preset, tiny, home, "ending") as two:
        for running in (one, two):
            running.stdin.write("\n")
            running.stdin.flush()
        outputs = [running.communicate(timeout=120)[0] for running in (one, two)]
    assert sorted(outputs) == ["converting\nloaded\n", "loaded\n"]
    assert publisher.log == [f"GET {PATH}"]
    assert names(home) == {converted(home).name, "publisher.json"}


def test_the_hub_comes_before_the_publisher(publisher, home, hub, tiny, add_preset):
    add_preset("tiny_en", source={"url": publisher.url + PATH}, hub=URI)
    upload_preset(URI, tiny)
    hub.log.clear()
    assert loads_ours()
    assert hub.log and publisher.log == []
    hub.log.clear()
    assert loads_ours()
    assert hub.log == []


def test_the_publisher_comes_where_the_hub_fails(publisher, home, hub, add_preset, caplog, monkeypatch):
    add_preset("tiny_en", source={"url": publisher.url + PATH}, hub=URI)
    with caplog.at_level(logging.WARNING):
        assert loads_ours()
    assert "somebody/tiny is not on the Hub" in caplog.text and "Making tiny_en of the publisher's file" in caplog.text
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert loads_ours()


def test_a_preset_of_the_hub_alone(hub, home, add_preset, tiny, monkeypatch):
    add_preset("tiny_en", hub=URI)
    with pytest.raises(ValueError, match="somebody/tiny is not on the Hub"):
        CRNN.from_preset("tiny_en")
    upload_preset(URI, tiny)
    assert loads_ours()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert loads_ours()


def test_a_preset_like_another_has_its_own_weights(preset, add_preset):
    add_preset("tiny_en", hub=URI)
    preset.with_name("tiny_fr.yaml").write_text("like: tiny_en\ndescription: In French.\n")
    assert "hub" not in description.describe_name("tiny_fr")
