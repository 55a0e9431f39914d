"""The recurrent neck of CRNN and RARE."""

import keras
from keras import layers

from keras_textrec.layers.standard import LSTM


def check_one_row(owner: str, backbone: keras.Model, height: int) -> None:
    """Raises ValueError, in the name of the network `owner`, unless the backbone brings `height` down to one row."""
    try:
        rows = backbone.compute_output_shape((None, height, 4 * height, 3))[1]
    except ValueError:
        rows = 0  # Keras refuses an empty output.
    if rows != 1:
        raise ValueError(
            f"{owner}: {backbone.name} makes {rows} rows of an image of height {height}, and the sequence is one row; "
            "give the converter another height (32 suits the published backbones)."
        )


def map_to_sequence(x, name: str = "map_to_sequence"):
    """(B, 1, W, C) -> (B, W, C): the columns of a feature map of height one, left to right."""
    return layers.Reshape((-1, x.shape[-1]), name=name)(x)


def bilstm(x, hidden_size: int, *, depth: int = 2, name: str = "lstm"):
    """Stacked bidirectional LSTMs: (B, T, C) -> (B, T, 2 * hidden_size), forward half first.

    Layers are called `{name}_0`, `{name}_1`, ... The published networks have nothing between them.
    """
    for level in range(depth):
        lstm = LSTM(hidden_size, return_sequences=True)
        x = layers.Bidirectional(lstm, name=f"{name}_{level}")(x)
    return x
