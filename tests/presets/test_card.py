"""The model cards: those in hub_cards/ are what the presets' YAMLs say, and their metadata is what the Hub takes."""

import pathlib
import re

import pytest
from huggingface_hub import ModelCard
from huggingface_hub.utils import validate_repo_id

from keras_textrec import Charset, describe, preset_names
from keras_textrec.commands import main
from keras_textrec.presets.card import make_card
from keras_textrec.presets.papers import PAPERS
from tests.tiny import crnn, draw, png

pytestmark = pytest.mark.one_backend

CARDS = pathlib.Path(__file__).parents[2] / "hub_cards"
AGAIN = "the cards are old; make them again: keras-textrec card --all hub_cards"
SECTIONS = ("Usage", "Characters", "Images", "Limits", "Training data", "How to reproduce", "Citation")


@pytest.mark.parametrize("name", preset_names())
def test_the_cards_agree_with_the_descriptions(name):
    path = CARDS / f"{name}.md"
    assert path.is_file() and path.read_text("utf-8") == make_card(describe(name), name), AGAIN


def test_there_is_no_card_of_another_preset():
    assert {path.stem for path in CARDS.glob("*.md")} == set(preset_names()), AGAIN


@pytest.mark.parametrize("name", preset_names())
def test_the_metadata_is_what_the_hub_takes(name):
    description = describe(name)
    # It raises for results in another form than the Hub's.
    data = ModelCard(make_card(description, name), ignore_metadata_errors=False).data
    facts = data.to_dict()
    assert (facts["library_name"], facts["pipeline_tag"], facts["license"]) == ("keras", "image-to-text", "apache-2.0")
    assert data.language and all(re.fullmatch("[a-z]{2,3}", language) for language in data.language)
    assert len(set(data.tags)) == len(data.tags) and {"keras-textrec", "ocr"} <= set(data.tags)
    for dataset in data.datasets or []:
        validate_repo_id(dataset)
    published = {
        (result, key, value)
        for result, row in description.get("results", {}).items()
        for key, value in row.items()
        if key not in ("samples", "ned")
    }
    assert len(data.eval_results or []) == len(published)
    for result in data.eval_results or []:
        assert result.metric_type in ("accuracy", "exact_match") and 0 <= result.metric_value <= 100
        assert any(result.dataset_name == name and result.metric_value == value for name, _, value in published)
        assert result.source_url == description.get("results_source")


@pytest.mark.parametrize("name", preset_names())
def test_the_text_is_whole(name):
    description = describe(name)
    card = make_card(description, name)
    reads = "tokenizer" in description["model"]
    assert all(f"\n## {section}\n" in card for section in SECTIONS if reads or section not in ("Characters", "Images"))
    assert all(f"keras-textrec[{backend}]" in card for backend in ("tensorflow", "jax", "torch"))
    assert f'from_preset("{name}")' in card
    assert all(paper.arxiv in card for paper in PAPERS[description["model"]["class"]])
    if "source" in description:
        assert all(str(fact) in card for fact in description["source"].values())
    assert "None" not in card and "{" not in card.partition("## Images")[2].partition("##")[0]


def test_the_usage_runs(tmp_path):
    """The code of the card, on the backend of this run."""
    crnn().save_to_preset(tmp_path / "preset")
    (tmp_path / "word.png").write_bytes(png(draw("cat")))
    card = make_card(describe(tmp_path / "preset"), str(tmp_path / "preset"))
    code = re.search(r"```python\n(.*?)```", card, re.DOTALL)[1]
    code = re.sub(r"os\.environ.*\n", "\n", code).replace("word.png", str(tmp_path / "word.png"))
    variables = {}
    exec(code, variables)
    assert variables["reading"].text == crnn().read(draw("cat")).text


def test_a_card_of_a_folder_tells_what_the_folder_does(tmp_path):
    model = crnn()
    model.save_to_preset(tmp_path / "preset")
    card = make_card(describe(tmp_path / "preset"), "hf://somebody/some-words")
    assert "# some-words\n\nA tiny CRNN.\n" in card
    assert 'from_preset("hf://somebody/some-words")' in card
    assert "36 characters:" in card and "It writes lower case" in card
    assert "## Results" not in card and "## Weights" not in card and "model-index" not in card
    assert ModelCard(card).data.license == "apache-2.0"


def test_a_card_of_a_bare_description():
    description = {"model": describe("crnn_small_en")["model"], "training": {}}
    description["model"]["tokenizer"]["charset"] = list(Charset("ab`"))
    card = make_card(description, "mine")
    assert "3 characters:\n\n```text\nab`\n```" in card
    assert ModelCard(card).data.to_dict().keys() == {"library_name", "pipeline_tag", "tags"}


def test_a_card_tells_of_the_calibration():
    kept = {"intercept": 0.1, "slope": 1.0, "sets": ["a", "b"], "fitted": 1050, "judged": 990}
    kept |= {"error_before": 0.1594, "error": 0.0278}
    card = make_card({**describe("crnn_small_en"), "calibration": kept}, "mine")
    assert "1,050 words of a, b. On 990 others" in card and "error is 2.8%; without the calibration, 15.9%" in card
    assert "calibrat" not in make_card(describe("crnn_small_en"), "mine")


def test_a_card_tells_of_tall_images():
    description = {"model": describe("crnn_small_en")["model"], "training": {}}
    assert "higher than wide" not in make_card(description, "mine")
    assert "higher than wide is read upwards" in make_card({**description, "orientations": "tall"}, "mine")


def test_a_card_tells_what_became_of_the_characters():
    description = {"model": describe("crnn_small_en")["model"], "training": {}}
    assert "dropped" not in make_card(description, "mine")
    for dropped in (57, ["x"] * 57):  # as older presets have it
        change = {"kept": 37, "new": ["ä", "ß"], "dropped": dropped}
        card = make_card({**description, "charset_change": change}, "mine")
        assert "37 characters are kept and 57 dropped; 2 are new: ä ß." in card


def test_the_command(tmp_path, capsys):
    assert main(["card", "crnn_small_en"]) == 0
    card = capsys.readouterr().out
    assert card == make_card(describe("crnn_small_en"), "crnn_small_en")
    assert main(["card", "crnn_small_en", "--output", str(tmp_path / "README.md")]) == 0
    assert (tmp_path / "README.md").read_text("utf-8") == card
    assert main(["card", "crnn_small_en", "--output", str(tmp_path / "new" / "README.md")]) == 1
    assert "There is no folder for" in capsys.readouterr().err
    assert main(["card", "--all", str(tmp_path / "all")]) == 0
    assert {path.stem for path in (tmp_path / "all").iterdir()} == set(preset_names())
    assert main(["card", "no_such_preset"]) == 1
    assert "no_such_preset" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["card"])


def test_a_card_tells_how_to_run_exported_files():
    words = make_card(describe("crnn_small_en"), "crnn_small_en", ["m.onnx", "m.tflite"])
    assert 'load_exported("m.tflite").read("word.png")' in words and "```cpp" in words
    photos = make_card(describe("repsvtr_det"), "repsvtr_det", ["det.onnx"])
    assert 'load_exported("det.onnx").detect("photo.jpg")' in photos and "```cpp" not in photos
