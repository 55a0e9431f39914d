"""Paddle's internal tensor names -> the structured ones, for inference models that come without them.

Paddle numbers the layers of each kind as they are created: `conv2d_0.w_0` is the weight of the first convolution. Where
the published code names a tensor itself (`conv1_1_weights`), that name is a row of `_EXPLICIT`. Such layers, those that
were created and thrown away (RobustScanner's convolutions 2 and 12), and those that reading does not need leave gaps in
the numbers, so that only their order counts. All eight published networks agree with this, tensor by tensor.
"""

import re
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_textrec.converters.paddle import paddle_rules

# Layers whose tensors have names of their own: the start of the name -> the published layer.
_EXPLICIT: tuple[tuple[str, str], ...] = (
    # ResNet34-vd. res2a_branch2a is stage 0, block 0, convolution 0; branch1 is the shortcut.
    (r"conv1_(\d)", r"backbone.conv1_\1._conv"),
    (r"bnv1_(\d)", r"backbone.conv1_\1._batch_norm"),
    *(
        (rf"{start}{stage + 2}{letter}_branch{branch}", f"backbone.bb_{stage}_{block}.{part}.{layer}")
        for start, layer in (("res", "_conv"), ("bn", "_batch_norm"))
        for stage in range(4)
        for block, letter in enumerate("abcdef")
        for branch, part in (("2a", "conv0"), ("2b", "conv1"), ("1", "short"))
    ),
    # The network that places the points of TPS.
    (r"loc_conv(\d)", r"transform.loc_net.loc_conv\1.conv"),
    (r"bn_loc_conv(\d)", r"transform.loc_net.loc_conv\1.bn"),
    (r"loc_(fc\d)", r"transform.loc_net.\1"),
    (r"ex_fc", r"transform.grid_generator.fc"),
)
# The end of such a name -> the published name of the tensor.
_EXPLICIT_ENDS = {"_weights": "weight", "_w": "weight", "_b": "bias", ".b_0": "bias"}
_EXPLICIT_ENDS |= {"_scale": "weight", "_offset": "bias", "_mean": "_mean", "_variance": "_variance"}

# Within a layer, its tensors are numbered as well.
_PARTS = {"weight": "w_0", "bias": "b_0", "_mean": "w_1", "_variance": "w_2"}
_PARTS |= {"weight_ih": "w_0", "weight_hh": "w_1", "bias_ih": "b_0", "bias_hh": "b_1"}

# `paddle_rules` lists layers as the data flows. They are created in that order too, but for these: what matches the
# pattern is created right after the last of those that begin with the other text.
_CREATED_AFTER: tuple[tuple[str, str], ...] = (
    (r"backbone\.block(\d)\.(\d)\.downsample\.\d", r"backbone.block\1.\2."),
    (r"head\.decoder\.position_decoder\..*", "head.decoder.hybrid_decoder."),
    (r"head\.thresh\..*", "head.binarize."),
    (r"neck\.inp_conv\.0\..*", "neck.ins_conv.0."),
    *(
        (rf"neck\.{part}_conv\.{level}\..*", f"neck.{before}.")
        for level in (1, 2, 3)
        for part, before in (("ins", f"inp_conv.{level - 1}"), ("inp", f"ins_conv.{level}"))
    ),
)


def structured_names(model: keras.Model, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors of an inference model under the names that `load_paddle_weights` knows.

    Args:
        model: a network of the same layers, without what only training needs.
        tensors: by their internal names.

    Raises:
        ValueError: a name is none of Paddle's, or the model has other layers; the message says of which kind.
    """
    named: dict[str, np.ndarray] = {}
    theirs: dict[str, dict[tuple, dict[str, np.ndarray]]] = {}
    for name, array in tensors.items():
        if explicit := _explicit_name(name):
            named[explicit] = array
        elif match := re.fullmatch(r"([a-z_]+?)(2d(?:_transpose)?)?_(\d+)\.([wb]_\d)", name):
            kind, suffix, number, part = match.groups()
            # The detector has both kinds of batch norm, BatchNorm2D in its backbone, which is created first.
            kind = f"{kind} (transposed)" if suffix == "2d_transpose" else kind
            theirs.setdefault(kind, {}).setdefault((suffix is None, int(number)), {})[part] = array
        else:
            raise ValueError(f"{name!r} is no tensor of a known network; put the model's .pdiparams.info beside it.")
    ours: dict[str, list[dict[str, str]]] = {}
    for kind, parts in _as_created(_published_layers(model)).values():
        if named.keys().isdisjoint(parts.values()):
            ours.setdefault(kind, []).append(parts)
    for kind in sorted(ours.keys() | theirs.keys()):
        layers, numbered = ours.get(kind, []), theirs.get(kind, {})
        if len(layers) != len(numbered):
            have, want = len(numbered), len(layers)
            raise ValueError(f"The file holds {have} layers of the kind {kind}, and {model.name} has {want}.")
        for parts, number in zip(layers, sorted(numbered), strict=True):
            for part, array in numbered[number].items():
                if part not in parts:
                    raise ValueError(f"The file has a tensor {part} with {parts['w_0']!r}, which has no such tensor.")
                named[parts[part]] = array
    return named


def _explicit_name(name: str) -> str | None:
    for end, part in _EXPLICIT_ENDS.items():
        for pattern, template in _EXPLICIT:
            if name.endswith(end) and (match := re.fullmatch(pattern, name.removesuffix(end))):
                return f"{match.expand(template)}.{part}"
    return None


def _published_layers(model: keras.Model) -> dict[str, tuple[str, dict[str, str]]]:
    """Published layer -> its kind, and the published name of each of its numbered tensors, as the data flows."""
    parts: dict[str, dict[str, str]] = {}
    ranks: dict[str, int] = {}
    for variable, names, _ in paddle_rules(model):
        for name in names:
            layer, _, part = name.rpartition(".")
            if match := re.fullmatch(r"((?:weight|bias)_[ih]h)(?:_(l\d.*))?", part):
                layer, part = f"{layer}.{match[2] or 'cell'}", match[1]
            part = _PARTS[part]
            parts.setdefault(layer, {})[part] = name
            if part == "w_0":
                ranks[layer] = len(variable.shape)
    return {layer: (_kind(layer, parts[layer], ranks[layer]), parts[layer]) for layer in parts}


def _kind(layer: str, parts: Mapping[str, str], rank: int) -> str:
    """What Paddle calls the layer; `rank` is that of our weight."""
    if "w_2" in parts:
        return "batch_norm"
    if "w_1" in parts:
        return "gru_cell" if layer.endswith(".cell") else "lstm_cell"
    if rank == 4:
        return "conv (transposed)" if re.fullmatch(r"head\.(binarize|thresh)\.conv[23]", layer) else "conv"
    if rank == 2:
        return "embedding" if "embedding" in layer else "linear"
    return "linear" if layer.endswith(".score") else "layer_norm"  # our score is a vector


def _as_created(layers: dict[str, Any]) -> dict[str, Any]:
    order = list(layers)
    for pattern, template in _CREATED_AFTER:
        for layer in reversed(tuple(order)):
            if match := re.fullmatch(pattern, layer):
                start = match.expand(template)
                before = [other for other in order if other.startswith(start) and not re.fullmatch(pattern, other)]
                order.remove(layer)
                order.insert(order.index(before[-1]) + 1, layer)
    return {layer: layers[layer] for layer in order}
