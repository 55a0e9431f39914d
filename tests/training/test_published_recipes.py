"""The recipes of the presets: that they are the publishers', and that such a one trains as it says."""

import csv
import shutil

import numpy as np
import pytest

from keras_textrec import Recipe, RepSVTR
from keras_textrec.commands.train import model_to_train
from keras_textrec.data import lmdb
from keras_textrec.presets import build, preset_names
from keras_textrec.presets.description import describe_name, with_guide
from keras_textrec.training import run_folder
from keras_textrec.training.train import train
from tests.models.test_svtrv2_model import make
from tests.tiny import write_lmdb

# What PaddleOCR's and MindOCR's configurations say, beyond what is the same in all of them.
PADDLE = {"optimizer": "adam", "schedule": "constant", "learning_rate": 5e-4, "batch_size": 256, "weight_decay": 0.0}
RECTIFIER = {"learning_rates": {"tps/fc1/kernel": 0.1, "tps/fc2": 0.1}}
SVTR = {"optimizer": "adamw", "schedule": "paddle_cosine", "warmup_epochs": 5.0, "l2": {"head": 1e-5}, "guided": True}
SVTR |= {"canvases": [[32, 320], [48, 320], [64, 320]], "canvas_choice": "random", "augment": "recaug"}
MIND = {"optimizer": "adamw", "schedule": "cosine", "learning_rate": 5e-4, "warmup_epochs": 1.0, "ema": None}
PUBLISHED = {
    "crnn_r34_en": PADDLE | {"epochs": 72, "l2": 0.0},
    "crnn_mv3_en": PADDLE | {"epochs": 72, "l2": 0.0},
    "rare_r34_en": PADDLE | RECTIFIER | {"epochs": 400, "l2": 0.0},
    "rare_mv3_en": PADDLE | RECTIFIER | {"epochs": 72, "l2": 1e-5},
    "robust_scanner_r31_en": {"optimizer": "adam", "schedule": "piecewise", "decay_epochs": [3, 4], "batch_size": 64},
    "svtrv2_ch": SVTR | {"learning_rate": 1e-3, "weight_decay": 0.05, "epochs": 200, "beta_2": 0.999},
    "repsvtr_ch": SVTR | {"learning_rate": 1e-3, "weight_decay": 0.025, "epochs": 200, "beta_2": 0.999},
    "repsvtr_distill_ch": SVTR | {"learning_rate": 2e-4, "weight_decay": 0.05, "epochs": 100, "beta_2": 0.99},
    "crnn_r34_mindocr_en": MIND | {"weight_decay": 1e-4, "epochs": 30, "batch_size": 512, "loss_scale": 512.0},
    "crnn_vgg7_en": MIND | {"weight_decay": 1e-4, "epochs": 10, "batch_size": 128, "loss_scale": 1024.0},
    "rare_r34_notps_en": MIND | {"weight_decay": 0.05, "epochs": 30, "loss_scale_steps": 1000, "clip_norm": None},
    "rare_r34_notps_ch": MIND
    | {"learning_rate": 1e-3, "min_learning_rate": 1e-5, "warmup_epochs": 6.0, "clip_norm": 0.1, "loss_scale": 512.0},
    "robust_scanner_r31_mindocr_en": {"optimizer": "adamw", "decay_epochs": [6, 8], "ema": 0.9999, "weight_decay": 0.0},
}


@pytest.mark.once
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_preset_has_its_publishers_recipe(name):
    recipe = Recipe.from_dict(describe_name(name)["training"]).to_dict()
    assert {key: recipe[key] for key in PUBLISHED[name]} == PUBLISHED[name]


@pytest.mark.once
def test_every_presets_recipe_can_be():
    for name in preset_names():
        Recipe.from_dict(describe_name(name)["training"])


@pytest.mark.one_backend
@pytest.mark.parametrize("name", ["rare_mv3_en", "repsvtr_ch"])
def test_a_recipes_parts_are_its_networks(name):
    model = build(with_guide(describe_name(name)), initialize=False)
    settings = model.recipe.variable_settings(model)
    special = {
        v.path for v, values in settings if values.rate != 1 or (values.l2 and model.recipe.optimizer == "adamw")
    }
    wanted = {"rare_mv3_en": {"fc1/kernel", "fc2/kernel", "fc2/bias"}, "repsvtr_ch": {"head/kernel", "head/bias"}}
    assert special == wanted[name]


@pytest.mark.one_backend
def test_a_guided_network_on_three_heights(tmp_path):
    """As SVTRv2 is trained: built with its guide, on batches of 4, 2 and 2 images; and it goes on exactly."""
    description = make(RepSVTR, guided=False).describe()
    recipe = {**SVTR, "canvases": [[32, 64], [48, 64], [64, 64]], "batch_size": 4, "epochs": 2, "steps_per_epoch": 3}
    description["training"] = {**recipe, "dtype": "float32", "max_length": 8, "ema": 0.99}
    words = lmdb(write_lmdb(tmp_path / "words"))

    def run(folder, **options):
        model = model_to_train(description)
        train(model, words, words, folder, **options)
        with np.load(folder / "state.npz") as state:
            return model, dict(state)

    end_epoch = run_folder.Keeper.on_epoch_end

    def end_and_copy(self, epoch, logs=None):
        """The folder is then as if the run had been killed after its first epoch."""
        end_epoch(self, epoch, logs)
        if not epoch:
            shutil.copytree(tmp_path / "straight", tmp_path / "broken")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_folder.Keeper, "on_epoch_end", end_and_copy)
        model, straight = run(tmp_path / "straight")
    assert model.guided
    with (tmp_path / "straight" / "log.csv").open(newline="", encoding="utf-8") as file:
        assert [row["images"] for row in csv.DictReader(file)] == ["8", "16"]  # 4 + 2 + 2 images an epoch
    _, resumed = run(tmp_path / "broken", resume=True)
    assert straight.keys() == resumed.keys()
    assert not [key for key in straight if not np.array_equal(straight[key], resumed[key])]
