"""Keras' layers as ONNX operators: convolutions, pooling, dense layers, normalisations, activations, and the like."""

import functools
from collections.abc import Callable

import keras
import numpy as np
from keras import layers

from keras_textrec.export.onnx_values import Convolution, Padding, Value, common_axes
from keras_textrec.export.onnx_writing import Writer, array, float32, require
from keras_textrec.layers import standard
from keras_textrec.layers.convolution import hard_sigmoid_fifth

# === Convolutions ===


def _conv2d(writing, layer, x):
    return _convolution(layer, x, float32(layer.kernel).transpose(3, 2, 0, 1), layer.groups)


def _depthwise_conv2d(writing, layer, x):
    kernel = float32(layer.kernel).transpose(2, 3, 0, 1)
    channels, multiplier, *size = kernel.shape
    return _convolution(layer, x, kernel.reshape(channels * multiplier, 1, *size), channels)


def _convolution(layer, x, kernel, groups):
    _require_channels_last(layer)
    spans = [rate * (size - 1) for rate, size in zip(layer.dilation_rate, layer.kernel_size)]
    if layer.padding == "valid":
        x, pads = _zeros_around(layer, x)
        padding = {"pads": pads}
    elif layer.strides == (1, 1) and not any(span % 2 for span in spans):
        padding = {"pads": [span // 2 for span in spans] * 2}
    else:
        padding = {"auto_pad": "SAME_UPPER"}
    attributes = {"kernel_shape": layer.kernel_size, "strides": layer.strides, "group": groups, **padding}
    attributes["dilations"] = layer.dilation_rate
    return _written("Conv", layer, x, kernel, 0, attributes)


def _zeros_around(layer, x):
    """A value without the zeros around it, and how many there are with the layer's own: top, left, bottom, right."""
    x, *around = x.padding or (x, 0, 0, 0, 0)
    return x, [zeros + pad for zeros, pad in zip(around, [*getattr(layer, "pad", (0, 0))] * 2)]


def _conv2d_transpose(writing, layer, x):
    _require_channels_last(layer)
    is_plain = layer.padding == "valid" and layer.output_padding is None and layer.dilation_rate == (1, 1)
    is_long = all(size >= stride for size, stride in zip(layer.kernel_size, layer.strides))
    require(is_plain and is_long, "its padding, output padding or dilation, or strides longer than its kernel")
    attributes = {"kernel_shape": layer.kernel_size, "strides": layer.strides}
    return _written("ConvTranspose", layer, x, float32(layer.kernel).transpose(3, 2, 0, 1), 1, attributes)


def _written(op, layer, x, kernel, outputs, attributes):
    ones = np.ones(kernel.shape[outputs])
    bias = array(layer.bias) if layer.use_bias else 0 * ones
    convolution = Convolution(op, x, kernel, ones, bias, outputs, attributes, x.graph.scopes)
    return activated(convolution.value(), layer.activation)


def _zero_padding2d(writing, layer, x):
    _require_channels_last(layer)
    (top, bottom), (left, right) = layer.padding
    return Padding(x, top, left, bottom, right).value()


def _batch_normalization(writing, layer, x):
    require(layer.scale and layer.center and layer.axis in (-1, 3), "its axis, or no scale or centre")
    if x.convolution:
        scale = array(layer.gamma) / np.sqrt(array(layer.moving_variance) + layer.epsilon)
        return x.convolution.scaled(scale, array(layer.beta) - array(layer.moving_mean) * scale).value()
    require(x.is_map, "a sequence is normalised")
    numbers = [float32(v) for v in (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance)]
    name = writing.graph("BatchNormalization", x.to("NCHW"), *numbers, epsilon=layer.epsilon)
    return Value(writing.graph, {"NCHW": name})


def _require_channels_last(layer):
    require(layer.data_format == "channels_last", f"its data format {layer.data_format}")


# === Pooling and sampling ===


def _pooling(op):
    def write(writing, layer, x):
        _require_channels_last(layer)
        padding = {"auto_pad": "SAME_UPPER"}
        if layer.padding == "valid":
            pads = [0, 0, 0, 0]
            if op == "MaxPool" and x.positive:
                # What ONNX pads counts for less than any number, as zeros do among numbers that are not below.
                x, pads = _zeros_around(layer, x)
            else:
                require(not any(getattr(layer, "pad", ())), "zeros around numbers that may be negative")
            padding = {"pads": pads}
        name = writing.graph(op, x.to("NCHW"), kernel_shape=layer.pool_size, strides=layer.strides, **padding)
        return Value(writing.graph, {"NCHW": name}, positive=x.positive)

    return write


def _global_average_pooling2d(writing, layer, x):
    _require_channels_last(layer)
    mean = writing.graph("GlobalAveragePool", x.to("NCHW"))
    if layer.keepdims:
        return Value(writing.graph, {"NCHW": mean})
    return Value(writing.graph, {"NC": writing.graph("Flatten", mean)})


def _up_sampling2d(writing, layer, x):
    _require_channels_last(layer)
    require(layer.interpolation == "nearest", f"its interpolation {layer.interpolation}")
    scales = np.float32([1, 1, *layer.size])
    options = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return Value(writing.graph, {"NCHW": writing.graph("Resize", x.to("NCHW"), None, scales, **options)})


def _mean(writing, operation, x):
    require(x.is_map and operation.axis in (1, [1]) and operation.keepdims, "a mean of other axes than a map's rows")
    return Value(writing.graph, {"NCHW": writing.graph.reduce("ReduceMean", x.to("NCHW"), [2], keepdims=True)})


# === Layers over channels ===


def _dense(writing, layer, x):
    axes = "NTC" if x.axes == "TNC" else x.channels_last
    y = writing.graph("MatMul", x.to(axes), writing.graph.constant(float32(layer.kernel), "kernel"))
    if layer.use_bias:
        y = writing.graph("Add", y, writing.graph.constant(float32(layer.bias), "bias"))
    return activated(Value(writing.graph, {axes: y}), layer.activation)


def _layer_normalization(writing, layer, x):
    axes = x.channels_last
    plain = layer.scale and layer.center and not getattr(layer, "rms_scaling", False)
    require(plain and layer.axis in (-1, [-1], [len(axes) - 1]), "its axis, or no scale or centre")
    gamma, beta = float32(layer.gamma), float32(layer.beta)
    name = writing.graph("LayerNormalization", x.to(axes), gamma, beta, axis=-1, epsilon=layer.epsilon)
    return Value(writing.graph, {axes: name})


def _softmax(writing, layer, x):
    require(layer.axis == -1, f"its axis {layer.axis}")
    axes = x.channels_last
    return Value(writing.graph, {axes: writing.graph("Softmax", x.to(axes), axis=-1)})


def _split(writing, operation, x):
    parts = operation.indices_or_sections
    require(operation.axis == -1 and isinstance(parts, int), "a split but for that of channels into equal parts")
    axes = x.channels_last
    return [Value(writing.graph, {axes: name}) for name in writing.graph.split(x.to(axes), parts, axis=-1)]


# === Layers that join or turn ===


def _joined(op):
    def write(writing, layer, values):
        axes = common_axes(values)
        first, *others = (value.to(axes) for value in values)
        return Value(writing.graph, {axes: functools.reduce(functools.partial(writing.graph, op), others, first)})

    return write


def _concatenate(writing, layer, values):
    require(layer.axis == -1, f"its axis {layer.axis}")
    axes = common_axes(values)
    name = writing.graph("Concat", *(value.to(axes) for value in values), axis=axes.index("C"))
    return Value(writing.graph, {axes: name})


def _reshape(writing, layer, x):
    if x.is_map:
        require(
            len(layer.target_shape) == 2 and layer.target_shape[0] == -1,
            "a map in another shape than the sequence of its cells",
        )
        return x.cells()
    require(x.axes == "NC" and len(layer.target_shape) == 2, "a new shape for a sequence")
    return Value(writing.graph, {"NTC": writing.graph("Reshape", x.to("NC"), [0, *layer.target_shape])})


def _permute(writing, layer, x):
    require(x.is_map and tuple(layer.dims) == (2, 1, 3), "an order of axes but for rows and columns exchanged")
    return Value(writing.graph, {"NCHW": writing.graph("Transpose", x.to("NCHW"), perm=[0, 1, 3, 2])})


def _nothing(writing, layer, x):
    return x


# === Activations ===


def _gelu(x: Value) -> Value:
    graph, axes = x.graph, x.axes
    if graph.opset >= 20:
        return x.mapped("Gelu")
    name = x.to(axes)
    # The form that ONNX Runtime knows as one operator.
    phi = graph("Add", graph("Erf", graph("Div", name, np.float32(2**0.5))), np.float32(1))
    return Value(graph, {axes: graph("Mul", graph("Mul", name, phi), np.float32(0.5))})


def _silu(x: Value) -> Value:
    name = x.to(x.axes)
    return Value(x.graph, {x.axes: x.graph("Mul", name, x.graph("Sigmoid", name))})


def _relu(x: Value) -> Value:
    return Value(x.graph, {x.axes: x.graph("Relu", x.to(x.axes))}, positive=True)


ACTIVATIONS: dict[Callable, Callable[[Value], Value]] = {
    keras.activations.linear: lambda x: x,
    keras.activations.relu: _relu,
    keras.activations.sigmoid: lambda x: x.mapped("Sigmoid"),
    keras.activations.tanh: lambda x: x.mapped("Tanh"),
    keras.activations.silu: _silu,
    keras.activations.gelu: _gelu,
    keras.activations.hard_silu: lambda x: x.mapped("HardSwish"),
    keras.activations.hard_sigmoid: lambda x: x.mapped("HardSigmoid", alpha=1 / 6, beta=0.5),
    hard_sigmoid_fifth: lambda x: x.mapped("HardSigmoid", alpha=0.2, beta=0.5),
}


def activated(x: Value, function: Callable) -> Value:
    """What an activation function of Keras makes of a value."""
    require(function in ACTIVATIONS, f"its activation {getattr(function, '__name__', function)}")
    return ACTIVATIONS[function](x)


def _activation(writing, layer, x):
    return activated(x, layer.activation)


# Operations that are no layers have no public class: they go by name.
WRITERS: dict[type | str, Writer] = {
    layers.Conv2D: _conv2d,
    standard.Conv2D: _conv2d,
    layers.DepthwiseConv2D: _depthwise_conv2d,
    standard.DepthwiseConv2D: _depthwise_conv2d,
    layers.Conv2DTranspose: _conv2d_transpose,
    layers.ZeroPadding2D: _zero_padding2d,
    layers.BatchNormalization: _batch_normalization,
    standard.BatchNormalization: _batch_normalization,
    layers.MaxPooling2D: _pooling("MaxPool"),
    standard.MaxPooling2D: _pooling("MaxPool"),
    layers.AveragePooling2D: _pooling("AveragePool"),
    standard.AveragePooling2D: _pooling("AveragePool"),
    layers.GlobalAveragePooling2D: _global_average_pooling2d,
    layers.UpSampling2D: _up_sampling2d,
    layers.Dense: _dense,
    layers.LayerNormalization: _layer_normalization,
    layers.Softmax: _softmax,
    layers.Add: _joined("Add"),
    layers.Multiply: _joined("Mul"),
    layers.Concatenate: _concatenate,
    layers.Reshape: _reshape,
    layers.Permute: _permute,
    layers.Activation: _activation,
    layers.Dropout: _nothing,
    "Mean": _mean,
    "Split": _split,
    "StopGradient": _nothing,
}
