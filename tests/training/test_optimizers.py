"""Steps of the recipes' optimizer: as published, by variable, after an overflow, averaged."""

import keras
import numpy as np
import pytest

from keras_textrec.presets.description import dtype_policy
from keras_textrec.training.optimizers import VariableSettings, averaged_weights
from keras_textrec.training.recipes import Recipe
from tests.tiny import Columns

BACKEND = keras.backend.backend()
PLAIN = {"schedule": "constant", "learning_rate": 0.01}


def net():
    """A layer of 3 x 2 weights and 2 biases, a normalisation's 2 scales and 2 shifts, and a head."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    x = keras.layers.Dense(2, name="fc")(inputs)
    x = keras.layers.LayerNormalization(name="norm")(x)
    return keras.Model(inputs, keras.layers.Dense(1, dtype="float32", name="head")(x))


def published(rates, gradients, start, l2=0.0, decay=0.0, factor=1.0):
    """The weights after each step, in float64: PaddlePaddle's rule, PyTorch's too."""
    p, m, v, after = np.array(start, float), 0.0, 0.0, []
    for t, (rate, gradient) in enumerate(zip(rates, gradients, strict=True), 1):
        gradient = gradient + l2 * p
        p = p * (1 - rate * factor * decay)
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        p = p - rate * factor * m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        after.append(p)
    return np.array(after)


def apply(model, optimizer, gradients):
    """The kernel of "fc" after each step; all variables get the same gradients, up to their shapes."""
    after = []
    for gradient in gradients:
        values = [np.resize(gradient, v.shape).astype("float32") for v in model.trainable_variables]
        optimizer.apply([keras.ops.convert_to_tensor(value) for value in values], model.trainable_variables)
        after.append(keras.ops.convert_to_numpy(model.get_layer("fc").kernel))
    return np.array(after)


GRADIENTS = np.random.default_rng(0).normal(size=(4, 3, 2)) * [1.0, 1e-8]  # the second column is of epsilon's size


@pytest.mark.parametrize(
    "options, rule",
    [
        ({"optimizer": "adam"}, {}),
        ({"optimizer": "adam", "l2": 0.3}, {"l2": 0.3}),
        ({"weight_decay": 0.5}, {"decay": 0.5}),
        ({"weight_decay": 0.5, "l2": {"fc": 0.3}}, {"decay": 0.5, "l2": 0.3}),  # SVTRv2's last layer has both
        ({"weight_decay": 0.5, "learning_rates": {"fc/kernel": 0.1}}, {"decay": 0.5, "factor": 0.1}),
    ],
)
def test_steps_are_the_published_rules(options, rule):
    model = net()
    start = keras.ops.convert_to_numpy(model.get_layer("fc").kernel)
    ours = apply(model, Recipe(**PLAIN, **options).make_optimizer(model), GRADIENTS)
    np.testing.assert_allclose(ours, published([0.01] * 4, GRADIENTS, start, **rule), rtol=1e-5, atol=1e-6)


def orthogonal(matrix):
    """Newton's and Schulz's five steps towards the nearest orthogonal matrix, on its singular values."""
    u, s, v = np.linalg.svd(matrix, full_matrices=False)
    s = s / np.sqrt((s**2).sum())
    for _ in range(5):
        s = 3.4445 * s - 4.775 * s**3 + 2.0315 * s**5
    assert s.min() > 0.6 and s.max() < 1.3
    return u * s @ v


@pytest.mark.parametrize("shape, matrices", [((70, 12), 1), ((64, 96), 1), ((5, 1, 16, 24), 1), ((64, 40), 4)])
def test_steps_of_muon(shape, matrices):
    """Nesterov's mean, made orthogonal: of each gate of an LSTM by itself, of a convolution over all its inputs."""
    kernel = keras.Variable(np.random.default_rng(1).normal(size=shape), "float32")
    start = keras.ops.convert_to_numpy(kernel).astype(float)
    optimizer = Recipe(**PLAIN).make_optimizer(net())
    optimizer.set_variables([(kernel, VariableSettings(rate=0.5, decay=0.2, matrices=matrices))])
    gradients = np.random.default_rng(2).normal(size=(3, *shape))
    mean, wanted = 0.0, start
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient, "float32")], [kernel])
        mean = 0.95 * mean + 0.05 * gradient
        looked_ahead = (0.95 * mean + 0.05 * gradient).reshape(-1, shape[-1])
        parts = np.split(looked_ahead, matrices, axis=1)
        step = np.concatenate([orthogonal(part) * 0.2 * max(part.shape) ** 0.5 for part in parts], 1).reshape(shape)
        wanted = wanted * (1 - 0.005 * 0.2) - 0.005 * step
        np.testing.assert_allclose(keras.ops.convert_to_numpy(kernel), wanted, rtol=1e-4, atol=1e-4)


def test_what_muon_trains():
    """Kernels within the network: no vectors, depthwise kernels, few inputs or classes; an LSTM's gates one by one."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(8, 3, name="stem")(inputs)  # 27 inputs
    x = keras.layers.Conv2D(16, 3, name="conv")(x)  # 72
    x = keras.layers.DepthwiseConv2D(3, name="depthwise")(x)
    x = keras.layers.Reshape((4, 16))(x)
    x = keras.layers.LSTM(64, return_sequences=True, name="lstm")(x)  # 16 and 64
    x = keras.layers.GRU(64, name="gru")(x)
    model = keras.Model(inputs, keras.layers.Dense(80, name="head")(keras.layers.Dense(70, name="fc")(x)))
    settings = Recipe(optimizer="muon", weight_decay=0.1).variable_settings(model)
    assert {variable.path: values.matrices for variable, values in settings if values.matrices} == {
        "conv/kernel": 1,
        "lstm/lstm_cell/recurrent_kernel": 4,
        "gru/gru_cell/kernel": 3,
        "gru/gru_cell/recurrent_kernel": 3,
        "fc/kernel": 1,
    }
    assert not any(values.matrices for _, values in Recipe(optimizer="adamw").variable_settings(model))


def test_muon_learns():
    x = np.random.default_rng(3).normal(size=(64, 70)).astype("float32")
    losses = {}
    for name in ("adamw", "muon"):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((70,))
        hidden = keras.layers.Dense(64, "relu", name="fc")(inputs)
        model = keras.Model(inputs, keras.layers.Dense(1, name="head")(hidden))
        model.compile(Recipe(schedule="constant", learning_rate=0.01, optimizer=name).make_optimizer(model), "mse")
        losses[name] = model.fit(x, x[:, :1] * x[:, 1:2], 16, epochs=15, verbose=0).history["loss"]
    assert losses["muon"][-1] < 0.2 * losses["muon"][0]
    assert losses["muon"] != losses["adamw"]


def test_what_the_settings_leave_alone():
    """No decay for biases, scales and shifts; other parts have the whole learning rate and no l2."""
    model = net()
    model.set_weights([np.ones(v.shape) for v in model.variables])
    recipe = Recipe(**PLAIN, weight_decay=0.5, l2={"head/kernel": 0.1}, learning_rates={"fc": 0.1})
    optimizer = recipe.make_optimizer(model)
    optimizer.apply([keras.ops.zeros(v.shape) for v in model.trainable_variables], model.trainable_variables)
    moved = {v.path: float(np.ravel(keras.ops.convert_to_numpy(v))[0]) - 1 for v in model.variables}
    # Of the head, the decay and Adam's first step: the rate, whatever the gradient, which is l2's here.
    wanted = {"fc/kernel": -0.0005, "head/kernel": -0.005 - 0.01}
    for path, change in moved.items():
        assert change == pytest.approx(wanted.get(path, 0.0), abs=1e-6), path


@pytest.mark.parametrize("name, l2, decay", [("adam", 0.0, 0.0), ("adam_l2_1e-2", 0.01, 0.0), ("adamw", 0.0, 0.05)])
def test_three_steps_as_paddle_made_them(parts, name, l2, decay):
    """12 weights: 3 x 2, their biases, and a normalisation's scales and shifts.

    Paddle's gradients were not kept. Their ratios are found again from the steps of plain Adam; their size, of which
    plain Adam knows nothing, from the steps with L2. AdamW's weights, and so its gradients, are a little different.
    """
    plain, wanted = (parts[1][f"opt.{n}.params_after_1_2_3"].astype(float) for n in ("adam", name))
    first = -np.sign(plain[1] - plain[0])
    start = plain[0] + 0.01 * first  # the first step is the rate
    gradients = first[None]
    for step in (1, 2):
        tried = first * np.linspace(0, 1, 40001)[:, None]
        after = published([0.01] * (step + 1), [*gradients, tried], np.broadcast_to(start, tried.shape))
        best = np.abs(after[-1] - plain[step]).argmin(0)
        gradients = np.vstack([gradients, tried[best, range(12)]])
    sizes = np.geomspace(1e-3, 1e3, 20001)[:, None]
    after = published([0.01] * 3, gradients[:, None] * sizes, np.broadcast_to(start, (len(sizes), 12)), l2)
    gradients = gradients * sizes[np.abs(after - wanted[:, None]).sum(0).argmin(0), 0]

    model = net()
    variables = [model.get_layer("fc").kernel, model.get_layer("fc").bias, *model.get_layer("norm").variables]
    places = np.split(np.arange(12), [6, 8, 10])
    for variable, place in zip(variables, places, strict=True):
        variable.assign(start[place].reshape(variable.shape))
    recipe = Recipe(**PLAIN, optimizer=name.split("_")[0], l2=l2, weight_decay=decay)
    optimizer = recipe.make_optimizer(model)
    optimizer.build(variables)
    for step, gradient in enumerate(gradients):
        values = [gradient[place].reshape(v.shape) for v, place in zip(variables, places, strict=True)]
        optimizer.apply([keras.ops.convert_to_tensor(value, "float32") for value in values], variables)
        ours = np.concatenate([np.ravel(keras.ops.convert_to_numpy(variable)) for variable in variables])
        np.testing.assert_allclose(ours, wanted[step], atol=2e-5 if decay else 3e-7)


def test_unknown_parts_are_named():
    with pytest.raises(ValueError, match=r"training.learning_rates: Functional has no part 'hed'; did you mean head\?"):
        Recipe(learning_rates={"hed": 0.1}).make_optimizer(net())
    with pytest.raises(ValueError, match=r"training.l2: Functional has no part 'fc/kernal'; did you mean fc/kernel\?"):
        Recipe(l2={"fc/kernal": 0.1}).make_optimizer(net())


def test_an_overflow_changes_nothing_but_the_loss_scale():
    """float16's largest number is 65,504: a gradient of 100 times a scale of 1,024 is none."""
    with dtype_policy("mixed_float16"):
        model = net()
    recipe = Recipe(loss_scale=1024.0, loss_scale_steps=2, ema=0.9, **PLAIN)
    optimizer = recipe.make_optimizer(model)
    model.compile(optimizer, "mse", jit_compile=False if BACKEND == "tensorflow" else "auto")
    assert model.optimizer is optimizer and isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    x, y = np.ones((4, 3), "float32"), np.ones((4, 1), "float32")
    model.train_on_batch(x, y)
    before = [keras.ops.convert_to_numpy(v) for v in model.trainable_variables]
    steps, scale = int(optimizer.iterations), float(optimizer.dynamic_scale)
    assert (steps, scale) == (1, 1024.0)
    loss = model.train_on_batch(x, 1000 * y)
    assert np.isfinite(loss)
    for variable, value in zip(model.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)
    assert (int(optimizer.iterations), float(optimizer.dynamic_scale)) == (1, 512.0)
    for _ in range(2):
        model.train_on_batch(x, y)
    assert (int(optimizer.iterations), float(optimizer.dynamic_scale)) == (3, 1024.0)  # two steps without an overflow
    assert not np.array_equal(keras.ops.convert_to_numpy(model.trainable_variables[0]), before[0])


def test_the_mean_of_the_weights():
    """MindOCR's: 0.9999 in the long run, but slow steps at first; put in the weights' place for a block."""
    model = net()
    optimizer = Recipe(**PLAIN, ema=0.9999).make_optimizer(model)
    weights = apply(model, optimizer, GRADIENTS)
    mean = weights[0]
    for step in (2, 3, 4):
        momentum = 0.9999 * (1 - np.exp(-step / 2000))
        mean = momentum * mean + (1 - momentum) * weights[step - 1]
    kernel = model.get_layer("fc").kernel
    with averaged_weights(optimizer):
        np.testing.assert_allclose(keras.ops.convert_to_numpy(kernel), mean, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(kernel), weights[-1])
    with averaged_weights(optimizer):
        np.testing.assert_allclose(keras.ops.convert_to_numpy(kernel), mean, rtol=1e-5, atol=1e-7)


def test_the_mean_of_the_statistics():
    """MindOCR's, late in a training: batch normalisation's statistics have it too, but not of a step that overflows."""
    model = Columns()
    optimizer = Recipe(**PLAIN, ema=0.9, loss_scale=1e30).make_optimizer(model, scaled=True)
    model.compile(optimizer, "mse", weighted_metrics=None, jit_compile=False if BACKEND == "tensorflow" else "auto")
    optimizer.build(model.trainable_variables)
    optimizer.iterations.assign(10**6)
    for pixel, target in ((1, 0), (2, 1e30), (3, 0)):
        model.train_on_batch(np.full((4, 32, 2, 3), pixel, "float32"), np.full((4, 2, 37), target, "float32"))
    assert int(optimizer.iterations) == 10**6 + 2
    norm = model.get_layer("norm")

    def statistics():
        return [keras.ops.convert_to_numpy(v)[0] for v in (norm.moving_mean, norm.moving_variance)]

    # Keras' momentum is 0.99: 0.01, 0.0299, 0.059601 and 0.99, 0.9801, 0.970299.
    np.testing.assert_allclose(statistics(), [0.059601, 0.970299], rtol=1e-5)
    with averaged_weights(optimizer):
        np.testing.assert_allclose(
            statistics(), [0.9 * 0.001 + 0.1 * 0.059601, 0.9 * 0.099 + 0.1 * 0.970299], rtol=1e-5
        )
    np.testing.assert_allclose(statistics(), [0.059601, 0.970299], rtol=1e-5)
