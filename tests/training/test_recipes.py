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


def test_weight_decay_leaves_biases_alone():
    model = dense()
    optimizer = Recipe(learning_rate=0.1, weight_decay=0.5).make_optimizer(model)
    optimizer.apply([keras.ops.zeros(v.shape) for v in model.trainable_variables], model.trainable_variables)
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(kernel, 0.95, rtol=1e-6)
    np.testing.assert_array_equal(bias, 1)
