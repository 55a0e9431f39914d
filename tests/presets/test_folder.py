import json
import random
import shutil
import types
import warnings

import h5py
import keras
import numpy as np
import pytest

from keras_textrec import CRNN, TextRecognizer, describe
from keras_textrec.presets import build
from tests.tiny import RECIPE, change_json, crnn, draw, make_crnn

FILES = ["config.json", "metadata.json", "model.weights.h5"]


@pytest.fixture
def preset(tiny, tmp_path):
    """A copy to change."""
    return shutil.copytree(tiny, tmp_path / "preset")


@keras.saving.register_keras_serializable("keras_textrec_tests")
class AnotherRecognizer(TextRecognizer):
    pass


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_folder_round_trips(tiny):
    assert sorted(path.name for path in tiny.iterdir()) == FILES
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = TextRecognizer.from_preset(tiny)
    assert type(model) is CRNN
    assert model.tokenizer.get_config() == crnn().tokenizer.get_config()
    assert model.converter.get_config() == crnn().converter.get_config()
    assert model.recipe == RECIPE
    assert model.about == crnn().about
    x = np.random.default_rng(0).normal(size=(2, 32, 64, 3)).astype("float32")
    ours, theirs = (m.reader.predict_on_batch(x) for m in (model, crnn()))
    np.testing.assert_array_equal(ours, theirs)


def test_a_folder_loads_with_keras_alone(tiny):
    model = keras.saving.load_model(tiny)
    assert type(model) is CRNN
    assert model.tokenizer.charset == crnn().tokenizer.charset
    assert model.converter.get_config() == crnn().converter.get_config()
    assert model.read(draw("word")) == crnn().read(draw("word"))
    assert model.recipe == RECIPE and model.about == crnn().about


def test_a_preset_is_replaced_from_within_and_through_a_link(preset, tmp_path, monkeypatch):
    (preset / "README.md").write_text("a card")
    (tmp_path / "link").symlink_to(preset)
    model = make_crnn(hidden_size=8)
    for place in (".", tmp_path / "link"):
        monkeypatch.chdir(preset)
        model.about = {"place": str(place)}
        model.save_to_preset(place)
        monkeypatch.chdir(tmp_path)  # where one was is gone
        assert describe(str(preset))["place"] == str(place) and (preset / "README.md").read_text() == "a card"
    assert (tmp_path / "link").is_symlink()


def test_a_backbone_of_ones_own_makes_no_preset(tmp_path):
    pixels = keras.Input((32, None, 3))
    own = keras.Model(pixels, keras.layers.Conv2D(8, (32, 4), strides=(32, 4))(pixels), name="own")
    model = CRNN(crnn().tokenizer, crnn().converter, own, 8)
    sentence = "A preset has parts of keras_textrec alone, and this CRNN has others, such as a backbone of your own"
    for keep in (model.save_to_preset, lambda folder: model.describe()):
        with pytest.raises(ValueError, match=sentence):
            keep(tmp_path / "own")
    assert not (tmp_path / "own").exists()
    model.save(tmp_path / "own.keras")
    assert keras.saving.load_model(tmp_path / "own.keras").read(draw("word")) == model.read(draw("word"))


@pytest.fixture
def older(preset):
    """As it was written when metadata.json told the recipe and what there is to say."""
    config = json.loads((preset / "config.json").read_text("utf-8"))["config"]
    told = {"recipe": {**config["recipe"], "batch_size": 5}, "about": {"license": "MIT"}}
    change_json(preset / "metadata.json", lambda metadata: metadata.update(told))
    return preset


def test_a_folder_from_before_loads(older):
    change_json(older / "config.json", lambda config: (config["config"].pop("recipe"), config["config"].pop("about")))
    model = CRNN.from_preset(older)
    assert model.recipe.batch_size == 5 and model.about == {"license": "MIT"}
    assert type(keras.saving.load_model(older)) is CRNN


def test_the_configuration_has_the_last_word(older):
    model = CRNN.from_preset(older)
    assert model.recipe == RECIPE and model.about == crnn().about
    model.save_to_preset(older)
    assert not {"recipe", "about"} & set(json.loads((older / "metadata.json").read_text("utf-8")))


def test_without_weights_it_is_the_architecture(tiny):
    model = CRNN.from_preset(tiny, load_weights=False)
    assert model.get_config() == crnn().get_config()
    assert not np.array_equal(model.get_weights()[0], crnn().get_weights()[0])


def test_the_metadata_tell_what_it_is(tiny):
    metadata = json.loads((tiny / "metadata.json").read_text("utf-8"))
    assert metadata["keras_version"] == keras.__version__
    assert metadata["parameter_count"] == crnn().count_params()
    description = describe(tiny)
    assert description["description"] == "A tiny CRNN."
    assert description["model"]["class"] == "CRNN"
    assert description["training"] == RECIPE.to_dict()


def test_a_trained_model_is_kept_without_its_optimizer(tiny, tmp_path):
    """Adam's state would make the file three times as large; training goes on with it."""
    model = make_crnn()
    model.compile()
    model.optimizer.build(model.trainable_variables)
    optimizer = model.optimizer
    model.save_to_preset(tmp_path / "trained")
    assert model.optimizer is optimizer
    with h5py.File(tmp_path / "trained" / "model.weights.h5") as file:
        sizes = []
        file.visititems(lambda _, item: sizes.append(getattr(item, "size", 0)))
    assert sum(sizes) == model.count_params()


def test_another_class_is_refused(tiny):
    with pytest.raises(ValueError, match=r"The preset '.*tiny' is a CRNN, not a AnotherRecognizer\."):
        AnotherRecognizer.from_preset(tiny)


def test_saving_replaces_an_older_preset_and_keeps_what_lies_beside_it(preset):
    (preset / "README.md").write_text("A model card.")
    model = make_crnn(hidden_size=8)
    model.save_to_preset(preset)
    assert sorted(path.name for path in preset.iterdir()) == sorted([*FILES, "README.md"])
    assert (preset / "README.md").read_text() == "A model card."
    assert CRNN.from_preset(preset).hidden_size == 8
    assert [path.name for path in preset.parent.iterdir()] == ["preset"]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_preset(preset, monkeypatch, error):
    before, model = content(preset), make_crnn(hidden_size=8)

    def fail(path):
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr(model, "save_weights", fail)
    with pytest.raises(type(error)):
        model.save_to_preset(preset)
    assert content(preset) == before
    with pytest.raises(type(error)):
        model.save_to_preset(preset.parent / "new")
    assert [path.name for path in preset.parent.iterdir()] == ["preset"], "no scratch folder and no half preset"


def test_saving_creates_folders_and_fills_empty_ones(tmp_path):
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "a" / "b"):
        crnn().save_to_preset(folder)
        assert sorted(path.name for path in folder.iterdir()) == FILES


@pytest.mark.parametrize("others", [{}, {"config.json": '{"model_type": "bert"}'}])
def test_a_folder_of_something_else_is_not_touched(tmp_path, others):
    files = {"notes.txt": "mine", **others}
    folder = tmp_path / "project"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    with pytest.raises(ValueError, match="project exists and is not a preset; nothing was written"):
        crnn().save_to_preset(folder)
    assert content(folder) == {name: text.encode() for name, text in files.items()}
    assert [path.name for path in tmp_path.iterdir()] == ["project"]


def test_a_file_is_not_replaced(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="file exists and is not a preset"):
        crnn().save_to_preset(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(preset, name):
    (preset / name).unlink()
    with pytest.raises(ValueError, match=f"preset.* has no {name}"):
        CRNN.from_preset(preset)


@pytest.mark.parametrize("name", ["config.json", "metadata.json"])
@pytest.mark.parametrize("text", ["{", "[]", "\udcff"])
def test_a_damaged_json_file_is_named(preset, name, text):
    (preset / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ValueError, match=f"{name} is not a preset's {name}: "):
        CRNN.from_preset(preset)


ODD = (None, -1, 0, 3.7, "x", "", [], {}, [[1]], [None], {"a": 1}, True, ["a", "a"], "__lambda__")


@pytest.mark.one_backend
@pytest.mark.parametrize("rounds", [60, pytest.param(140, marks=pytest.mark.slow)])
def test_odd_values_and_flipped_bits_give_an_error_or_a_model(preset, rounds):
    """Whatever a file of a preset says, it is built or refused by ValueError."""
    rng = random.Random(rounds)
    contents = {name: (preset / name).read_bytes() for name in FILES[:2]}
    for _ in range(rounds):
        name = rng.choice(FILES[:2])
        if rng.random() < 0.7:
            changed = json.loads(contents[name])
            put_somewhere(changed, rng.choice(ODD), rng)
            data = json.dumps(changed).encode()
        else:
            data = bytearray(contents[name])
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(7)
        (preset / name).write_bytes(data)
        try:
            assert isinstance(build(describe(preset), initialize=False), keras.Model)
        except ValueError as error:
            assert str(error)
        (preset / name).write_bytes(contents[name])


def put_somewhere(tree, value, rng):
    """Replaces a part of what a JSON file holds."""
    key = rng.choice(list(tree) if isinstance(tree, dict) else range(len(tree)))
    if isinstance(tree[key], dict | list) and tree[key] and rng.random() < 0.8:
        put_somewhere(tree[key], value, rng)
    else:
        tree[key] = value


def serialized(layer):
    return lambda config: (config.clear(), config.update(keras.saving.serialize_keras_object(layer)))


def in_the_converter(**entries):
    return lambda config: config["config"]["converter"].update(entries)


FOREIGN = {
    "a Keras layer": (serialized(keras.layers.Dense(3)), "it names 'Dense'"),
    "a Keras model": (serialized(keras.Sequential([keras.layers.Dense(3)])), "it names 'Sequential'"),
    "another package": (lambda config: config.update(registered_name="other>CRNN"), "it names 'CRNN'"),
    "a module": (in_the_converter(module="os", class_name="system", registered_name=None), "it names 'system'"),
    "a lambda": (in_the_converter(class_name="__lambda__", config={"value": "x"}), "it names '__lambda__'"),
    "a Lambda layer": (
        in_the_converter(module="keras.layers", class_name="Lambda", registered_name=None),
        "it names 'Lambda'",
    ),
    "an unknown class": (
        lambda config: config.update(class_name="CRMM", registered_name="keras_textrec>CRMM"),
        "keras_textrec has no 'CRMM'",
    ),
    "no recogniser": (
        lambda config: config.update(config["config"]["converter"]),
        "model.class must be a recogniser or a detector, and ImageConverter is neither",
    ),
    "an unknown argument": (lambda config: config["config"].update(hiden_size=3), "model: .*hiden_size"),
    "no configuration": (lambda config: config.pop("config"), "it names 'CRNN'"),
    "an empty object": (lambda config: config.clear(), "it names None"),
}


@pytest.mark.parametrize("change, message", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_configuration_is_refused(preset, change, message):
    change_json(preset / "config.json", change)
    with pytest.raises(ValueError, match=message) as raised:
        CRNN.from_preset(preset)
    assert "\n" not in str(raised.value)


def test_a_foreign_recipe_is_refused(preset):
    change_json(preset / "config.json", lambda config: config["config"]["recipe"].update(learning_rat=1))
    with pytest.raises(ValueError, match="learning_rat is no key of a recipe; did you mean learning_rate"):
        CRNN.from_preset(preset)


def test_damaged_weights_are_refused(preset):
    path = preset / "model.weights.h5"
    whole = path.read_bytes()
    for data in (whole[: len(whole) // 2], b"", b"no HDF5 file", b"PK\x03\x04" + whole[4:]):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"model\.weights\.h5 is damaged") as raised:
            CRNN.from_preset(preset)
        assert "\n" not in str(raised.value)
    with h5py.File(path, "w") as file:
        file["something"] = [1.0]
    with pytest.raises(ValueError, match=r"model\.weights\.h5 is damaged, or is no weight file of Keras"):
        CRNN.from_preset(preset)


@pytest.mark.parametrize(
    "other",
    [{"depths": (0, 1, 1, 2)}, {"hidden_size": 8}, {"widths": (8, 8, 16, 24)}],
    ids=["deeper", "narrower", "wider"],
)
def test_weights_of_another_network_are_refused(preset, other):
    make_crnn(**other).save_weights(preset / "model.weights.h5")
    with pytest.raises(ValueError, match=r"model\.weights\.h5 is of another network: it holds .* weights") as raised:
        CRNN.from_preset(preset)
    assert "\n" not in str(raised.value)


def test_as_many_weights_of_other_shapes_are_refused(preset):
    with h5py.File(preset / "model.weights.h5", "a") as file:
        kernel = file["layers/dense/vars/0"][()]
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = kernel.T
    with pytest.raises(ValueError, match=r"model\.weights\.h5 does not hold the weights of this CRNN: ") as raised:
        CRNN.from_preset(preset)
    assert "\n" not in str(raised.value)


def test_a_full_disk_is_told_before_anything_is_replaced(tmp_path, monkeypatch):
    crnn().save_to_preset(tmp_path / "preset")
    before = (tmp_path / "preset" / "metadata.json").read_bytes()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: types.SimpleNamespace(free=200_000))
    with pytest.raises(OSError, match="No space left on device.*preset"):
        crnn().save_to_preset(tmp_path / "preset")
    assert (tmp_path / "preset" / "metadata.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["preset"]
