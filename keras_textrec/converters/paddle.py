"""PaddleOCR's tensors into our variables: a table of names per network, a rule of layout per kind of layer."""

import re
from collections.abc import Callable, Iterator, Mapping

import keras
import numpy as np
from keras import layers

from keras_textrec.layers.attention_decoder import AttentionDecoder
from keras_textrec.layers.hybrid_decoder import HybridDecoder
from keras_textrec.layers.position_aware import EachRow, PositionAttention

# Our layer -> the published prefix, for the layers that a class owns. A new network adds its rows here.
PADDLE_NAMES: dict[str, tuple[tuple[str, str], ...]] = {
    "CRNN": (
        (r"lstm_(\d)", r"neck.encoder.lstm:\1"),
        (r"head", r"head.fc"),
    ),
    "RARE": (
        (r"lstm_(\d)", r"neck.encoder.lstm:\1"),
        (r"decoder", r"head"),
    ),
    "TPS": (
        (r"loc(\d)_(conv|bn)", r"transform.loc_net.loc_conv\1.\2"),
        (r"(fc\d)", r"transform.loc_net.\1"),
    ),
    "ResNetVD": (
        (r"stem(\d)_conv", r"backbone.conv1_\1._conv"),
        (r"stem(\d)_bn", r"backbone.conv1_\1._batch_norm"),
        (r"stage(\d)_block(\d+)_(\d)_conv", r"backbone.bb_\1_\2.conv\3._conv"),
        (r"stage(\d)_block(\d+)_(\d)_bn", r"backbone.bb_\1_\2.conv\3._batch_norm"),
        (r"stage(\d)_block(\d+)_short_conv", r"backbone.bb_\1_\2.short._conv"),
        (r"stage(\d)_block(\d+)_short_bn", r"backbone.bb_\1_\2.short._batch_norm"),
    ),
    "MobileNetV3": (
        (r"conv(\d)_(conv|bn)", r"backbone.conv\1.\2"),
        (r"block(\d+)_expand_(conv|bn)", r"backbone.blocks.\1.expand_conv.\2"),
        (r"block(\d+)_depthwise_(conv|bn)", r"backbone.blocks.\1.bottleneck_conv.\2"),
        (r"block(\d+)_se_reduce", r"backbone.blocks.\1.mid_se.conv1"),
        (r"block(\d+)_se_expand", r"backbone.blocks.\1.mid_se.conv2"),
        (r"block(\d+)_project_(conv|bn)", r"backbone.blocks.\1.linear_conv.\2"),
    ),
    "VGG7": ((r"conv(\d)_(conv|bn)", r"backbone.conv\1.\2"),),  # MindOCR's names; Paddle has no such network
    "RobustScanner": (
        (r"encoder", r"head.encoder.layer"),
        (r"position_lstm_(\d)", r"head.decoder.position_decoder.position_aware_module.rnn:\1"),
        (r"position_conv0", r"head.decoder.position_decoder.position_aware_module.mixer.0"),
        (r"position_conv1", r"head.decoder.position_decoder.position_aware_module.mixer.2"),
        (r"position", r"head.decoder.position_decoder.embedding"),
        (r"decoder", r"head.decoder"),
    ),
    "ResNet31": (
        (r"stem(\d)_(conv|bn)", r"backbone.\g<2>1_\1"),
        (r"stage(\d)_out_(conv|bn)", r"backbone.\2\1"),
        (r"stage(\d)_block(\d)_short_conv", r"backbone.block\1.\2.downsample.0"),
        (r"stage(\d)_block(\d)_short_bn", r"backbone.block\1.\2.downsample.1"),
        *((rf"stage(\d)_block(\d)_{i}_(conv|bn)", rf"backbone.block\1.\2.\g<3>{i + 1}") for i in (0, 1)),
    ),
    "SVTRv2": (
        (r"neck_conv([1-4])_conv", r"head.ctc_encoder.encoder.conv\1.conv"),
        (r"neck_conv([1-4])_bn", r"head.ctc_encoder.encoder.conv\1.norm"),
        (r"neck_conv5_conv", r"head.ctc_encoder.encoder.conv1x1.conv"),
        (r"neck_conv5_bn", r"head.ctc_encoder.encoder.conv1x1.norm"),
        (r"neck_block(\d+)_(norm\d)", r"head.ctc_encoder.encoder.svtr_block.\1.\2"),
        (r"neck_block(\d+)_(mixer|mlp)_(\w+)", r"head.ctc_encoder.encoder.svtr_block.\1.\2.\3"),
        (r"neck_norm", r"head.ctc_encoder.encoder.norm"),
        (r"head", r"head.ctc_head.fc"),
    ),
    "NRTRDecoder": (
        (r"memory_projection", r"head.before_gtc.1.fc"),
        (r"embedding", r"head.gtc_head.embedding.embedding"),
        (r"layer(\d+)_(norm\d)", r"head.gtc_head.decoder.\1.\2"),
        (r"layer(\d+)_(self|cross)_(qkv|q|kv)", r"head.gtc_head.decoder.\1.\2_attn.\3"),
        (r"layer(\d+)_(self|cross)_proj", r"head.gtc_head.decoder.\1.\2_attn.out_proj"),
        (r"layer(\d+)_mlp_(fc\d)", r"head.gtc_head.decoder.\1.mlp.\2"),
        (r"projection", r"head.gtc_head.tgt_word_prj"),
    ),
    "SVTRv2Backbone": (
        (r"patch(\d)_conv", r"backbone.pope.patch_embed.\1.conv"),
        (r"patch(\d)_bn", r"backbone.pope.patch_embed.\1.norm"),
        # The published stages count their downsampling as their end, and the step from map to tokens as a block.
        (r"stage1_down", r"backbone.stages.0.downsample.conv"),
        (r"stage2_down", r"backbone.stages.1.downsample.conv"),
        (r"stage1_down_norm", r"backbone.stages.0.downsample.norm"),
        (r"stage2_down_norm", r"backbone.stages.1.downsample.norm"),
        *((rf"stage1_block{i}_(norm\d)", rf"backbone.stages.1.blocks.{i + 1}.\1") for i in range(2, 6)),
        *((rf"stage1_block{i}_(mixer|mlp)_(\w+)", rf"backbone.stages.1.blocks.{i + 1}.\1.\2") for i in range(2, 6)),
        (r"stage(\d)_block(\d)_(norm\d|mixer)", r"backbone.stages.\1.blocks.\2.\3"),
        (r"stage(\d)_block(\d)_(mixer|mlp)_(\w+)", r"backbone.stages.\1.blocks.\2.\3.\4"),
    ),
    "RepSVTRBackbone": (
        # "conv" is "c" there.
        (r"stem0_(c|bn)(?:onv)?", r"backbone.features.0.0.\1"),
        (r"stem1_(c|bn)(?:onv)?", r"backbone.features.0.2.\1"),
        (r"block(\d+)_token_wide_(c|bn)(?:onv)?", r"backbone.features.\1.token_mixer.0.conv.\2"),
        (r"block(\d+)_token_point", r"backbone.features.\1.token_mixer.0.conv1"),
        (r"block(\d+)_token_bn", r"backbone.features.\1.token_mixer.0.bn"),
        (r"block(\d+)_se_reduce", r"backbone.features.\1.token_mixer.1.fc1"),
        (r"block(\d+)_se_expand", r"backbone.features.\1.token_mixer.1.fc2"),
        (r"block(\d+)_down_(c|bn)(?:onv)?", r"backbone.features.\1.token_mixer.0.\2"),
        (r"block(\d+)_widen_(c|bn)(?:onv)?", r"backbone.features.\1.token_mixer.2.\2"),
        (r"block(\d+)_channel0_(c|bn)(?:onv)?", r"backbone.features.\1.channel_mixer.m.0.\2"),
        (r"block(\d+)_channel1_(c|bn)(?:onv)?", r"backbone.features.\1.channel_mixer.m.2.\2"),
    ),
    "RepSVTRDetector": (
        (r"lateral(\d)", r"neck.ins_conv.\1.in_conv"),
        (r"lateral(\d)_se_reduce", r"neck.ins_conv.\1.se_block.conv1"),
        (r"lateral(\d)_se_expand", r"neck.ins_conv.\1.se_block.conv2"),
        (r"smooth(\d)", r"neck.inp_conv.\1.in_conv"),
        (r"smooth(\d)_se_reduce", r"neck.inp_conv.\1.se_block.conv1"),
        (r"smooth(\d)_se_expand", r"neck.inp_conv.\1.se_block.conv2"),
        (r"shrink_(\d)_conv", r"head.binarize.conv\1"),
        (r"shrink_(\d)_bn", r"head.binarize.conv_bn\1"),
        (r"threshold_(\d)_conv", r"head.thresh.conv\1"),
        (r"threshold_(\d)_bn", r"head.thresh.conv_bn\1"),
    ),
}
PADDLE_NAMES["RepSVTR"] = PADDLE_NAMES["SVTRv2"]

# Published tensors that do nothing, and why; they are left out.
DEAD_TENSORS: dict[str, str] = {
    r"transform\.grid_generator\.fc\..*": "zero at the start and frozen, so zero in every checkpoint",
    r"head\.gtc_head\.positional_encoding\.pe": "sinusoids, which we compute",
}

# One published tensor or several -> one of our arrays.
Layout = Callable[..., np.ndarray]
# Our variable, the published names it is made of, how.
Rule = tuple[keras.Variable, tuple[str, ...], Layout]


def paddle_rules(model: keras.Model) -> list[Rule]:
    """For every variable of the model, in order: the published tensors it is made of, and how.

    Raises:
        KeyError: a layer that PADDLE_NAMES has no row for.
    """
    return list(_model_rules(model))


def is_dead(name: str) -> bool:
    """Whether a published tensor does nothing (see DEAD_TENSORS)."""
    return any(re.fullmatch(pattern, name) for pattern in DEAD_TENSORS)


def load_paddle_weights(model: keras.Model, tensors: Mapping[str, np.ndarray]) -> None:
    """Sets every variable of `model` from published tensors (structured names, the publisher's layouts).

    Raises:
        ValueError: tensors missing, left over, of another shape, or with numbers that float32 has not (NaN, infinity),
            all of them listed; the model is left as it was.
    """
    rules = paddle_rules(model)
    used = {name for _, names, _ in rules for name in names}
    problems = [f"missing: {name}" for name in sorted(used - tensors.keys())]
    problems += [f"not part of {model.name}: {name}" for name in sorted(tensors.keys() - used) if not is_dead(name)]
    values = []
    for variable, names, layout in rules:
        if all(name in tensors for name in names):
            try:
                value = layout(*(np.asarray(tensors[name]) for name in names))
            except (ValueError, IndexError):  # NumPy's, where axes are missing or do not divide
                shapes = " + ".join(str(np.shape(tensors[name])) for name in names)
                problems.append(f"shape {shapes}, for {tuple(variable.shape)}: {' + '.join(names)}")
                continue
            values.append(value)
            if tuple(value.shape) != tuple(variable.shape):
                problems.append(f"shape {value.shape} instead of {tuple(variable.shape)}: {' + '.join(names)}")
            with np.errstate(over="ignore"):
                bad = np.size(value) - np.isfinite(np.asarray(value, "float32")).sum()
            if bad:
                problems.append(f"{bad} of {np.size(value)} numbers are NaN or infinite: {' + '.join(names)}")
    if problems:
        raise ValueError(f"These tensors do not fit {model.name}:\n  " + "\n  ".join(problems))
    for (variable, _, _), value in zip(rules, values, strict=True):
        variable.assign(value)


def _model_rules(model: keras.Model) -> Iterator[Rule]:
    owner = type(model).__name__
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _model_rules(layer)
        elif layer.weights:
            for pattern, template in PADDLE_NAMES[owner]:
                if match := re.fullmatch(pattern, layer.name):
                    yield from _layer_rules(layer, match.expand(template))
                    break
            else:
                raise KeyError(f"PADDLE_NAMES[{owner!r}] has no row for the layer {layer.name!r}.")


def _layer_rules(layer: keras.layers.Layer, prefix: str) -> Iterator[Rule]:
    """The variables of one layer. Paddle's convolutions are (out, in / groups, kh, kw), its Linear is (in, out)."""
    if isinstance(layer, layers.BatchNormalization | layers.LayerNormalization):
        names = {"gamma": "weight", "beta": "bias", "moving_mean": "_mean", "moving_variance": "_variance"}
        for variable in layer.weights:
            yield variable, (f"{prefix}.{names[variable.name]}",), np.asarray
    elif isinstance(layer, layers.Bidirectional):
        stem, level = prefix.split(":")
        yield from _lstm_rules(layer.forward_layer, stem, f"l{level}")
        yield from _lstm_rules(layer.backward_layer, stem, f"l{level}_reverse")
    elif isinstance(layer, EachRow):
        stem, level = prefix.split(":")
        yield from _lstm_rules(layer.layer, stem, f"l{level}")
    elif isinstance(layer, HybridDecoder):
        cell = layer.rnn.cell
        yield from _layer_rules(cell.embedding, f"{prefix}.hybrid_decoder.embedding")
        for level, lstm in enumerate(cell.lstms):
            yield from _lstm_rules(lstm, f"{prefix}.hybrid_decoder.sequence_layer", f"l{level}")
        yield from _layer_rules(cell.fusion, f"{prefix}.fusion_module.linear_layer")
        yield from _layer_rules(cell.head, f"{prefix}.prediction")
    elif isinstance(layer, AttentionDecoder):
        cell = layer.rnn.cell
        yield from _layer_rules(layer.keys, f"{prefix}.attention_cell.i2h")
        yield from _layer_rules(cell.query, f"{prefix}.attention_cell.h2h")
        yield cell.score, (f"{prefix}.attention_cell.score.weight",), np.ravel
        yield from _gru_rules(cell.gru, f"{prefix}.attention_cell.rnn")
        yield from _layer_rules(cell.head, f"{prefix}.generator")
    else:
        kernel = next(layout for kind, layout in _KERNELS.items() if isinstance(layer, kind))
        for variable in layer.weights:
            is_bias = variable.name == "bias"
            yield variable, (f"{prefix}.{'bias' if is_bias else 'weight'}",), np.asarray if is_bias else kernel


def _lstm_rules(layer: layers.LSTM | layers.LSTMCell, stem: str, suffix: str) -> Iterator[Rule]:
    """Both order their gates i, f, cell, o. Paddle's two biases are summed: Keras has one."""
    for variable in layer.weights:
        if variable.name == "bias":
            yield variable, (f"{stem}.bias_ih_{suffix}", f"{stem}.bias_hh_{suffix}"), np.add
        else:
            part = "weight_hh" if variable.name == "recurrent_kernel" else "weight_ih"
            yield variable, (f"{stem}.{part}_{suffix}",), np.transpose


def _gru_rules(cell: layers.GRUCell, prefix: str) -> Iterator[Rule]:
    """Paddle's gates are r, z, cell, along the first axis; Keras' z, r, cell, along the last one."""

    def reordered(array: np.ndarray) -> np.ndarray:
        reset, update, new = np.split(array, 3)
        return np.concatenate([update, reset, new])

    yield cell.kernel, (f"{prefix}.weight_ih",), lambda array: reordered(array).T
    yield cell.recurrent_kernel, (f"{prefix}.weight_hh",), lambda array: reordered(array).T
    yield cell.bias, (f"{prefix}.bias_ih", f"{prefix}.bias_hh"), lambda *both: np.stack([reordered(b) for b in both])


_KERNELS: dict[type, Layout] = {
    layers.Conv2D: lambda kernel: kernel.transpose(2, 3, 1, 0),
    layers.Conv2DTranspose: lambda kernel: kernel.transpose(2, 3, 1, 0),  # published as (in, out, kh, kw)
    layers.DepthwiseConv2D: lambda kernel: kernel.transpose(2, 3, 0, 1),
    layers.Dense: np.asarray,
    layers.Embedding: np.asarray,
    PositionAttention: np.asarray,
}
