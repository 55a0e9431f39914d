"""The publishers' configurations as descriptions."""

import pathlib
import random

import pytest
import yaml

from keras_textrec import Charset, describe
from keras_textrec.converters.configs import describe_config
from keras_textrec.presets.description import charset_of

pytestmark = pytest.mark.once

PATH = pathlib.Path("config.yml")
MOBILE = """
Global:
  character_dict_path: ppocr/utils/dict/french_dict.txt
  max_text_length: &length 25
  use_space_char: True
Architecture:
  model_type: rec
  algorithm: CRNN
  Transform:
  Backbone: {name: MobileNetV3, scale: 0.5, model_name: small, small_stride: [1, 2, 2, 2]}
  Neck: {name: SequenceEncoder, encoder_type: rnn, hidden_size: 48}
  Head: {name: CTCHead, fc_decay: 0.00001}
Train:
  dataset:
    transforms:
      - RecAug:
      - RecResizeImg: {image_shape: [3, 64, 640]}
Eval:
  dataset:
    transforms:
      - DecodeImage: {img_mode: BGR}
      - CTCLabelEncode:
      - RecResizeImg: {image_shape: [3, 32, 320]}
      - KeepKeys: {keep_keys: [image, label, length]}
"""
MINDOCR = """
common:
  character_dict_path: &list mindocr/utils/dict/ch_dict.txt
  max_text_len: &length 40
  use_space_char: False
model:
  type: rec
  transform: null
  backbone: {name: rec_resnet34, pretrained: False}
  neck: {name: RNNEncoder, hidden_size: 64}
  head: {name: AttentionHead, hidden_size: 256, out_channels: 6625, batch_max_length: *length}
eval:
  dataset:
    transform_pipeline:
      - DecodeImage: {img_mode: RGB}
      - RecAttnLabelEncode: {character_dict_path: *list, lower: False}
      - Rotate90IfVertical: {threshold: 2.0, direction: counterclockwise}
      - RecResizeNormForInfer: {target_height: 32, target_width: 320, keep_ratio: True, padding: True}
      - ToCHWImage:
"""


def changed(text=MOBILE, **changes) -> bytes:
    """The configuration with other values: `Global__use_space_char=False`."""
    config = yaml.safe_load(text)
    for path, value in changes.items():
        *parents, key = path.split("__")
        section = config
        for parent in parents:
            section = section[parent]
        section[key] = value
    return yaml.safe_dump(config).encode()


def test_paddleocr():
    description = describe_config(MOBILE.encode(), PATH)
    wanted = describe("crnn_mv3_small_french")["model"]
    wanted["tokenizer"]["lowercase"] = False
    assert description["model"] == wanted
    assert description["training"]["max_length"] == 25
    assert description["source"] == {"publisher": "PaddleOCR"}
    assert "config.yml" in description["description"]
    assert charset_of(description) == Charset.named("french_dict")


def test_mindocr():
    description = describe_config(MINDOCR.encode(), PATH)
    wanted = describe("rare_r34_notps_ch")
    assert charset_of(description) == Charset.named("ppocr_keys_v1")
    description["model"]["tokenizer"] = wanted["model"]["tokenizer"]
    assert description["model"] == wanted["model"]
    assert description["source"] == {"publisher": "MindOCR"}


def test_words_are_squeezed_and_lines_are_not():
    for shape, resize in [([3, 32, 100], "pad"), ([3, 32, 320], "widen"), ([3, 48, 320], "widen")]:
        content = changed(Eval__dataset__transforms=[{"RecResizeImg": {"image_shape": shape}}])
        converter = describe_config(content, PATH)["model"]["converter"]
        assert (converter["height"], converter["width"], converter["resize"]) == (*shape[1:], resize)


def test_the_student_of_a_distillation():
    architecture = yaml.safe_load(MOBILE)["Architecture"]
    models = {"Teacher": {"Backbone": {"name": "Unknown"}}, "Student": architecture}
    description = describe_config(changed(Architecture={"Models": models}), PATH)
    assert description["model"] == describe_config(MOBILE.encode(), PATH)["model"]
    assert description["source"] == {"publisher": "PaddleOCR", "part": "Student"}


@pytest.mark.parametrize(
    "name, wanted",
    [
        ("ppocr/utils/ic15_dict.txt", "ic15_dict"),
        ("./ppocr/utils/dict90.txt", "dict90"),
        ("ppocr/utils/en_dict.txt", "en_dict"),
        ("./ppocr/utils/dict/en_dict.txt", "en_dict_63"),
        ("mindocr/utils/dict/en_dict.txt", "mindocr_en_dict"),
        ("/home/me/ppocr_keys_v1.txt", "ppocr_keys_v1"),
        ("C:\\me\\PaddleOCR\\ppocr\\utils\\dict\\en_dict.txt", "en_dict_63"),
        (".\\ppocr\\utils\\dict90.txt", "dict90"),
    ],
)
def test_published_lists_go_by_their_name(name, wanted):
    description = describe_config(changed(Global__character_dict_path=name, Global__use_space_char=False), PATH)
    assert description["model"]["tokenizer"]["charset"] == {"named": wanted, "space": False}
    assert not description["model"]["tokenizer"]["lowercase"]


def test_other_lists(tmp_path):
    """A file goes before the one beside the configuration, and that before the published ones."""
    content = changed(Global__character_dict_path="somewhere/french_dict.txt", Global__use_space_char=True)
    path = tmp_path / "config.yml"
    (tmp_path / "french_dict.txt").write_text("a\nb")
    assert "".join(charset_of(describe_config(content, path))) == "ab "
    (tmp_path / "mine.txt").write_text("x\ny")
    assert "".join(charset_of(describe_config(content, path, tmp_path / "mine.txt"))) == "xy "
    (tmp_path / "list.txt").write_text("m\nn")
    windows = changed(Global__character_dict_path="C:\\Users\\me\\list.txt")
    assert "".join(charset_of(describe_config(windows, path))) == "mn "
    none = describe_config(changed(Global__character_dict_path=None, Global__use_space_char=True), path)
    assert charset_of(none) == Charset.named("alphanumeric") and none["model"]["tokenizer"]["lowercase"]
    for name in ("mine", "/", "..", "README.md", "../README"):
        with pytest.raises(FileNotFoundError, match="which is neither one that this package has nor beside it; give"):
            describe_config(changed(Global__character_dict_path=name), path)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"Architecture__Backbone__name": "SVTRNet"}, r"its network is SVTRNet \+ .*; of this .* has ResNet \+ Seq"),
        ({"Architecture__Backbone": None}, r"its network is SequenceEncoder \+ CTCHead;"),
        ({"Architecture__Backbone": {"name": "ResNet", "layers": 50}}, "the one of 34 layers"),
        ({"Architecture__Backbone__scale": 0.4}, "Backbone.scale must be one of"),
        ({"Architecture__Backbone__small_stride": [1, 2]}, "small_stride must be a list of 4 numbers"),
        ({"Architecture__Neck__hidden_size": "48"}, "Neck.hidden_size must be a whole number from 1 to 1024"),
        ({"Architecture__Neck__hidden_size": 10**9}, "Neck.hidden_size must be a whole number from 1 to 1024"),
        ({"Architecture__Head": "CTCHead"}, "Architecture.Head must be a section"),
        ({"Architecture__Head__name": 3}, "Architecture.Head.name must be a text"),
        ({"Architecture": None}, "has no Architecture"),
        ({"Global": None}, "has no Global"),
        ({"Global__use_space_char": "yes, please"}, "use_space_char must be true or false"),
        ({"Eval": None, "Train": 3}, "do not tell the shape of the images"),
        ({"Eval__dataset__transforms": [{"RecResizeImg": {"image_shape": [3, 32]}}]}, "a list of 3 numbers"),
    ],
)
def test_refused(changes, message):
    with pytest.raises(ValueError, match=f"The configuration config.yml cannot be used: .*{message}"):
        describe_config(changed(**changes), PATH)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "holds no names and values"),
        (b"[1, 2]", "holds no names and values"),
        (b"\xff\xfe\x00\xd8", "is no configuration in YAML"),
        (b"a: [" * 5000, "is no configuration in YAML"),
        (b"a: !!int x", "is no configuration in YAML"),
        (b"a: !!timestamp x", "is no configuration in YAML"),
        (b"a: !!bool x", "is no configuration in YAML"),
        (b"a: !!float ''", "is no configuration in YAML"),
        (b"a: !!python/object/apply:os.system ['true']", "is no configuration in YAML"),
        (b" " * 300_000, "too large"),
        (b"a: 1", "no Architecture, as PaddleOCR's have, and no model, as MindOCR's"),
    ],
)
def test_no_configuration(content, message):
    with pytest.raises(ValueError, match=message):
        describe_config(content, PATH)


def test_a_bomb_of_aliases_is_an_error_like_another():
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60)]
    for key in ("Architecture: *a59", "Architecture: {Head: *a59 }", "model: *a59"):
        with pytest.raises(ValueError, match="must be a section"):
            describe_config("\n".join([*lines, key]).encode(), PATH)


@pytest.mark.parametrize("rounds", [100, pytest.param(3000, marks=pytest.mark.slow)])
def test_damaged_ones_give_an_error_or_a_description(rounds):
    rng = random.Random(rounds)
    for _ in range(rounds):
        content = bytearray(rng.choice([MOBILE, MINDOCR]).encode())
        if rng.random() < 0.3:
            del content[rng.randrange(len(content)) :]
        else:
            for _ in range(rng.choice([1, 1, 3, 20])):
                content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        try:
            description = describe_config(bytes(content), PATH)
        except (ValueError, FileNotFoundError) as error:
            assert str(error)
        else:
            assert {"description", "model", "training", "source"} == set(description)
