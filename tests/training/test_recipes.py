import keras
import numpy as np
import pytest

from keras_textrec.training.recipes import Recipe


def dense():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, bias_initializer="ones")])
    model.layers[0].kernel.assign(np.ones((3, 2)))
    return model


def rates(optimizer, steps):
    schedule = optimizer._learning_rate
    return [float(schedule(step)) for step in steps]


def test_a_recipe_round_trips():
    recipe = Recipe(optimizer="adam", learning_rate=1e-3, clip_norm=5.0, batch_size=8)
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert Recipe.from_dict({}) == Recipe()


def test_an_unknown_key_suggests_a_near_one():
    with pytest.raises(ValueError, match=r"training\.lerning_rate is no key of a recipe; did you mean learning_rate\?"):
        Recipe.from_dict({"lerning_rate": 1})
    with pytest.raises(ValueError, match=r"training\.zzz is no key of a recipe; there are: optimizer, learning_rate, "):
        Recipe.from_dict({"zzz": 1})


@pytest.mark.parametrize(
    "values, message",
    [
        ({"optimizer": "sgd"}, "training.optimizer must be 'adam' or 'adamw', not 'sgd'"),
        ({"schedule": "linear"}, "training.schedule must be one of"),
        ({"learning_rate": "fast"}, "training.learning_rate must be float, not 'fast'"),
        ({"clip_norm": [1]}, r"training.clip_norm must be float \| None, not \[1\]"),
        ({"epochs": "many"}, "training.epochs must be int, not 'many'"),
        ({"batch_size": None}, "training.batch_size must be int, not None"),
        ({"steps_per_epoch": 1.5}, r"training.steps_per_epoch must be int \| None, not 1.5"),
        ({"batch_size": 0}, "training.batch_size must be at least 1, not 0"),
        ({"epochs": -1}, "training.epochs must be at least 1, not -1"),
        ({"l2": 1e-5}, "training.l2 is for the optimizer 'adam', not 'adamw'"),
        ({"schedule": "piecewise"}, "training.decay_epochs is what the schedule 'piecewise' needs"),
        ({"decay_epochs": [3]}, "training.decay_epochs is what the schedule 'piecewise' needs"),
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


@pytest.mark.parametrize("name, cls", [("adam", keras.optimizers.Adam), ("adamw", keras.optimizers.AdamW)])
def test_the_optimizer(name, cls):
    optimizer = Recipe(optimizer=name, learning_rate=0.5, clip_norm=3.0).make_optimizer(dense())
    assert isinstance(optimizer, cls)
    assert optimizer.global_clipnorm == 3.0
    assert float(optimizer.learning_rate) == 0.5


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


@pytest.mark.parametrize("total, warmup", [(62, 6), (599, 59), (600, 300), (None, 300)])
def test_a_warm_up_longer_than_half_the_run_is_a_tenth_of_it(total, warmup):
    assert Recipe(warmup_steps=300).warmup_for(total) == warmup


def test_weight_decay_leaves_biases_alone():
    model = dense()
    optimizer = Recipe(learning_rate=0.1, weight_decay=0.5).make_optimizer(model)
    optimizer.apply([keras.ops.zeros(v.shape) for v in model.trainable_variables], model.trainable_variables)
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(kernel, 0.95, rtol=1e-6)
    np.testing.assert_array_equal(bias, 1)


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
    np.testing.assert_allclose(rates(recipe.make_optimizer(dense()), [0, 5, 10, 99]), [0, 0.2, 0.4, 0.4], atol=1e-6)
    assert caplog.text == ""
    optimizer = Recipe(learning_rate=0.4, warmup_epochs=2).make_optimizer(dense())
    assert float(optimizer.learning_rate) == pytest.approx(0.4)
    assert "warm-up of 2 epochs is left out" in caplog.text


def test_l2_is_a_part_of_every_gradient():
    """As Adam is given `gradient + l2 * variable`: three steps, biases as well."""
    with_l2, plain = dense(), dense()
    first = Recipe(optimizer="adam", learning_rate=0.1, l2=0.5, schedule="constant").make_optimizer(with_l2)
    second = Recipe(optimizer="adam", learning_rate=0.1, schedule="constant").make_optimizer(plain)
    for step in range(3):
        gradients = [keras.ops.full(v.shape, 0.1 * step - 0.2) for v in plain.trainable_variables]
        decay = [g + 0.5 * v for g, v in zip(gradients, plain.trainable_variables, strict=True)]
        first.apply(gradients, with_l2.trainable_variables)
        second.apply(decay, plain.trainable_variables)
    for ours, wanted in zip(with_l2.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(ours, wanted, rtol=1e-6)
    assert type(first).from_config(first.get_config()).l2 == 0.5
