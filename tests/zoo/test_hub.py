"""Presets on a Hub that runs here, through huggingface_hub itself."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from huggingface_hub import constants

import keras_textrec as textrec
from keras_textrec.commands import main
from keras_textrec.presets.card import make_card
from keras_textrec.zoo import describe
from keras_textrec.zoo.hub import parse_hub_uri
from tests.serving import HubServer, serving
from tests.tiny import change_json, crnn, draw, make_crnn, png, same_weights

pytestmark = pytest.mark.one_backend

URI = "hf://somebody/tiny"
REPOSITORY = "somebody/tiny"
FILES = {"config.json", "metadata.json", "model.weights.h5"}
CARD = "---\nlibrary_name: keras\n---\n# A tiny CRNN\n"


def test_up_and_down(hub, folder, tmp_path):
    (folder / "README.md").write_text(CARD)
    (folder / "notes.txt").write_text("not for others")
    address = textrec.upload_preset(URI, folder)
    commit = hub.refs[REPOSITORY]["main"]
    assert address == f"{hub.url}/{REPOSITORY}/commit/{commit}"
    assert set(hub.commits[REPOSITORY][commit]) == FILES | {"README.md", ".gitattributes"}
    assert any(line.startswith("PUT /lfs/") for line in hub.log)
    model = textrec.TextRecognizer.from_preset(URI)
    assert model.read(draw("walrus")) == crnn().read(draw("walrus"))
    assert describe(URI) == describe(folder)
    loaded = [line for line in hub.log if "/resolve/" in line]
    assert {line.rsplit("/", 1)[1] for line in loaded} == FILES
    with pytest.raises(ValueError, match=r"preset 'hf://somebody/tiny' is a CRNN, not a RARE"):
        textrec.RARE.from_preset(URI)


def test_a_description_alone_needs_no_weights(hub, folder):
    textrec.upload_preset(URI, folder)
    hub.log.clear()
    model = textrec.CRNN.from_preset(URI, load_weights=False)
    assert model.recipe == crnn().recipe
    assert describe(URI)["description"] == "A tiny CRNN."
    assert not any("lfs" in line or "weights" in line for line in hub.log)


def test_revisions(hub, folder):
    textrec.upload_preset(URI, folder)
    first = hub.refs[REPOSITORY]["main"]
    hub.refs[REPOSITORY]["v1"] = first
    textrec.CRNN.from_preset(URI)
    changed = make_crnn()
    changed.get_layer("head").bias.assign(changed.get_layer("head").bias + 1)
    changed.save_to_preset(folder)
    textrec.upload_preset(URI, folder, message="A bias more")
    for uri, model in [(URI, changed), (f"{URI}@v1", crnn()), (f"{URI}@{first}", crnn())]:
        assert same_weights(textrec.CRNN.from_preset(uri), model)
    with pytest.raises(ValueError, match="The repository somebody/tiny on the Hub has no revision 'v2'"):
        textrec.CRNN.from_preset(f"{URI}@v2")


def test_offline(hub, folder, monkeypatch):
    textrec.upload_preset(URI, folder)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    hub.log.clear()
    with pytest.raises(FileNotFoundError, match="hf://somebody/tiny is not in the cache, and the Hub cannot be asked"):
        textrec.CRNN.from_preset(URI)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    textrec.CRNN.from_preset(URI)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    hub.log.clear()
    assert same_weights(textrec.CRNN.from_preset(URI), crnn())
    with pytest.raises(OSError, match="hf://somebody/tiny: .*offline"):
        textrec.upload_preset(URI, folder)
    assert hub.log == []


@pytest.mark.slow
def test_keras_alone_loads_it(hub, folder, tmp_path):
    """`import keras_textrec` is all that plain Keras needs; HF_ENDPOINT and HF_HOME are the user's own switches."""
    (folder / "README.md").write_text(CARD)
    textrec.upload_preset(URI, folder)
    code = f"""
import keras, keras_textrec, sys
model = keras.saving.load_model("{URI}")
keras_textrec.TextRecognizer.from_preset("{URI}")
model.save_weights(sys.argv[1])
"""
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
    command = [sys.executable, "-c", code, str(tmp_path / "loaded.weights.h5")]
    done = subprocess.run(command, env=environment, timeout=120, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = make_crnn()
    loaded.load_weights(tmp_path / "loaded.weights.h5")
    assert same_weights(loaded, crnn())
    assert (tmp_path / "home" / "hub" / "models--somebody--tiny").is_dir()


@pytest.mark.parametrize("uri", ["hf://", "hf://tiny", "hf://a/b/c", "hf://a/b@", "hf://a b/c", "hf://a/b c"])
def test_malformed_uris(uri, folder):
    with pytest.raises(ValueError, match="must be hf://user/repo or hf://user/repo@revision"):
        textrec.CRNN.from_preset(uri)
    with pytest.raises(ValueError, match="must be hf://user/repo"):
        textrec.upload_preset(uri, folder)


def test_uris():
    assert parse_hub_uri("hf://a-b/c.d_e") == ("a-b/c.d_e", None)
    assert parse_hub_uri("hf://a/b@refs/pr/1") == ("a/b", "refs/pr/1")


def test_what_is_not_there(hub, folder):
    with pytest.raises(ValueError, match="repository somebody/tiny is not on the Hub, or not for you: .*hf auth login"):
        textrec.CRNN.from_preset(URI)
    textrec.upload_preset(URI, folder)
    for name in sorted(FILES):
        files = hub.commits[REPOSITORY][hub.refs[REPOSITORY]["main"]]
        hub.commit(REPOSITORY, {key: value for key, value in files.items() if key != name})
        with pytest.raises(ValueError, match=f"hf://somebody/tiny is not a preset: it has no {name}"):
            textrec.CRNN.from_preset(URI)
        hub.commit(REPOSITORY, files)


def test_nobody_answers(hub, monkeypatch):
    with serving(HubServer()) as gone:
        pass
    monkeypatch.setattr(constants, "ENDPOINT", gone.url)
    with pytest.raises(FileNotFoundError, match="hf://somebody/tiny is not in the cache, and the Hub cannot be asked"):
        textrec.CRNN.from_preset(URI)


def test_files_of_the_hub_are_checked_as_any_others(hub, folder, tmp_path):
    textrec.upload_preset(URI, folder)
    files = hub.commits[REPOSITORY][hub.refs[REPOSITORY]["main"]]
    config = json.loads(files["config.json"])
    config["config"]["tokenizer"] = {"class_name": "Lambda", "module": "keras.layers", "config": {"function": "os"}}
    hub.commit(REPOSITORY, {**files, "config.json": json.dumps(config).encode()})
    with pytest.raises(ValueError, match="is not a preset of keras_textrec: it names 'Lambda'"):
        textrec.CRNN.from_preset(URI)
    for weights in (files["model.weights.h5"][:-5000], b"\x80\x04cposix\nsystem\n"):
        hub.commit(REPOSITORY, {**files, "model.weights.h5": weights})
        with pytest.raises(ValueError, match=r"model.weights.h5 is damaged, or is no weight file of Keras"):
            textrec.CRNN.from_preset(URI)


def test_what_cannot_be_loaded_is_not_uploaded(hub, folder, tmp_path):
    with pytest.raises(ValueError, match="is not a preset: it has no metadata.json"):
        textrec.upload_preset(URI, tmp_path / "nowhere")
    with pytest.raises(ValueError, match="without a revision"):
        textrec.upload_preset(f"{URI}@v1", folder)
    weights = (folder / "model.weights.h5").read_bytes()
    (folder / "model.weights.h5").write_bytes(weights[:-5000])
    with pytest.raises(ValueError, match="is damaged"):
        textrec.upload_preset(URI, folder)
    (folder / "model.weights.h5").write_bytes(weights)
    change_json(folder / "config.json", lambda config: config["config"].update(hidden_size=12))
    with pytest.raises(ValueError, match="is of another network"):
        textrec.upload_preset(URI, folder)
    assert hub.log == []


def test_a_hub_that_refuses(hub, folder):
    (folder / "README.md").write_text("no metadata")
    with pytest.raises(ValueError, match=r"Invalid metadata in README.md"):
        textrec.upload_preset(URI, folder)
    hub.refused = True
    with pytest.raises((OSError, ValueError), match="hf://somebody/tiny|somebody/tiny is not on the Hub") as error:
        textrec.upload_preset(URI, folder)
    assert "\n" not in str(error.value)


def test_publish(hub, folder, capsys):
    assert main(["publish", str(folder), URI, "--private", "--message", "The first"]) == 0
    files = hub.commits[REPOSITORY][hub.refs[REPOSITORY]["main"]]
    assert capsys.readouterr().out == f"{hub.url}/{REPOSITORY}/commit/{hub.refs[REPOSITORY]['main']}\n"
    assert files["README.md"].decode() == make_card(describe(folder), URI)
    assert hub.private == {REPOSITORY}
    assert not (folder / "README.md").exists()
    (folder / "README.md").write_text(CARD)
    assert main(["publish", str(folder), URI]) == 0
    assert hub.commits[REPOSITORY][hub.refs[REPOSITORY]["main"]]["README.md"].decode() == CARD


def test_exported_files_go_along(hub, folder, tmp_path):
    """The card's own lines read with what was uploaded."""
    crnn().export(tmp_path / "tiny.onnx")
    assert main(["publish", str(folder), URI, "--exports", str(tmp_path / "tiny.onnx")]) == 0
    files = hub.commits[REPOSITORY][hub.refs[REPOSITORY]["main"]]
    assert files["tiny.onnx"] == (tmp_path / "tiny.onnx").read_bytes()
    section = files["README.md"].decode().partition("## Exported files")[2].partition("\n## ")[0]
    assert all(f"```{language}" in section for language in ("python", "js", "cpp"))
    code = re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]
    (tmp_path / "word.png").write_bytes(png(draw("walrus")))
    run = [sys.executable, "-c", code]
    shown = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert shown.split()[0] == crnn().read(draw("walrus")).text


def test_exported_files_of_another_model_do_not(hub, folder, tmp_path, capsys):
    textrec.CRNN("ab", backbone=make_crnn().backbone, hidden_size=4).export(tmp_path / "other.onnx")
    (tmp_path / "text.onnx").write_bytes(b"text")
    for file, message in [
        ("other.onnx", "other.onnx is of another CRNN than this preset"),
        ("text.onnx", "text.onnx cannot be loaded"),
        ("lost.onnx", "There is no exported file"),
    ]:
        assert main(["publish", str(folder), URI, "--exports", str(tmp_path / file)]) == 1
        assert message in capsys.readouterr().err
    assert hub.log == []


def test_publish_by_name(hub, tiny, add_preset):
    yaml = add_preset("tiny_en")
    shutil.copy(tiny / "model.weights.h5", yaml.parent / "weights" / "tiny_en.weights.h5")
    assert main(["publish", "tiny_en", URI]) == 0
    files = hub.commits[REPOSITORY][hub.refs[REPOSITORY]["main"]]
    assert files["README.md"].decode() == make_card(describe("tiny_en"), "tiny_en")
    assert same_weights(textrec.CRNN.from_preset(URI), crnn())


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["crnn_smal", URI], "There is no preset and no folder 'crnn_smal'; did you mean crnn_small_en"),
        (["crnn_small_en", "somebody/tiny"], "'somebody/tiny' must be hf://user/repo"),
    ],
)
def test_publish_refuses(hub, capsys, arguments, message):
    assert main(["publish", *arguments]) == 1
    assert message in capsys.readouterr().err
    assert hub.log == []


def test_the_command_line_reads_by_uri(hub, folder, tmp_path, capsys):
    textrec.upload_preset(URI, folder)
    (tmp_path / "walrus.png").write_bytes(png(draw("walrus")))
    assert main(["read", str(tmp_path / "walrus.png"), "--json", "--preset", URI]) == 0
    assert json.loads(capsys.readouterr().out)[0]["text"] == crnn().read(draw("walrus")).text
