"""An attention decoder step by step, for what chooses the symbols itself.

`AttentionDecoder` and `HybridDecoder` say what every step sees (`prepare`) and what one step does (`step`); the cell is
the one of training and of free reading.
"""

from keras import Input, layers, ops

from keras_textrec.layers.direct import DirectModel


class _Prepare(layers.Layer):
    """A decoder's inputs -> what its steps see: float32, (B, S, ...) where each step has its own, and (B, ...)."""

    def __init__(self, decoder: layers.Layer, **kwargs):
        super().__init__(dtype=decoder.dtype_policy, **kwargs)
        self.decoder = decoder

    def call(self, *seen):
        own, common = self.decoder.prepare(*seen)
        return [ops.cast(x, "float32") for x in (*own, *common)]


class _Step(layers.Layer):
    """The symbol before, int32 (B,), the step's own inputs, the states and the common inputs -> the probabilities of
    the next symbol, float32 (B, V), and the states."""

    def __init__(self, decoder: layers.Layer, **kwargs):
        super().__init__(dtype=decoder.dtype_policy, **kwargs)
        self.decoder = decoder

    def call(self, symbols, *rest):
        places = self.decoder.own_inputs, self.decoder.own_inputs + len(self.decoder.state_sizes)
        own, states, common = rest[: places[0]], rest[places[0] : places[1]], rest[places[1] :]
        logits, states = self.decoder.step(symbols, own, list(states), list(common))
        return [ops.softmax(ops.cast(logits, "float32")), *(ops.cast(state, "float32") for state in states)]


def stepping_graphs(inputs, decoder: layers.Layer, seen: list, name: str) -> tuple[DirectModel, DirectModel]:
    """A network's graph up to its decoder's steps, and the graph of one step.

    Args:
        inputs: the network's, symbolic.
        seen: the decoder's inputs but for the tokens, symbolic.
        name: of the network.
    """
    prepared = _Prepare(decoder, name="prepare")(*seen)
    symbols = Input((), dtype="int32", name="symbols")
    own = [Input(x.shape[2:], name=f"own_{i}") for i, x in enumerate(prepared[: decoder.own_inputs])]
    states = [Input((size,), name=f"state_{i}") for i, size in enumerate(decoder.state_sizes)]
    common = [Input(x.shape[1:], name=f"common_{i}") for i, x in enumerate(prepared[decoder.own_inputs :])]
    step_inputs = [symbols, *own, *states, *common]
    outputs = _Step(decoder, name="step")(*step_inputs)
    return DirectModel(inputs, prepared, name=f"{name}_encoder"), DirectModel(step_inputs, outputs, name=f"{name}_step")
