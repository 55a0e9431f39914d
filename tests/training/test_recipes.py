import keras
import numpy as np
import pytest

from keras_textrec.training.recipes import Recipe


def dense():
    inputs = keras.Input((3,))
    return keras.Model(inputs, keras.layers.Dense(2, name="fc")(inputs))


# Of `torch.optim.lr_scheduler.OneCycleLR(max_lr=0.65, total_steps=400, pct_start=0.075)`, at the steps asked below.
ONE_CYCLE = [0.026, 0.191856567, 0.648171043, 0.65, 0.649988285, 0.363543326, 2.6e-6, 2.6e-6]


def rates(optimizer, steps):
    schedule = optimizer._learning_rate
    return [float(schedule(step)) for step in steps]


def test_a_recipe_round_trips():
    recipe = Recipe(optimizer="adam", learning_rate=1e-3, clip_norm=5.0, batch_size=8)
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert Recipe.from_dict({}) == Recipe()


def test_an_unknown_key_suggests_a_near_one():
    with pytest.raises(ValueError, match=r"training\.clip_nrom is no key of a recipe; did you mean clip_norm\?"):
        Recipe.from_dict({"clip_nrom": 1})
    with pytest.raises(ValueError, match=r"training\.zzz is no key of a recipe; there are: optimizer, learning_rate, "):
        Recipe.from_dict({"zzz": 1})


@pytest.mark.parametrize(
    "values, message",
    [
        ({"optimizer": "sgd"}, r"training.optimizer must be one of \('adam', 'adamw', 'muon'\), not 'sgd'"),
        ({"schedule": "linear"}, "training.schedule must be one of"),
        ({"learning_rate": "fast"}, "training.learning_rate must be float, not 'fast'"),
        ({"clip_norm": [1]}, r"training.clip_norm must be float \| None, not \[1\]"),
        ({"epochs": "many"}, "training.epochs must be int, not 'many'"),
        ({"batch_size": None}, "training.batch_size must be int, not None"),
        ({"steps_per_epoch": 1.5}, r"training.steps_per_epoch must be int \| None, not 1.5"),
        ({"batch_size": 0}, "training.batch_size must be at least 1, not 0"),
        ({"epochs": -1}, "training.epochs must be at least 1, not -1"),
        ({"epochs": True}, "training.epochs must be int, not True"),
        ({"optimizer": "adam", "weight_decay": 0.1}, "training.weight_decay is for the optimizers 'adamw' and"),
        ({"l2": {"head": "much"}}, "training.l2 must have numbers of 0 or more"),
        ({"learning_rates": {"tps": -1}}, "training.learning_rates must have numbers of 0 or more"),
        ({"learning_rates": 0.1}, r"training.learning_rates must be dict \| None, not 0.1"),
        ({"schedule": "piecewise"}, "training.decay_epochs is what the schedule 'piecewise' needs"),
        ({"decay_epochs": [3]}, "training.decay_epochs is for the schedule 'piecewise', not 'cosine'"),
        ({"schedule": "piecewise", "decay_epochs": [3], "warmup_steps": 1}, "warmup_steps is for the schedule"),
        ({"schedule": "constant", "min_learning_rate": 1e-5}, "min_learning_rate is for the schedule 'cosine'"),
        ({"min_learning_rate": 1}, "training.min_learning_rate must be at most training.learning_rate"),
        ({"schedule": "one_cycle"}, "'one_cycle' needs training.warmup_steps or training.warmup_epochs"),
        ({"ema": 1}, "training.ema must be above 0 and below 1, not 1.0"),
        ({"loss_scale": 0}, "training.loss_scale must be above 0"),
        ({"canvas_choice": "any"}, r"training.canvas_choice must be one of \('shape', 'random'\)"),
        ({"canvas_choice": "random"}, "training.canvas_choice 'random' needs training.canvases"),
        ({"schedule": "piecewise", "decay_epochs": ["3"]}, "must be a list of whole numbers"),
        ({"warmup_steps": 1, "warmup_epochs": 1}, "give one of them"),
    ],
)
def test_values_that_cannot_be_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Recipe.from_dict(values)


def test_numbers_as_yaml_gives_them():
    """YAML's 1e-3 is a string, its 1 an integer."""
    recipe = Recipe.from_dict({"learning_rate": "1e-3", "weight_decay": 0, "clip_norm": None})
    assert (recipe.learning_rate, recipe.weight_decay, recipe.clip_norm) == (1e-3, 0.0, None)


def test_cosine_after_warm_up():
    optimizer = Recipe(learning_rate=0.4, warmup_steps=10).make_optimizer(dense(), total_steps=110)
    wanted = [0, 0.2, 0.4, 0.2, 0, 0]
    np.testing.assert_allclose(rates(optimizer, [0, 5, 10, 60, 110, 200]), wanted, atol=1e-6)
    optimizer = Recipe(learning_rate=0.4).make_optimizer(dense(), total_steps=100)
    np.testing.assert_allclose(rates(optimizer, [0, 50, 100]), [0.4, 0.2, 0], atol=1e-6)


@pytest.mark.parametrize("options, total", [({"schedule": "constant"}, 100), ({"schedule": "cosine"}, None)])
def test_constant_after_warm_up(options, total):
    optimizer = Recipe(learning_rate=0.4, warmup_steps=10, **options).make_optimizer(dense(), total)
    np.testing.assert_allclose(rates(optimizer, [0, 5, 10, 1000]), [0, 0.2, 0.4, 0.4], atol=1e-6)


@pytest.mark.once
@pytest.mark.parametrize("total, warmup", [(62, 6), (599, 59), (600, 300), (None, 300)])
def test_a_warm_up_longer_than_half_the_run_is_a_tenth_of_it(total, warmup):
    assert Recipe(warmup_steps=300).warmup_for(total) == warmup
    assert Recipe(warmup_epochs=5, epochs=2).warmup_for(60) == 6


def test_one_cycle_is_pytorchs():
    """Its first step, the steps around the highest rate, and the last."""
    recipe = Recipe(learning_rate=0.65, schedule="one_cycle", warmup_epochs=1.5, epochs=20)
    ours = rates(recipe.make_optimizer(dense(), 400), [0, 10, 28, 29, 30, 200, 399, 500])
    np.testing.assert_allclose(ours, ONE_CYCLE, rtol=1e-5, atol=1e-8)


def test_a_cosine_that_ends_above_zero():
    """MindOCR's `min_lr`."""
    recipe = Recipe(learning_rate=1e-3, min_learning_rate=1e-5, warmup_epochs=6, epochs=60)
    ours = rates(recipe.make_optimizer(dense(), 600), [0, 30, 60, 330, 600])
    np.testing.assert_allclose(ours, [0, 5e-4, 1e-3, (1e-3 + 1e-5) / 2, 1e-5], rtol=1e-4)


def test_piecewise_as_published(parts):
    recipe = Recipe(learning_rate=1e-3, schedule="piecewise", decay_epochs=[3, 4], epochs=5)
    published = parts[1]["lr.piecewise_3_4_spe10"]
    np.testing.assert_allclose(rates(recipe.make_optimizer(dense(), 50), range(len(published))), published, rtol=1e-5)


def test_cosine_as_published(parts):
    recipe = Recipe(learning_rate=1e-3, schedule="paddle_cosine", warmup_epochs=5, epochs=20)
    published = parts[1]["lr.cosine_warm5_of20_spe10"]
    steps = [*range(0, len(published), 9), 49, 50, 51, len(published) - 1]  # also around the end of the warm-up
    ours = rates(recipe.make_optimizer(dense(), 200), steps)
    np.testing.assert_allclose(ours, published[steps], rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("warmup", [{"warmup_steps": 10}, {"warmup_epochs": 1}])
def test_warm_up_before_a_constant_rate(warmup):
    optimizer = Recipe(learning_rate=0.4, schedule="constant", epochs=10, **warmup).make_optimizer(dense(), 100)
    np.testing.assert_allclose(rates(optimizer, [0, 5, 10, 99]), [0, 0.2, 0.4, 0.4], atol=1e-6)


def test_warm_up_in_epochs_of_unknown_length(caplog):
    """Without the run's length, the recipe's own steps are those of an epoch; else the warm-up is left out aloud."""
    recipe = Recipe(learning_rate=0.4, warmup_epochs=2, epochs=10, steps_per_epoch=5)
    ours = rates(recipe.make_optimizer(dense()), [0, 5, 10, 30, 50])
    np.testing.assert_allclose(ours, [0, 0.2, 0.4, 0.2, 0], atol=1e-6)
    assert caplog.text == ""
    optimizer = Recipe(learning_rate=0.4, warmup_epochs=2).make_optimizer(dense())
    assert float(optimizer.learning_rate) == pytest.approx(0.4)
    assert "warm-up of 2 epochs is left out" in caplog.text


def test_an_optimizer_of_a_file_is_made_again_by_the_recipe():
    """Also one that scales the loss, whatever the model computes in now."""
    model = dense()
    recipe = Recipe(learning_rates={"fc": 0.1}, ema=0.9, loss_scale=64.0, warmup_steps=3)
    for scaled in (False, True):
        saved = recipe.make_optimizer(model, total_steps=9, scaled=scaled)
        loaded = recipe.load_optimizer(keras.saving.serialize_keras_object(saved), model)
        assert type(loaded) is type(saved)
        before, now = (getattr(o, "inner_optimizer", o) for o in (saved, loaded))
        assert now.get_config() == before.get_config() and now.use_ema
        assert now._settings == before._settings and now._settings
        assert not scaled or loaded.initial_scale == 64.0
