"""The task every recogniser of the zoo does: images in, readings out; trained by `fit`, kept as a preset."""

import functools
import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self, Unpack

import keras
import numpy as np

from keras_textrec.data import find_sources
from keras_textrec.decoding import Constraint, Constraints
from keras_textrec.models.charset_surgery import with_charset
from keras_textrec.models.preset_model import compiles_every_shape
from keras_textrec.models.trainable_recognizer import TrainableRecognizer
from keras_textrec.presets.description import dtype_policy
from keras_textrec.reading import read_all, read_stream
from keras_textrec.reading.confidence import Calibration
from keras_textrec.reading.lexica import Words
from keras_textrec.reading.orientation import Orientations
from keras_textrec.reading.recognizer import BatchReader, recognize
from keras_textrec.reading.stream import Outcome
from keras_textrec.text import Charset, Reading


class TextRecognizer(TrainableRecognizer):
    """Base of the recognisers; `TextRecognizer.from_preset(name)` gives whichever class the preset names.

    A recogniser *is* its training graph: network input float32 (B, H, W, 3) to logits (B, T, V). `reader` is its
    reading graph, network input to probabilities float32 (B, T, V). It carries its own charset (`tokenizer`) and
    preprocessing (`converter`) through every way of saving it. A subclass builds the graph in its constructor, sets
    `tokenizer` and `converter`, and gives `make_reader`, `make_loss` and `time_steps`.

    A model computes in the dtype policy that is in force when it is built; its weights are kept in float32.
    """

    # === Reading ===

    def read(
        self,
        images: Any,
        batch_size: int = 32,
        orientations: Orientations | None = None,
        **constraints: Unpack[Constraints],
    ) -> Reading | list[Reading]:
        """Reads one image or many, within what is known of their texts.

        Threads may share a model; they are served one after the other.

        Args:
            images: a path, bytes, an open file, array or PIL image (`keras_textrec.images.load_image` says what is
                accepted), or many of them: a list or another iterable, or an array (B, H, W, 3).
            batch_size: images a step at most.
            orientations: in which each image is read, the best of which is kept (`Reading.orientation`): some of 0, 90,
                180 and 270, the degrees by which it is turned counterclockwise first, and "stacked", for letters that
                stand one below the other; or "tall": 0, 90, 270 and "stacked" for images higher than wide, 0 for
                others. `keras_textrec.reading.orientation` says which is the best. None: the model's own
                (`TextRecognizer.orientations`), or as it is given.
            constraints: what is known of the texts (docs/reading.md). An image that no text fits reads as "", with the
                confidence 0.

                - allow: the characters that a text may have, or ranges of them, as "0-9A-Z-".
                - pattern: a regular expression that the whole text fits.
                - lexicon: the words that a text may be: a list, a UTF-8 file of one a line, a `Lexicon`, which can
                  ignore case and punctuation, know how often each word occurs, and leave other texts possible; or lists
                  or lexica, one for each image: a list of them or an iterator, which is asked for the next as the
                  images are.
                - alternatives: how many of the most probable texts to name in `Reading.alternatives`.
                - min_confidence: of a lexicon: where the best word's confidence is less, `Reading.text` is None.

        Returns:
            A `Reading`, or a list of them in the order of the images. `left` and `right` of its characters are columns
            of the given image, in pixels (rows, where it was turned by a quarter), or None where the network does not
            tell.

        Raises:
            FileNotFoundError, ValueError: an image cannot be read; nothing is returned for the others. Or orientations
                are none, or a constraint makes no sense for this network; `keras_textrec.decoding.Constraint` says
                which.
            RuntimeError: this process was forked from one that had a model (see `keras_textrec.system.forks`).
        """
        options = {"batch_size": batch_size, "orientations": orientations, **constraints}
        return read_all(images, functools.partial(self.read_stream, **options))

    def read_stream(
        self,
        images: Iterable[Any],
        batch_size: int = 32,
        orientations: Orientations | None = None,
        **constraints: Unpack[Constraints],
    ) -> Iterator[tuple[int, Outcome]]:
        """Reads any number of images, in the memory of a few batches; results come as they are ready.

        Args:
            images: any iterable of what `read` takes, such as a generator of paths.
            batch_size: images a step at most.
            orientations, constraints: as for `read`.

        Yields:
            Each image's position, and its `Reading` or the OSError or ValueError that tells why there is none;
            `keras_textrec.reading.read_stream` says in which order.
        """

        def stream(images: Iterable[Any], read_batch: BatchReader, lexica: Any) -> Iterator[tuple[int, Outcome]]:
            return read_stream(images, self.converter, read_batch, batch_size, self._canvas_widths, lexica)

        return recognize(self, images, orientations, constraints, stream)

    @property
    def calibration(self) -> Calibration | None:
        """What makes a reading's confidence the probability that its text is right, where `keras-textrec calibrate` or
        `keras_textrec.reports.calibrate` fitted it. It is part of `about`, and goes when the weights are trained."""
        kept = self.about.get("calibration")
        return None if kept is None else Calibration.from_dict(kept)

    @property
    def orientations(self) -> Orientations | None:
        """In which orientations `read` reads each image where none are asked for; None: as it is given. Part of
        `about`: the key `orientations` of a preset."""
        return self.about.get("orientations")

    def constrained_reader(self, constraint: Constraint) -> BatchReader:
        """What reads converted images as `read_batch` does, within a constraint. Its third argument are the lexica of
        the images, where each has its own."""
        raise NotImplementedError

    @functools.cached_property
    def _canvas_widths(self) -> list[int] | None:
        # Compiled graphs are kept for every width: two dozen widths instead of hundreds. Otherwise each image has its
        # own, for more padding changes 1 text of 70 (docs/architecture.md, "Decisions").
        return self.converter.canvas_widths(2**0.25) if compiles_every_shape() else None

    def read_batch(self, x: np.ndarray, valid_ratio: np.ndarray) -> list[Reading]:
        """What stands in converted images.

        Args:
            x: float32 (B, H, W, 3), as `converter` makes it.
            valid_ratio: float32 (B,), the part of the width that each image fills.

        Returns:
            B readings, whose characters' places are fractions of the input's width.
        """
        return self.tokenizer.decode(self.probabilities(x, valid_ratio), valid_ratio=valid_ratio)

    def probabilities(self, x: np.ndarray, valid_ratio: np.ndarray) -> np.ndarray:
        """What the reader makes of a batch (as for `read_batch`), float (B, T, V)."""
        return self.run_images("reader", x, valid_ratio)

    def run_images(self, graph: str, x: np.ndarray, valid_ratio: np.ndarray) -> Any:
        """What a graph, an attribute by its name, makes of a batch (as for `read_batch`): (B, ...), or a list."""
        # A power of two of rows: compiled graphs are made for a handful of shapes, not for every number of images.
        images = len(x)
        rows = 1 << (images - 1).bit_length()
        x = np.concatenate([x, np.zeros((rows - images, *x.shape[1:]), x.dtype)])
        valid_ratio = np.concatenate([valid_ratio, np.ones(rows - images, valid_ratio.dtype)])
        outputs = self.run(graph, self.reader_inputs(x, valid_ratio))
        return [output[:images] for output in outputs] if isinstance(outputs, list) else outputs[:images]

    def reader_inputs(self, image: np.ndarray, valid_ratio: np.ndarray) -> Any:
        """A batch as `reader` takes it: image float32 (B, H, W, 3), and the part of the width it fills, (B,)."""
        return image

    # === Evaluating ===

    def evaluate_benchmarks(
        self,
        folders: str | os.PathLike | Sequence[str | os.PathLike],
        batch_size: int = 64,
        lexicon: Words = False,
        orientations: Orientations | None = None,
        allow: str | None = None,
        pattern: str | None = None,
    ) -> dict[str, Any]:
        """Reads every labelled dataset below one folder or several, and compares texts.

        Args:
            lexicon: read each set within a list of words too: a `Lexicon`, a file of a word a line whose case and
                punctuation are ignored, or True for the `lexicons.txt` beside a set, whose line n has the words that
                record n may be, with tabs between them.
            orientations, allow, pattern: read each set so too, as `read` has them. Where several are given, each set is
                read twice: freely, and by all of them.

        Returns:
            `{"sets": [{"name", "samples", "unreadable", "protocol", "accuracy", "exact", "ned", "cer",
            "images_per_second"}], "mean": {"accuracy", "exact", "ned"}, "weighted_mean": {...}}`; `ned` is 1-NED, and
            `keras_textrec.reading.evaluate` says what the numbers are. `keras_textrec.reports.evaluate` tells more.

        Raises:
            FileNotFoundError, ValueError: no dataset there, or a damaged one.
        """
        from keras_textrec.reading.evaluate import evaluate_sets

        return evaluate_sets(
            self,
            find_sources(folders),
            batch_size,
            lexicon,
            orientations=orientations,
            allow=allow,
            pattern=pattern,
        )

    # === Keeping ===

    def get_config(self) -> dict[str, Any]:
        serialize = keras.saving.serialize_keras_object
        parts = {"tokenizer": serialize(self.tokenizer), "converter": serialize(self.converter)}
        return {**super().get_config(), **parts}

    @classmethod
    def from_preset(
        cls,
        preset: str | pathlib.Path,
        load_weights: bool = True,
        charset: Charset | str | Sequence[str] | None = None,
        dtype: str | None = None,
    ) -> Self:
        """The recogniser of a preset: its name, the folder that `save_to_preset` wrote, or hf://user/repo[@revision].

        Weights that are not here are downloaded on first use, and kept in the Hub's cache.

        Args:
            load_weights: False gives the preset's architecture with new weights, for training.
            charset: other characters than the preset's, in the order of their classes. What the network knows of a
                character stays with it; `about["charset_change"]` and the log say which are new, to be trained.
            dtype: the Keras dtype policy to compute in, as "mixed_bfloat16"; None is the one in force.

        Raises:
            ValueError: no such preset, a preset of another class, or a folder or repository that is none.
            OSError: weights that are not here cannot be downloaded; the message says where to put them by hand.
        """
        with dtype_policy(dtype):
            model = super().from_preset(preset, load_weights)
            return model if charset is None else with_charset(model, charset, load_weights)
