"""Published files, filled by the rule, become presets with the published probabilities and texts."""

import hashlib

import keras
import numpy as np
import pytest
import yaml

from keras_textrec import Charset, CTCTokenizer, RepSVTRDetector, RobustScanner, TextRecognizer, describe
from keras_textrec.commands import main
from keras_textrec.converters.checkpoint import Checkpoint
from keras_textrec.converters.convert import convert, load_published
from keras_textrec.presets import build
from keras_textrec.text.attention_tokenizers import remove_symbols
from tests.converters.files import inference_model, pdparams
from tests.parity import comparing
from tests.zoo.test_published import tar

pytestmark = pytest.mark.one_backend

LINES = [{"RecResizeImg": {"image_shape": [3, 48, 320]}}]
WORDS = [{"DecodeImage": {"img_mode": "BGR"}}, {"RecResizeImg": {"image_shape": [3, 32, 100]}}]
CHINESE = {"character_dict_path": "ppocr/utils/ppocr_keys_v1.txt", "use_space_char": True}
# The published numbers' name -> the rest of its configuration, and how far probabilities may be (see tests/parity).
NETWORKS = {
    "crnn_mv3": ({}, WORDS, 1e-4),
    "crnn_r34": ({}, WORDS, 1e-4),
    "rare_mv3": ({}, WORDS, 3e-3),
    "rare_r34": ({}, WORDS, 3e-3),
    "robustscanner_r31": (
        {"character_dict_path": "ppocr/utils/dict90.txt"},
        [{"RobustScannerRecResizeImg": {"image_shape": [3, 48, 48, 160]}}],
        1e-3,
    ),
    "svtrv2": (CHINESE, LINES, 1e-4),
    "repsvtr": (CHINESE, LINES, 1e-4),
    "svtrv2_en36": ({}, LINES, 1e-4),
    "repsvtr_en36": ({}, LINES, 1e-4),
}
QUICK = ("crnn_mv3",)


def configuration(name, rule) -> dict:
    """As PaddleOCR writes it beside a checkpoint."""
    facts, transforms, _ = NETWORKS.get(name, ({}, [], None))
    return {
        "Global": {"character_dict_path": None, "use_space_char": False, "max_text_length": 25, **facts},
        "Architecture": rule.manifest(name)["architecture"],
        "Eval": {"dataset": {"name": "LMDBDataSet", "transforms": transforms}},
    }


def published_tar(path, tensors, config=None):
    """A .tar with the files of a training, as PaddleOCR publishes them."""
    files = {"net_train/train.log": b"epoch 1", "net_train/best_accuracy.pdopt": b"of the optimizer"}
    files["net_train/best_accuracy.pdparams"] = pdparams(tensors)
    if config:
        files["net_train/config.yml"] = yaml.safe_dump(config).encode()
    path.write_bytes(tar(files))
    return path


@pytest.fixture(scope="module")
def tensors(rule):
    """Of the small CRNN, to be changed in copies."""
    return rule.load_weights("crnn_mv3")


def with_sinusoids(name, tensors):
    """The table that is in checkpoints of guided networks, but not in the rule."""
    guided = name.startswith(("svtrv2", "repsvtr"))
    return tensors | ({"head.gtc_head.positional_encoding.pe": np.zeros((5000, 1, 384), "float32")} if guided else {})


def assert_published(model, name, rule):
    expected = rule.expected(name)
    x = expected["input"].transpose(0, 2, 3, 1)
    x = [x, expected["valid_ratio"]] if isinstance(model, RobustScanner) else x
    probabilities = keras.ops.convert_to_numpy(model.reader.predict_on_batch(x))
    comparing.assert_published(probabilities, expected, "probs", NETWORKS[name][2])
    as_published = {} if isinstance(model.tokenizer, CTCTokenizer) else {"published": True}
    texts = [reading.text for reading in model.tokenizer.decode(probabilities, **as_published)]
    texts = [remove_symbols(text) for text in texts] if isinstance(model, RobustScanner) else texts
    assert texts == expected["decoded_text"].tolist()


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in NETWORKS]
)
def test_by_the_configuration_in_the_archive(name, rule, tmp_path):
    """Guides are left out: the preset is what reads."""
    tensors = with_sinusoids(name, rule.load_weights(name, aliases=True))
    path = published_tar(tmp_path / "net.tar", tensors, configuration(name, rule))
    model = convert(path, tmp_path / "preset")
    assert_published(model, name, rule)
    again = TextRecognizer.from_preset(tmp_path / "preset")
    assert again.get_config() == model.get_config()
    for ours, wanted in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, wanted)
    source = again.about["source"]
    assert source["publisher"] == "PaddleOCR" and len(source["sha256"]) == 64


@pytest.mark.one_backend
def test_a_guide_is_kept_for_a_teacher(rule, tmp_path):
    name = "repsvtr_en36"
    tensors = with_sinusoids(name, rule.load_weights(name, aliases=True))
    path = published_tar(tmp_path / "net.tar", tensors, configuration(name, rule))
    model = convert(path, tmp_path / "preset", guided=True)
    assert model.guided
    projection = model.get_layer("guide").get_layer("projection").get_weights()[0]
    np.testing.assert_array_equal(projection, tensors["head.gtc_head.tgt_word_prj.weight"])
    config = configuration("crnn_mv3", rule)
    path = published_tar(tmp_path / "crnn.tar", rule.load_weights("crnn_mv3", aliases=True), config)
    with pytest.raises(ValueError, match="A CRNN has no guide; SVTRv2 and RepSVTR have"):
        convert(path, tmp_path / "crnn", guided=True)


@pytest.mark.slow
def test_the_detector(rule, tmp_path):
    name = "det_repsvtr_db"
    path = published_tar(tmp_path / "net.tar", rule.load_weights(name), configuration(name, rule))
    convert(path, tmp_path / "by_config")
    convert(path, tmp_path / "by_name", preset="repsvtr_det")
    expected = rule.expected(name)
    for folder in ("by_config", "by_name"):
        model = RepSVTRDetector.from_preset(tmp_path / folder)
        maps = model.reader.predict_on_batch(expected["input"].transpose(0, 2, 3, 1))
        comparing.assert_published(maps.transpose(0, 3, 1, 2), expected, "maps", 2e-5)


@pytest.mark.slow
def test_a_student_among_teachers(rule, tmp_path):
    """By the preset's name and by the configuration; and the student alone, as inference models have it."""
    student = with_sinusoids("repsvtr", rule.load_weights("repsvtr"))
    both = {f"Student.{name}": array for name, array in student.items()}
    both |= {f"Teacher.{name}": array for name, array in rule.load_weights("svtrv2").items()}
    config = configuration("repsvtr", rule)
    config["Architecture"] = {"name": "DistillationModel", "Models": {"Student": config["Architecture"], "Teacher": {}}}
    path = published_tar(tmp_path / "both.tar", both, config)
    assert_published(convert(path, tmp_path / "by_config"), "repsvtr", rule)
    assert_published(convert(path, tmp_path / "by_name", preset="repsvtr_distill_ch"), "repsvtr", rule)
    path = published_tar(tmp_path / "student.tar", student)
    assert_published(convert(path, tmp_path / "alone", preset="repsvtr_distill_ch"), "repsvtr", rule)
    path = published_tar(tmp_path / "teacher.tar", {f"Teacher.{name}": array for name, array in student.items()})
    with pytest.raises(ValueError, match="has no part 'Student'; its tensors begin with: Teacher"):
        convert(path, tmp_path / "teacher", preset="repsvtr_distill_ch")


def test_an_inference_model(tensors, rule, tmp_path):
    for name, content in inference_model(tensors).items():
        (tmp_path / name).write_bytes(content)
    model = convert(tmp_path, tmp_path / "preset", preset="crnn_mv3_en")
    assert_published(model, "crnn_mv3", rule)
    weights = (tmp_path / "inference.pdiparams").read_bytes()
    assert model.about["source"]["sha256"] == hashlib.sha256(weights).hexdigest()


def test_an_inference_model_without_names(tensors, rule):
    """Its names are found by the network; these are none that Paddle would give."""
    model = build(describe("crnn_mv3_en"))
    with pytest.raises(ValueError, match="is no tensor of a known network"):
        load_published(model, Checkpoint(tensors, "paddle", names_known=False))


# === The space ===


def with_classes(tensors, count):
    rng = np.random.default_rng(0)
    head = {"head.fc.weight": rng.normal(size=(192, count)), "head.fc.bias": rng.normal(size=count)}
    return tensors | {name: array.astype("float32") for name, array in head.items()}


@pytest.mark.parametrize(
    "listed, classes, wanted",
    [("abc", 5, "abc "), ("ab ", 3, "ab"), ("a bc", 6, "a bc ")],
    ids=["added", "not_there", "twice"],
)
def test_where_nothing_tells_of_the_space_the_number_of_classes_does(tensors, listed, classes, wanted, tmp_path):
    """In the last case there are two: the class of the first is read, and no label is encoded to it."""
    (tmp_path / "list.txt").write_text("\n".join(listed), "utf-8")
    checkpoint = with_classes(tensors, classes)
    path = published_tar(tmp_path / "net.tar", checkpoint)
    model = convert(path, tmp_path / "preset", preset="crnn_mv3_en", charset=tmp_path / "list.txt")
    assert_classes(model, checkpoint, wanted)
    assert "results" not in model.about  # those are of the published weights


@pytest.mark.parametrize(
    "listed, told, classes, wanted",
    [
        ("abc", True, 5, "abc "),
        ("a bc", True, 6, "a bc "),
        ("ab ", True, 4, "ab "),  # the published French network: the list's own space, and not the second
        ("ab ", False, 4, "ab "),
        ("abc", False, 5, None),  # a class more: which line of the list is missing is not known
        ("abc", True, 4, None),
        ("abc", None, 5, "abc "),
    ],
)
def test_the_configuration_tells_of_the_space(tensors, rule, listed, told, classes, wanted, tmp_path, caplog):
    checkpoint, config = with_classes(tensors, classes), configuration("crnn_mv3", rule)
    config["Global"] |= {"character_dict_path": "my/list.txt", "use_space_char": told}
    if told is None:
        del config["Global"]["use_space_char"]
    (tmp_path / "best_accuracy.pdparams").write_bytes(pdparams(checkpoint))
    (tmp_path / "config.yml").write_text(yaml.safe_dump(config))
    (tmp_path / "list.txt").write_text("\n".join(listed))
    if wanted:
        assert_classes(convert(tmp_path, tmp_path / "preset"), checkpoint, wanted)
        return
    with pytest.raises(ValueError, match=r"shape \(192, [45]\) instead of \(192, [45]\): head.fc.weight"):
        convert(tmp_path, tmp_path / "preset")
    assert f"The network has {classes - 1} classes for characters, and its charset has" in caplog.text


def assert_classes(model, checkpoint, wanted):
    assert list(model.tokenizer.charset) == list(wanted)
    kernel, bias = model.get_layer("head").get_weights()
    np.testing.assert_array_equal(kernel, checkpoint["head.fc.weight"])
    np.testing.assert_array_equal(bias, checkpoint["head.fc.bias"])


@pytest.mark.parametrize("content", [b"a\n\nb\nc\n", b"\xef\xbb\xbfa\r\na\r\nb\r\nc\r\n", b"a\na \nb\nc"])
def test_every_line_of_a_dictionary_is_a_class(tensors, rule, content, tmp_path, caplog):
    """Empty, twice, or with a space behind it: what stands after it keeps its class, here and in the saved preset."""
    checkpoint, config = with_classes(tensors, 6), configuration("crnn_mv3", rule)
    config["Global"] |= {"character_dict_path": r"D:\work\my list.txt", "use_space_char": True}
    (tmp_path / "best_accuracy.pdparams").write_bytes(pdparams(checkpoint))
    (tmp_path / "config.yml").write_text(yaml.safe_dump(config))
    (tmp_path / "my list.txt").write_bytes(content)
    convert(tmp_path, tmp_path / "preset")
    assert "No label is encoded to these lines" in caplog.text
    model = TextRecognizer.from_preset(tmp_path / "preset")
    second = content.decode("utf-8-sig").replace("\r", "").split("\n")[1]
    assert_classes(model, checkpoint, ["a", second, "b", "c", " "])
    probabilities = np.eye(6)[[1, 0, 2, 3, 4, 5]][None]
    assert model.tokenizer.decode(probabilities)[0].text == f"a{second}bc "
    assert model.tokenizer.encode("abc ") == [2 if second == "a" else 1, 3, 4, 5]


# === Tensors as trainers keep them ===


@pytest.mark.parametrize("wrapper", ["module.", "Student.", "module.Student.", "Student.module.", "_orig_mod.module."])
def test_what_training_put_around_a_network(tensors, wrapper, tmp_path):
    wrapped = {wrapper + name: array for name, array in tensors.items()}
    if "Student" in wrapper:
        wrapped |= {wrapper.replace("Student", "Teacher") + "another": np.zeros(3, "f4")}
    path = published_tar(tmp_path / "net.tar", wrapped)
    model = convert(path, tmp_path / "preset", preset="crnn_mv3_en")
    np.testing.assert_array_equal(model.get_layer("head").bias, tensors["head.fc.bias"])


def test_numbers_of_16_bits(tensors, tmp_path):
    """Of float16, and of Paddle's bfloat16, which its files hold as unsigned integers."""
    half = {name: array.astype("float16") for name, array in tensors.items()}
    brain = {name: (array.view("uint32") >> 16).astype("uint16") for name, array in tensors.items()}
    for name, stored in {"half": half, "brain": brain}.items():
        path = published_tar(tmp_path / f"{name}.tar", stored)
        kernel = convert(path, tmp_path / name, preset="crnn_mv3_en").get_layer("head").get_weights()[0]
        wanted = tensors["head.fc.weight"]
        assert kernel.dtype == np.float32 and np.abs(kernel - wanted).max() < 0.01 * np.abs(wanted).max()
        assert not np.array_equal(kernel, wanted)


# === Refusals ===


def test_everything_that_does_not_fit_is_listed_and_nothing_is_written(tensors, tmp_path):
    tensors = dict(tensors)
    del tensors["head.fc.bias"], tensors["backbone.conv1.conv.weight"]
    tensors["head.fc.weight"] = tensors["head.fc.weight"][:, :-1]
    tensors["extra.weight"] = np.zeros(3, "float32")
    path = published_tar(tmp_path / "net.tar", tensors)
    with pytest.raises(ValueError) as raised:
        convert(path, tmp_path / "preset", preset="crnn_mv3_en")
    for problem in (
        "missing: head.fc.bias",
        "missing: backbone.conv1.conv.weight",
        "not part of crnn: extra.weight",
        "shape (192, 36) instead of (192, 37): head.fc.weight",
    ):
        assert problem in str(raised.value)
    assert not (tmp_path / "preset").exists()


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_numbers_that_are_none(tensors, bad, tmp_path):
    broken = tensors["head.fc.weight"].astype("float64")
    broken[1, 2:4] = bad
    path = published_tar(tmp_path / "net.tar", tensors | {"head.fc.weight": broken})
    with pytest.raises(ValueError, match="2 of 7104 numbers are NaN or infinite: head.fc.weight"):
        convert(path, tmp_path / "preset", preset="crnn_mv3_en")
    assert not (tmp_path / "preset").exists()


def test_a_file_of_another_network(tensors, tmp_path):
    path = published_tar(tmp_path / "net.tar", tensors)
    pattern = r"(?s)do not fit crnn:.*missing: backbone.blocks.0.mid_se.*not part of crnn: backbone.blocks.14.*shape \("
    with pytest.raises(ValueError, match=pattern):
        convert(path, tmp_path / "preset", preset="crnn_mv3_small_french")
    assert not (tmp_path / "preset").exists()


def test_what_the_network_is_must_be_said_once(tensors, tmp_path):
    path = published_tar(tmp_path / "net.tar", tensors)
    with pytest.raises(ValueError, match="Nothing says what network .*net.tar is of: there is no config.yml with it"):
        convert(path, tmp_path / "preset")
    with pytest.raises(ValueError, match="Give a preset or a configuration, not both"):
        convert(path, tmp_path / "preset", preset="crnn_mv3_en", config=tmp_path / "config.yml")
    with pytest.raises(FileNotFoundError, match="config.yml"):
        convert(path, tmp_path / "preset", config=tmp_path / "config.yml")
    with pytest.raises(FileNotFoundError, match="no charset file '.*list.txt'"):
        convert(path, tmp_path / "preset", preset="crnn_mv3_en", charset=tmp_path / "list.txt")
    with pytest.raises(ValueError, match="no preset and no folder 'crnn_mv3_e'; did you mean crnn_mv3_en"):
        convert(path, tmp_path / "preset", preset="crnn_mv3_e")
    with pytest.raises(FileNotFoundError, match="There is no file .*none.tar"):
        convert(tmp_path / "none.tar", tmp_path / "preset", preset="crnn_mv3_en")
    assert not (tmp_path / "preset").exists()


def test_a_configuration_and_a_list_beside_the_checkpoint(rule, tensors, tmp_path):
    """The list is PaddleOCR's `character_dict_path`, which lies beside the configuration by its name."""
    (tmp_path / "best_accuracy.pdparams").write_bytes(pdparams(tensors))
    config = configuration("crnn_mv3", rule)
    config["Global"]["character_dict_path"] = "./my/own_dict.txt"
    (tmp_path / "config.yml").write_text(yaml.safe_dump(config))
    characters = Charset.named("alphanumeric").characters[::-1]
    (tmp_path / "own_dict.txt").write_text("\n".join(characters))
    model = convert(tmp_path / "best_accuracy.pdparams", tmp_path / "preset")
    assert model.tokenizer.charset.characters == characters
    assert not model.tokenizer.lowercase
    (tmp_path / "own_dict.txt").unlink()
    with pytest.raises(FileNotFoundError, match="names the list of characters './my/own_dict.txt', which is neither"):
        convert(tmp_path, tmp_path / "again")


def test_the_command_tells_what_is_wrong(tmp_path, capsys):
    (tmp_path / "net.pdparams").write_bytes(b"\x80\x04not a pickle")
    command = ["convert", str(tmp_path / "net.pdparams"), str(tmp_path / "preset"), "--preset", "crnn_mv3_en"]
    assert main(command) == 1
    assert "net.pdparams cannot be read: " in capsys.readouterr().err
    assert not (tmp_path / "preset").exists()
