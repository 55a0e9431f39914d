from pathlib import Path

import pytest
import yaml

from keras_textrec.synthesis import load_config
from keras_textrec.synthesis.config import parse_settings
from keras_textrec.synthesis.dice import Dice

pytestmark = pytest.mark.once


def test_a_file_changes_what_it_names_and_settings_change_the_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("seed: 3\nlayout: {arc: {p: 0.5}}\n")
    defaults, config = load_config(), load_config(path, **parse_settings(["layout.arc.degrees=[1, 2]", "charset=abc"]))
    assert config["seed"] == 3 and config["charset"] == "abc"
    assert config["layout"]["arc"] == {"p": 0.5, "degrees": [1, 2]}
    defaults["seed"], defaults["charset"], defaults["layout"]["arc"] = 3, "abc", {"p": 0.5, "degrees": [1, 2]}
    assert config == defaults


def test_what_is_loaded_loads_again(tmp_path):
    config = load_config(charset="né", colour={"photos": {"folder": "photos"}})
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), "utf-8")
    assert load_config(tmp_path / "again.yaml") == config


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("layout.ark.p=0.3", "layout.ark is no key of the configuration; did you mean arc?"),
        ("layout.arc=0.3", "layout.arc must be a section"),
        ("layout.arc.p=1.5", "layout.arc.p must be from 0 to 1, not 1.5"),
        ("difficulty=2", "difficulty must be from 0 to 1"),
        ("layout.arc.degrees=[9, 3]", r"layout.arc.degrees must be a range \[from, to\], not \[9, 3\]"),
        ("layout.arc.degrees=12", "layout.arc.degrees must be a range"),
        ("camera.noise.shot=loud", "camera.noise.shot must be a number"),
        ("text.kinds.word=-1", "text.kinds.word must be at least 0"),
        ("text.kinds.wrod=1", "did you mean word"),
        ("text.lengths=[]", "text.lengths must be a list of weights"),
        ("text.words=7", "text.words must be a text, a list of texts or null"),
        ("view.widest=3.5", "view.widest must be a whole number"),
        ("camera.blur.kinds={motion: 0, focus: 0, pixels: 0}", "The weights of camera.blur.kinds are all 0"),
        ("text.longest=0", "text.longest must be above 0, not 0"),
        ("view.height.limits=[0, 9]", "view.height.limits must be above 0, not 0"),
        ("seed", "must be KEY=VALUE"),
        ("seed=[", "no value in YAML|not a value in YAML"),
    ],
)
def test_bad_settings_are_named(setting, message):
    with pytest.raises(ValueError, match=message):
        load_config(**parse_settings([setting]))


def test_bad_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="no configuration"):
        load_config(tmp_path / "none.yaml")
    for content, message in (("layout: [", "not a YAML file"), ("- a\n- b\n", "must be a section")):
        (tmp_path / "bad.yaml").write_text(content)
        with pytest.raises(ValueError, match=message):
            load_config(tmp_path / "bad.yaml")


def test_weights_of_fonts_are_patterns():
    assert load_config(fonts={"weights": {"Comic*": 0}})["fonts"]["weights"] == {"Comic*": 0}


def test_chances_follow_the_hardness(config):
    dice = Dice("x")
    for dice.hardness, low, high in ((0.0, 0, 0), (0.5, 0.1, 0.2), (1.0, 0.25, 0.35)):
        share = sum(dice.happens(config.colour.shading) for _ in range(2000)) / 2000
        assert low <= share <= high


def test_the_mix_of_photographs_is_a_configuration():
    mix = load_config(Path(__file__).parents[2] / "examples/photographs.yaml")
    assert mix["view"]["far_turn"]["degrees"] == [-60, 60] and mix["layout"]["directions"]["down"] > 0
