"""What recognisers have in common whose decoder writes one character a step."""

import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Unpack

import keras
import numpy as np
from keras import layers

from keras_textrec.decoding import Constraint, Constraints, Lexicon, StepDecoder
from keras_textrec.layers.direct import DirectModel
from keras_textrec.layers.stepping import stepping_graphs
from keras_textrec.models.preset_model import default_jit
from keras_textrec.models.text_recognizer import TextRecognizer
from keras_textrec.reading import read_all, read_stream
from keras_textrec.reading.confidence import calibrated
from keras_textrec.reading.orientation import Orientations
from keras_textrec.reading.recognizer import BatchReader
from keras_textrec.reading.stream import Outcome
from keras_textrec.text import Reading, SequenceTokenizer


class _ModelSteps:
    """A network's decoder on some rows, `keras_textrec.decoding.Steps`.

    Args:
        prepared: what the network's `encoder` makes of a batch.
        images: of the batch, one for each row.
    """

    def __init__(self, model: "AttentionRecognizer", prepared: list[np.ndarray], images: np.ndarray):
        self._model = model
        self._decoder = model.get_layer("decoder")
        self._rows = len(images)
        rows = [values[images] for values in prepared]
        self._own = rows[: self._decoder.own_inputs]
        # Once for all steps.
        self._common = [keras.ops.convert_to_tensor(values) for values in rows[self._decoder.own_inputs :]]

    def start(self) -> list[np.ndarray]:
        return [np.zeros((self._rows, size), "float32") for size in self._decoder.state_sizes]

    def __call__(
        self, symbols: np.ndarray, place: int, states: list[np.ndarray]
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        given = [symbols, *(values[:, place] for values in self._own), *states]
        inputs = [*map(keras.ops.convert_to_tensor, given), *self._common]
        probabilities, *states = self._model.run("step", inputs)
        return probabilities, states


class AttentionRecognizer(TextRecognizer):
    """Base of RARE and RobustScanner. Inputs: those of the reader, then the tokens int32 (B, S); output: the logits.

    Step t writes character t, and the end after the last one. `tokens[:, t]` is the symbol before it: the true one in
    training (teacher forcing; `tokens` makes them of labels), or -1 for the decoder's own. The reader needs no tokens.

    A subclass has a layer "decoder" whose last argument is the tokens; without them it reads by itself. It gives logits
    (B, S, V) and attention (B, S, ...), what each step looks at. The subclass sets `steps`, S.
    """

    tokenizer: SequenceTokenizer
    steps: int
    free_running = False

    @functools.cached_property
    def _written(self) -> list:
        """Probabilities and attention, symbolic, of the decoder that reads by itself."""
        decoder = self.get_layer("decoder")
        *seen, _ = decoder.input
        logits, attention = decoder(*seen)
        return [layers.Softmax(dtype="float32", name="probabilities")(logits), attention]

    def make_reader(self) -> keras.Model:
        return DirectModel(self._seen, self._written[0], name=f"{self.name}_reader")

    @functools.cached_property
    def attention_reader(self) -> keras.Model:
        """The reader with a second output, the attention (B, S, ...)."""
        reader = DirectModel(self._seen, self._written, name=f"{self.name}_attention_reader")
        reader.jit_compile = False  # for looking at single images
        return reader

    @functools.cached_property
    def _stepping(self) -> tuple[keras.Model, keras.Model]:
        decoder = self.get_layer("decoder")
        *seen, _ = decoder.input
        graphs = stepping_graphs(self._seen, decoder, seen, self.name)
        for graph in graphs:
            if not default_jit():
                graph.jit_compile = False
        return graphs

    @functools.cached_property
    def encoder(self) -> keras.Model:
        """The reading graph up to the decoder's steps."""
        return self._stepping[0]

    @functools.cached_property
    def step(self) -> keras.Model:
        """The graph of one of the decoder's steps."""
        return self._stepping[1]

    def constrained_reader(self, constraint: Constraint) -> BatchReader:
        decoder = StepDecoder(self.tokenizer, constraint, self.steps, self.free_running)

        def read_batch(x: np.ndarray, valid_ratio: np.ndarray, lexica: Sequence[Lexicon] | None = None):
            prepared = self.run_images("encoder", x, valid_ratio)
            return decoder.decode(functools.partial(_ModelSteps, self, prepared), len(x), lexica)

        return read_batch

    @property
    def _seen(self) -> Any:
        """The reader's inputs, symbolic."""
        *seen, _ = self.inputs
        return seen if len(seen) > 1 else seen[0]

    def read(
        self,
        images: Any,
        batch_size: int = 32,
        orientations: Orientations | None = None,
        attention: bool = False,
        **constraints: Unpack[Constraints],
    ) -> Reading | list[Reading]:
        """As `TextRecognizer.read`. An attention decoder does not place its characters: each spans the image.

        Args:
            attention: give every reading its attention maps, float (characters, ...), over the network's last feature
                map; the images are read one by one, as they are, and without constraints.
        """
        options = {"batch_size": batch_size, "orientations": orientations, "attention": attention, **constraints}
        return read_all(images, functools.partial(self.read_stream, **options))

    def read_stream(
        self,
        images: Iterable[Any],
        batch_size: int = 32,
        orientations: Orientations | None = None,
        attention: bool = False,
        **constraints: Unpack[Constraints],
    ) -> Iterator[tuple[int, Outcome]]:
        """As `TextRecognizer.read_stream`, with attention as in `read`."""
        if not attention:
            return super().read_stream(images, batch_size, orientations, **constraints)
        if given := [*constraints, *(["orientations"] if orientations is not None else [])]:
            raise ValueError(f"Attention maps are those of a free reading; leave out {' and '.join(given)}.")
        outcomes = read_stream(images, self.converter, self._read_with_attention, 1, self._canvas_widths)
        return calibrated(outcomes, self.calibration)

    def _read_with_attention(self, x: np.ndarray, valid_ratio: np.ndarray) -> list[Reading]:
        return self.tokenizer.decode(*self.run("attention_reader", self.reader_inputs(x, valid_ratio)))

    def reader_inputs(self, image: np.ndarray, valid_ratio: np.ndarray) -> Any:
        return image if len(self.inputs) == 2 else (image, valid_ratio)

    def arrange(self, image: np.ndarray, valid_ratio: np.ndarray, y: np.ndarray, training: bool) -> tuple[Any, Any]:
        seen = (image,) if len(self.inputs) == 2 else (image, valid_ratio.astype("float32"))
        return (*seen, self.tokens(y, training)), y

    def tokens(self, y: np.ndarray, training: bool = True) -> np.ndarray:
        """What the decoder sees: int32 (B, S) for labels int (B, M) padded with -1.

        Args:
            training: False is for evaluation, where the network is on its own: all -1.
        """
        if training and not self.free_running:
            return self.tokenizer.sequences(y, self.steps)
        return np.full((len(y), self.steps), -1, "int32")

    def time_steps(self, width: int | None = None) -> int:
        """Output steps for characters and end, whatever the width."""
        return self.steps
