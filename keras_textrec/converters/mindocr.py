"""MindOCR's tensors under PaddleOCR's names and in its layouts, for `load_paddle_weights` to take from there.

MindOCR: https://github.com/mindspore-lab/mindocr, `mindocr/models`; its networks are PaddleOCR's but for what their
constructors here say. Three things differ in its files: names, MindSpore's dense layers, which are (out, in) where
Paddle's are (in, out), and the order of the classes. That becomes ours too: the symbols that are no characters stand
last (CTC: the blank) or first (attention: the end, after the start), and in `CTCTokenizer` and `AttentionTokenizer`
the other way about, so that no loss, metric or tokenizer needs to know where a network comes from.
"""

import re
from collections.abc import Mapping

import keras
import numpy as np

from keras_textrec.backbones import ResNetVD

# In this order, each where it applies.
NAMES: tuple[tuple[str, str], ...] = (
    (r"\.(gamma|embedding_table)$", ".weight"),
    (r"\.beta$", ".bias"),
    (r"\.moving_(mean|variance)$", r"._\1"),
    (r"^neck\.seq_encoder\.", "neck.encoder.lstm."),
    (r"^head\.dense1\.", "head.fc."),
    # ResNet34-vd; its blocks are numbered through.
    (r"^(backbone\.(?:conv1_\d|block_list\.\d+\.\w+))\.conv\.", r"\1._conv."),
    (r"^(backbone\.(?:conv1_\d|block_list\.\d+\.\w+))\.norm\.", r"\1._batch_norm."),
)


def to_paddle(tensors: Mapping[str, np.ndarray], model: keras.Model) -> dict[str, np.ndarray]:
    """What a MindOCR checkpoint of `model`'s architecture holds, as `load_paddle_weights` wants it.

    A tensor of another network comes out as well, under a name that `load_paddle_weights` refuses.

    Args:
        tensors: by MindOCR's names.
        model: a CRNN, RARE (without rectification) or RobustScanner, built as MindOCR's; its blocks are counted.

    Raises:
        ValueError: two tensors have one meaning.
    """
    depths = model.backbone.depths if isinstance(model.backbone, ResNetVD) else ()
    blocks = [f"bb_{stage}_{block}" for stage, depth in enumerate(depths) for block in range(depth)]

    def block_name(match: re.Match) -> str:
        number = int(match[1])
        return f"backbone.{blocks[number]}." if number < len(blocks) else match[0]

    result, origins = {}, {}
    for origin, array in tensors.items():
        # The only matrices with this name; those of embeddings and recurrent layers are as Paddle's.
        is_dense = origin.endswith(".weight") and array.ndim == 2
        name = origin
        for pattern, template in NAMES:
            name = re.sub(pattern, template, name)
        name = re.sub(r"^backbone\.block_list\.(\d+)\.", block_name, name)
        if name in result:
            raise ValueError(f"The checkpoint holds {origins[name]} and {origin}, and both would be {name}.")
        result[name], origins[name] = array.T if is_dense else array, origin
    return result | _classes_in_our_order(result)


def _classes_in_our_order(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors (Paddle's names and layouts) that have classes along their last axis, in our order."""
    reordered = {}
    for name in ("head.fc.weight", "head.fc.bias"):
        if name in tensors and tensors[name].ndim:
            reordered[name] = np.roll(tensors[name], 1, axis=-1)
    classes = np.size(tensors.get("head.generator.bias", ()))
    # The GRU sees the glimpse and, after it, the symbol before, one column a class.
    for name in ("head.generator.weight", "head.generator.bias", "head.attention_cell.rnn.weight_ih"):
        if name in tensors and tensors[name].ndim and classes:
            glimpse, start, end, characters = np.split(tensors[name], np.array([0, 1, 2]) - classes, axis=-1)
            reordered[name] = np.concatenate([glimpse, start, characters, end], axis=-1)
    return reordered
