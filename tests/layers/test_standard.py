"""Our layers against Keras' own of the same names, and against NumPy where Keras' cannot run."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_textrec.layers import standard
from keras_textrec.layers.torch_operators import normalized_by_batch
from keras_textrec.training.optimizers import VariableAdam
from tests.parity.gradients import loss_and_gradients

BACKEND = keras.backend.backend()


def images(rows=9, columns=7, channels=4):
    return np.random.default_rng(0).normal(size=(3, rows, columns, channels)).astype("float32")


def network(shape, *after):
    """A network of a 1x1 convolution, whose gradient needs that of what comes after it, and what comes after it."""
    x = image = keras.Input(shape)
    x = layers.Dense(shape[-1])(x)
    for layer in after:
        x = layer(x)
    return keras.Model(image, x)


def fill(model):
    rng = np.random.default_rng(1)
    model.set_weights([rng.uniform(0.5, 1.5, w.shape) * rng.choice([-1, 1], w.shape[-1]) for w in model.get_weights()])


def weigh(_, y):
    """A loss whose gradient is another number at every place of the output."""
    shares = np.random.default_rng(2).normal(size=y.shape).astype("float32")
    return ops.mean(ops.cast(y, "float32") * ops.convert_to_tensor(shares))


def agree(one, other, x, training=True, atol=2e-5):
    """Outputs, gradients and, after it, all variables are the same."""
    fill(one)
    other.set_weights(one.get_weights())
    for ours, theirs in zip(*(loss_and_gradients(m, weigh, x, None, training=training)[1:] for m in (one, other))):
        for a, b in zip(keras.tree.flatten(ours), keras.tree.flatten(theirs), strict=True):
            np.testing.assert_allclose(a, b, atol=atol)
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


def depthwise(x, kernel, strides):
    """The convolution by its definition."""
    rows, columns = kernel.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(x, (rows, columns), (1, 2))  # (B, H', W', C, rows, columns)
    return np.einsum("bhwcij,ijc->bhwc", windows[:, :: strides[0], :: strides[1]], kernel[..., 0])


@pytest.mark.builds
@pytest.mark.parametrize("strides", [(2, 1), (1, 2), (2, 2), (2, 3), (4, 2)])
def test_depthwise_convolution_with_any_strides(strides):
    x = images()
    layer = standard.DepthwiseConv2D((3, 2), strides=strides)
    layer.build(x.shape)
    kernel, bias = (np.random.default_rng(1).normal(size=w.shape) for w in layer.get_weights())
    layer.set_weights([kernel, bias])
    expected = depthwise(x, kernel, strides) + bias
    assert layer.compute_output_shape(x.shape) == expected.shape
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected, atol=1e-5)

    every = layers.Lambda(lambda y: y[:, :: strides[0], :: strides[1]])
    theirs = network(x.shape[1:], layers.DepthwiseConv2D((3, 2), data_format="channels_last"), every)
    agree(network(x.shape[1:], standard.DepthwiseConv2D((3, 2), strides=strides)), theirs, x)


@pytest.mark.builds
@pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow's graphs are what is exported")
def test_what_is_only_traced_is_one_operator():
    import tensorflow as tf

    layer = standard.DepthwiseConv2D(3, strides=(2, 1))
    layer.build((None, 9, 7, 4))
    with standard.only_traced():
        graph = tf.function(layer.call).get_concrete_function(tf.TensorSpec((None, 9, 7, 4))).graph.as_graph_def()
    kinds = [node.op for node in graph.node]
    assert kinds.count("DepthwiseConv2dNative") == 1 and "StridedSlice" not in kinds
    (node,) = (node for node in graph.node if node.op == "DepthwiseConv2dNative")
    assert list(node.attr["strides"].list.i) == [1, 2, 1, 1]


@pytest.mark.builds
@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_depthwise_convolution_in_16_bits(dtype):
    x = images()
    layer = standard.DepthwiseConv2D(3, strides=(2, 1), dtype=dtype)
    y = layer(x)
    expected = depthwise(x, layer.get_weights()[0], (2, 1))
    np.testing.assert_allclose(ops.convert_to_numpy(ops.cast(y, "float32")), expected, atol=0.05)


OPTIONS = [
    {"filters": 6, "kernel_size": 3, "padding": "same", "activation": "relu"},
    {"filters": 6, "kernel_size": 1, "use_bias": False},
    {"filters": 6, "kernel_size": 1, "activation": "relu"},
    {"filters": 6, "kernel_size": 1, "strides": 2},
    {"filters": 6, "kernel_size": 1, "groups": 2},
    {"filters": 6, "kernel_size": (3, 2), "strides": (2, 1)},
    {"filters": 6, "kernel_size": (2, 4), "padding": "same"},
    {"filters": 6, "kernel_size": 3, "padding": "same", "strides": 2},
    {"filters": 6, "kernel_size": 3, "padding": "same", "dilation_rate": 2},
    {"filters": 6, "kernel_size": 3, "padding": "same", "groups": 2},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_convolution(options):
    x = images()
    theirs = layers.Conv2D(**options, data_format="channels_last")
    agree(network(x.shape[1:], standard.Conv2D(**options)), network(x.shape[1:], theirs), x)


@pytest.mark.parametrize("kind", ["Conv2D", "DepthwiseConv2D"])
def test_convolution_with_zeros_around(kind):
    x = images()
    options = {"kernel_size": (5, 3), "strides": 2} | ({"filters": 6} if kind == "Conv2D" else {})
    layer = getattr(standard, kind)(**options, pad=(2, 1))
    zeros = layers.ZeroPadding2D((2, 1), data_format="channels_last")
    theirs = network(x.shape[1:], zeros, getattr(layers, kind)(**options, data_format="channels_last"))
    ours = network(x.shape[1:], getattr(standard, kind).from_config(layer.get_config()))
    assert ours.output_shape == theirs.output_shape
    agree(ours, theirs, x)


def test_pooling_with_zeros_around():
    x = images()
    options = {"pool_size": (5, 3), "strides": 2}
    layer = standard.MaxPooling2D(**options, pad=(2, 1))
    zeros = layers.ZeroPadding2D((2, 1), data_format="channels_last")
    pooling = layers.MaxPooling2D(**options, data_format="channels_last")
    theirs = network(x.shape[1:], layers.ReLU(), zeros, pooling)
    ours = network(x.shape[1:], layers.ReLU(), standard.MaxPooling2D.from_config(layer.get_config()))
    assert ours.output_shape == theirs.output_shape
    agree(ours, theirs, x)


@pytest.mark.parametrize("options", [{}, {"use_bias": False}, {"strides": 2}, {"depth_multiplier": 2}], ids=str)
def test_depthwise_convolution_of_single_cells(options):
    x = images()
    theirs = layers.DepthwiseConv2D(1, **options, data_format="channels_last")
    agree(network(x.shape[1:], standard.DepthwiseConv2D(1, **options)), network(x.shape[1:], theirs), x)


@pytest.mark.parametrize("kind", ["MaxPooling2D", "AveragePooling2D"])
@pytest.mark.parametrize(
    "options", [{"strides": 1}, {"padding": "same"}, {"strides": (1, 2), "padding": "same"}], ids=str
)
def test_pooling(kind, options):
    x = images()
    options = {"pool_size": (3, 1), "data_format": "channels_last", **options}
    ours, theirs = (network(x.shape[1:], getattr(module, kind)(**options)) for module in (standard, layers))
    agree(ours, theirs, x)


@pytest.mark.parametrize("shape", [(9, 7, 4), (5, 4), (4,)], ids=str)
@pytest.mark.parametrize("training", [True, False])
def test_batch_normalization(shape, training):
    x = np.random.default_rng(0).normal(2, 3, size=(3, *shape)).astype("float32")
    options = {"momentum": 0.9, "epsilon": 1e-3}
    ours, theirs = (kind.BatchNormalization(**options) for kind in (standard, layers))
    agree(network(shape, ours), network(shape, theirs), x, training)


@pytest.mark.skipif(BACKEND != "torch", reason="it is of PyTorch's own sums")
def test_normalization_of_a_large_map_is_exact():
    """PyTorch's own operator is 2 to 5e-6 off here."""
    import torch

    rng = np.random.default_rng(0)
    x, gradient, gamma, beta = (
        torch.tensor(rng.normal(mean, 3, shape).astype("float32"))
        for mean, shape in ((2, (16, 32, 100, 4)), (0, (16, 32, 100, 4)), (2, (4,)), (2, (4,)))
    )
    found = []
    for dtype in (torch.float32, torch.float64):
        inputs = [t.to(dtype, copy=True).requires_grad_() for t in (x, gamma, beta)]
        if dtype == torch.float32:
            y = normalized_by_batch(*inputs, 1e-5)[0]
        else:
            variance, mean = torch.var_mean(inputs[0], (0, 1, 2), correction=0)
            y = (inputs[0] - mean) / (variance + 1e-5).sqrt() * inputs[1] + inputs[2]
        found.append([y, *torch.autograd.grad(y, inputs, gradient.to(dtype))])
    for ours, exact in zip(*found, strict=True):
        assert (ours - exact).abs().max() < 5e-7 * exact.abs().max()


def test_a_frozen_normalization_keeps_its_statistics():
    layer = standard.BatchNormalization()
    layer.build(images().shape)
    layer.trainable = False
    layer(images(), training=True)
    assert all(set(np.unique(w)) <= {0, 1} for w in layer.get_weights())


@pytest.mark.parametrize(
    "options",
    [{"return_sequences": True}, {}, {"go_backwards": True, "return_sequences": True}, {"activation": "relu"}],
    ids=str,
)
def test_lstm(options):
    x = images()[:, 0]
    agree(network(x.shape[1:], standard.LSTM(5, **options)), network(x.shape[1:], layers.LSTM(5, **options)), x)


def test_bidirectional_lstm():
    x = images()[:, 0]
    ours, theirs = (layers.Bidirectional(kind.LSTM(5, return_sequences=True)) for kind in (standard, layers))
    agree(network(x.shape[1:], ours), network(x.shape[1:], theirs), x)


@pytest.mark.skipif(BACKEND != "torch", reason="how weights lie in memory is PyTorch's concern")
def test_weights_lie_as_the_operators_take_them(tmp_path):
    import torch

    def made():
        keras.utils.set_random_seed(0)
        convolution, lstm = standard.Conv2D(5, (2, 3)), standard.LSTM(6, return_sequences=True)
        image = keras.Input((2, 9, 4))
        model = keras.Model(image, lstm(layers.Reshape((7, 5))(convolution(image))))
        model.compile(VariableAdam(0.1), "mean_squared_error")
        return model, convolution.kernel, (lstm.cell.kernel, lstm.cell.recurrent_kernel)

    (model, *variables), (plain, kernel, _), (loaded, *others) = made(), made(), made()
    plain.set_weights(model.get_weights())
    kernel.value.data = kernel.value.data.contiguous()  # as Keras has it
    for trained in (model, plain):
        for _ in range(3):
            trained.train_on_batch(images(2, 9), np.ones((3, 7, 6), "float32"))
    assert kernel.value.is_contiguous()
    np.testing.assert_allclose(variables[0].numpy(), kernel.numpy(), atol=1e-3)  # each step is a rate of 0.1
    for one, other in zip(model.optimizer.variables, plain.optimizer.variables, strict=True):  # the moments, too
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-3, atol=1e-4)
    model.save_weights(tmp_path / "all.weights.h5")
    loaded.load_weights(tmp_path / "all.weights.h5")
    assert all(map(np.array_equal, loaded.get_weights(), model.get_weights()))
    for kernel, matrices in (variables, others):
        assert kernel.value.permute(3, 2, 0, 1).is_contiguous(memory_format=torch.channels_last)
        assert all(matrix.value.T.is_contiguous() for matrix in matrices)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_lstm_with_states_and_a_mask(dtype):
    """A mask goes Keras' way; states come and go."""
    x = images()[:, 0]
    mask = np.arange(7)[None] < np.array([[7], [3], [5]])
    ours, theirs = (kind.LSTM(5, return_state=True, dtype=dtype) for kind in (standard, layers))
    states = [np.full((3, 5), 0.5, "float32"), np.full((3, 5), -0.5, "float32")]
    theirs.build(x.shape), ours.build(x.shape)
    ours.set_weights(theirs.get_weights())
    for options in ({}, {"mask": ops.convert_to_tensor(mask)}):
        for a, b in zip(*(layer(x, initial_state=states, **options) for layer in (ours, theirs)), strict=True):
            assert a.dtype == b.dtype
            a, b = (ops.convert_to_numpy(ops.cast(y, "float32")) for y in (a, b))
            np.testing.assert_allclose(a, b, atol=1e-5 if dtype == "float32" else 0.02)


def test_weights_of_keras_layers_are_loaded(tmp_path):
    """The keys under which weights are kept are made of the classes' names."""

    def make(kind):
        image = keras.Input((8, 8, 4))
        x = kind.Conv2D(6, 3, data_format="channels_last")(image)
        x = kind.BatchNormalization()(kind.DepthwiseConv2D(3, data_format="channels_last")(x))
        return keras.Model(image, layers.Bidirectional(kind.LSTM(2))(layers.Reshape((-1, 6))(x)))

    theirs, ours = make(layers), make(standard)
    fill(theirs)
    theirs.save_weights(tmp_path / "them.weights.h5")
    ours.load_weights(tmp_path / "them.weights.h5")
    for a, b in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(a), ops.convert_to_numpy(b))
