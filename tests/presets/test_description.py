import json

import pytest
import yaml

from keras_textrec import CRNN, describe, preset_names
from keras_textrec.presets import build, override
from keras_textrec.presets.description import charset_of
from keras_textrec.training.recipes import Recipe

pytestmark = pytest.mark.one_backend


def tiny():
    """A description as a YAML file has it."""
    return yaml.safe_load("""
        description: A tiny CRNN.
        model:
          class: CRNN
          hidden_size: 4
          tokenizer: {class: CTCTokenizer, charset: {named: alphanumeric}}
          converter: {class: ImageConverter, height: 32, width: 64}
          backbone: {class: ResNetVD, depths: [1], widths: [4], stem_widths: [4]}
        training: {batch_size: 8}
    """)


def distinct():
    """Of the presets whose networks differ in nothing but their characters, one; the large ones as slow."""
    networks = {}
    for name in preset_names():
        model = describe(name)["model"]
        model.get("tokenizer", {}).pop("charset", None)
        networks.setdefault(json.dumps(model), name)
    large = ("ResNetVD", "ResNet31", '"SVTRv2"')
    return [
        pytest.param(name, marks=pytest.mark.slow if any(part in network for part in large) else ())
        for network, name in networks.items()
    ]


@pytest.mark.parametrize("name", distinct())
def test_presets_build(name):
    description = describe(name)
    model = build(description, initialize=False)
    assert type(model).__name__ == description["model"]["class"]
    assert model.recipe == Recipe.from_dict(description["training"])
    assert model.about == {key: value for key, value in description.items() if key not in ("model", "training")}


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_tells_about_itself(name):
    description = describe(name)
    assert {"description", "license", "language", "model", "training", "trained_on"} <= set(description)
    assert "like" not in description
    Recipe.from_dict(description["training"])
    assert description["model"]["converter"]["channel_order"] in ("BGR", "RGB")  # never by default
    if "tokenizer" in description["model"]:
        assert len(charset_of(description)) > 30
    if name != "crnn_small_en":
        assert set(description["source"]) >= {"publisher", "url", "config"}
        assert description["source"]["url"].startswith("https://")
    assert ("results" in description) == ("results_source" in description) or name == "crnn_small_en"


def test_a_preset_like_another(tmp_path, monkeypatch):
    """What it says goes before; results and the copy on the Hub are not its own."""
    monkeypatch.setattr("keras_textrec.presets.description.FOLDER", tmp_path)
    first = {"model": {"class": "A", "size": 1}, "results": {"x": 1}, "results_source": "y", "hub": "z", "license": "L"}
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(first))
    (tmp_path / "b.yaml").write_text("{like: a, model: {size: 2, deep: {x: 1}}}")
    (tmp_path / "c.yaml").write_text("{like: b, model: {deep: {y: 2}}, license: M}")
    assert describe("c") == {"model": {"class": "A", "size": 2, "deep": {"x": 1, "y": 2}}, "license": "M"}


def test_an_unknown_name_suggests_near_ones():
    with pytest.raises(ValueError, match="no preset and no folder 'crnn_smal_en'; did you mean crnn_small_en?"):
        CRNN.from_preset("crnn_smal_en")
    with pytest.raises(ValueError, match="no preset and no folder 'zzz'; there are: crnn_mv3_en, .* and [0-9]+ more"):
        describe("zzz")
    with pytest.raises(ValueError, match="There is no preset folder '/no/where'"):
        describe("/no/where")


def test_override_sets_values_and_leaves_the_original():
    description = tiny()
    settings = [
        "training.batch_size=64",
        "training.learning_rate=1e-3",
        "training.steps_per_epoch=null",
        "model.tokenizer.charset={named: dict90}",
        "model.converter.width=80",
        "model.tokenizer.lowercase=true",
    ]
    changed = override(description, settings)
    assert description == tiny()
    assert changed["training"]["batch_size"] == 64
    assert changed["model"]["tokenizer"]["lowercase"] is True
    assert changed["model"]["converter"]["width"] == 80
    recipe = Recipe.from_dict(changed["training"])
    assert (recipe.learning_rate, recipe.steps_per_epoch) == (1e-3, None)
    assert override(description, []) == description


@pytest.mark.parametrize(
    "setting, message",
    [
        ("training.batch_size", "must be SECTION.KEY=VALUE"),
        ("batch_size=3", "must be SECTION.KEY=VALUE"),
        ("=3", "must be SECTION.KEY=VALUE"),
        ("trainin.batch_size=3", "has no section 'trainin'"),
        ("training.batch_size.x=3", "has no section 'batch_size'"),
        ("model.tokenizer.charset=[a", "is not a value in YAML"),
    ],
)
def test_override_refuses(setting, message):
    with pytest.raises(ValueError, match=message):
        override(tiny(), [setting])


@pytest.mark.parametrize(
    "setting, message",
    [
        ("training.batch_siz=3", "training.batch_siz is no key of a recipe; did you mean batch_size"),
        ("model.class=CRMM", "model.class: keras_textrec has no 'CRMM'"),
        ("model.backbone.class=ResNet", "model.backbone.class: keras_textrec has no 'ResNet'"),
        ("model.backbone={depths: [1]}", "model.backbone needs its 'class'"),
        ("model.backbone.dephts=[1]", "model.backbone: ResNetVD has no argument 'dephts'; did you mean depths"),
        ("model.backbone.zzz=2", "no argument 'zzz'; there are: depths, widths, .*name"),
        ("model.hiden_size=8", "model: CRNN has no argument 'hiden_size'; did you mean hidden_size"),
        ("model.tokenizer.charset.named=asci", "no charset named 'asci'; did you mean ascii"),
        ("model.tokenizer.charset={}", "must be the characters themselves, or have a key 'named' or 'file'"),
        ("model.tokenizer.charset=abca", "more than once: .'a'"),
        ("model.tokenizer.unknown=keep", "policy for unknown characters"),
        ("model.converter.resize=crop", "resize policy must be one of"),
        ("model.converter.height=64", "CRNN: resnet_vd makes 16 rows of an image of height 64"),
    ],
)
def test_build_refuses(setting, message):
    with pytest.raises(ValueError, match=message):
        build(override(tiny(), [setting]))


@pytest.mark.parametrize("section", ["model", "training"])
def test_build_needs_both_sections(section):
    description = tiny()
    del description[section]
    with pytest.raises(ValueError, match=f"needs a section '{section}'"):
        build(description)


def test_a_charset_from_a_file_or_as_it_stands(tmp_path):
    (tmp_path / "characters.txt").write_text("ä\nß\n", "utf-8")
    for charset, wanted in [
        ({"file": str(tmp_path / "characters.txt")}, "äß"),
        ({"file": str(tmp_path / "characters.txt"), "space": True}, "äß "),
        ("xyz", "xyz"),
        (["x", "yz"], ["x", "yz"]),
    ]:
        description = override(tiny(), ["model.backbone.depths=[1, 1, 1, 1]", "model.backbone.widths=[4, 4, 4, 4]"])
        description["model"]["tokenizer"]["charset"] = charset
        assert list(build(description).tokenizer.charset) == list(wanted)


def test_weights_that_are_to_be_loaded_are_not_initialized(tiny):
    weights = build(describe(tiny), initialize=False).get_weights()
    assert weights and not any(array.any() for array in weights)
    assert any(array.any() for array in build(describe(tiny)).get_weights())
