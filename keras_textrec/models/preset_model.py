"""What recognisers and the detector have in common: a graph for reading, and a life as a preset."""

import contextlib
import functools
import inspect
import json
import os
import pathlib
import threading
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

import keras
import numpy as np

from keras_textrec.data.pipeline import batches_of, loading_of
from keras_textrec.data.sources import Source, source_summary
from keras_textrec.export.formats import OPSET
from keras_textrec.layers.direct import DirectModel
from keras_textrec.presets import save_preset
from keras_textrec.presets.description import dtype_policy, preset_models
from keras_textrec.presets.folder import describe_model
from keras_textrec.presets.history import trained_further
from keras_textrec.system.forks import enter_backend
from keras_textrec.training.data_parallel import DataParallelTraining
from keras_textrec.training.distribution import replica_count
from keras_textrec.training.optimizers import averaged_weights
from keras_textrec.training.recipes import Recipe
from keras_textrec.zoo import load_preset


class ClassPresets:
    """`Cls.presets`: what the package knows by name and `Cls.from_preset` takes; name -> description."""

    def __get__(self, model: Any, cls: type) -> dict[str, dict[str, Any]]:
        return preset_models(cls)


class PresetModel(DataParallelTraining, DirectModel):
    """Base of the models that a preset can name.

    `recipe` and `about` are part of the configuration, so that every way of keeping the model keeps them.
    """

    recipe: Recipe = Recipe()
    # What a preset tells about itself besides the network: description, licence, training data, results.
    about: Mapping[str, Any] = types.MappingProxyType({})
    presets = ClassPresets()
    # The preset whose weights it has, as it was loaded, until it is trained further.
    origin: str | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "about":  # Keras would make dictionaries and lists of its own kinds of it, which YAML refuses
            value = types.MappingProxyType(dict(value))
        super().__setattr__(name, value)

    def __dir__(self) -> Iterable[str]:
        """Without what is made on demand: Keras asks for every attribute named here, and saves what it gets."""
        made = (functools.cached_property, ClassPresets)
        return [name for name in super().__dir__() if not isinstance(inspect.getattr_static(type(self), name, 0), made)]

    def __repr__(self) -> str:
        tokenizer = getattr(self, "tokenizer", None)
        facts = {
            "name": self.name,
            "characters": len(tokenizer.charset) if tokenizer else None,
            "image": self.inputs[0].shape,
            "dtype": self.dtype_policy.name,
            "parameters": f"{self.count_params():,}",
        }
        shown = ", ".join(f"{name}={value}" for name, value in facts.items() if value is not None)
        return f"<{type(self).__name__} {shown}>"

    def fit(self, x: Any = None, *arguments: Any, **options: Any) -> keras.callbacks.History:
        """As `keras.Model.fit`; `about` then tells what the weights were trained on since."""
        with self._noted_if_trained(self.summary_of(x)):
            return self._fit(x, *arguments, **options)

    @contextlib.contextmanager
    def _noted_if_trained(self, data: str) -> Iterator[None]:
        """Notes in `about` what a block trains on, from its beginning; of one that makes no step, nothing."""
        before, steps = (self.about, self.origin), _steps_of(self)
        self.about, self.origin = trained_further(self.about, data, self.origin), None
        try:
            yield
        finally:
            if _steps_of(self) in (steps, None):
                self.about, self.origin = before

    def _fit(self, x: Any, *arguments: Any, **options: Any) -> keras.callbacks.History:
        optimizer = getattr(self, "optimizer", None)  # a model that is not compiled has none
        if keras.backend.backend() == "tensorflow" and optimizer is not None and not optimizer.built:
            # It would trace the training step twice: to make these variables, and to run.
            with self.distribute_strategy.scope():
                optimizer.build(self.trainable_variables)
        if batches_of(x) is not None:
            options.setdefault("shuffle", False)  # they come shuffled, and Keras warns otherwise
            if replica_count(self) > 1:
                # Under TensorFlow's strategies Keras looks at a batch before it trains; a whole pass may be read ahead.
                loading = loading_of(x)
                again = functools.partial(loading.begin_again, loading.epoch)
                begin = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: again())
                options["callbacks"] = [*(options.get("callbacks") or []), begin]
        return super().fit(x, *arguments, **options)

    def summary_of(self, data: Any) -> str:
        """What is told of data that `fit` is given, in a few words."""
        batches = batches_of(data)
        return "Data given to `fit`" if batches is None else source_summary(batches.source)

    def evaluate(self, *arguments: Any, **options: Any) -> Any:
        """As `keras.Model.evaluate`: of the running mean of the weights where the optimizer keeps one; in `fit` too."""
        with averaged_weights(getattr(self, "optimizer", None)):
            try:
                return super().evaluate(*arguments, **options)
            finally:
                if keras.backend.backend() == "jax":
                    self.jax_state_sync()  # which Keras leaves out where a step raises

    def _purge_model_variables(self, **options: Any) -> None:
        """On JAX, Keras would empty the variables before a first step, and they would stay so where that step raises.

        No memory is lost: a step takes over the arrays that they hold.
        """

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        enter_backend()
        return super().__new__(cls, *args, **kwargs)

    @functools.cached_property
    def reader(self) -> keras.Model:
        """The reading graph, network input to probabilities; it shares every weight with the training graph."""
        reader = self.make_reader()
        if not default_jit():
            # Not by compile(): the optimizer that it makes would be kept among this model's weights.
            reader.jit_compile = False
        return reader

    def make_reader(self) -> keras.Model:
        raise NotImplementedError

    def run(self, graph: str, inputs: Any) -> Any:
        """What a reading graph, an attribute by its name, makes of a batch: a NumPy array, or a list of them.

        Threads are served one after the other.

        Raises:
            RuntimeError: this process was forked from one that had a model.
        """
        enter_backend()
        with self.__dict__.setdefault("_running", threading.Lock()):  # the graph, too, is made only once
            return _predict(getattr(self, graph), inputs)

    def remade(self, **changes: Any) -> Self:
        """A new model with other arguments, and this one's weights where it has the same layers; not compiled."""
        with dtype_policy(self.dtype_policy.name):
            other = type(self).from_config({**self.get_config(), **changes})
        for layer in other.layers:
            if layer not in changes.values():
                layer.set_weights(self.get_layer(layer.name).get_weights())
        other.origin = self.origin
        return other

    def get_config(self) -> dict[str, Any]:
        about = json.loads(json.dumps(dict(self.about)))  # tuples as lists, which is how they come back
        return {"name": self.name, "recipe": self.recipe.to_dict(), "about": about}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Self:
        enter_backend()  # before the parts are made
        arguments = {
            key: keras.saving.deserialize_keras_object(value, custom_objects) if isinstance(value, dict) else value
            for key, value in config.items()
            if key not in ("recipe", "about")
        }
        model = cls(**arguments)
        model.recipe = Recipe.from_dict(config.get("recipe", {}))
        model.about = config.get("about", {})
        return model

    @classmethod
    def from_preset(cls, preset: str | pathlib.Path, load_weights: bool = True, dtype: str | None = None) -> Self:
        """The model of a preset: its name, the folder that `save_to_preset` wrote, or hf://user/repo[@revision].

        Weights that are not here are downloaded on first use, and kept in the Hub's cache.

        Args:
            load_weights: False gives the preset's architecture with new weights, for training.
            dtype: the Keras dtype policy to compute in, as "mixed_bfloat16"; None is the one in force.

        Raises:
            ValueError: no such preset, a preset of another class, or a folder or repository that is none.
            OSError: weights that are not here cannot be downloaded; the message says where to put them by hand.
            RuntimeError: this process was forked from one that had a model.
        """
        enter_backend()
        return load_preset(preset, load_weights, dtype, cls)

    def describe(self) -> dict[str, Any]:
        """What a preset tells: `model` (the constructor's arguments), `training` (the recipe), and all of `about`."""
        return describe_model(self)

    def export(
        self,
        path: str | os.PathLike,
        *,
        quantize: str | None = None,
        input: str = "image",
        width: int | None = None,
        opset: int = OPSET,
        calibrate: Source | None = None,
    ) -> dict[str, Any]:
        """Writes a file that needs nothing of this package, once it reads what this model reads.

        Args:
            path: FILE.onnx, FILE.tflite, or a folder for a TensorFlow SavedModel. What is there is replaced.
            quantize: smaller numbers, where the format has them: weights in "float16" or "int8", or arithmetic in int8,
                "int8-full", which needs `calibrate`.
            input: "image", pixels in and characters out; or "core", the network alone.
            width: one canvas width for all images, in pixels; a longer one is squeezed.
            opset: of ONNX.
            calibrate: a source of labelled images like those to be read, of which an int8 file may lose half a point.

        Returns:
            The report, which also lies beside the file, as `PATH.report.json`.

        Raises:
            ValueError: no such format, option or combination of them.
            TypeError: `calibrate` is a path.
            ImportError: what the format needs is not installed.
            OSError: the file cannot be written.
            RuntimeError: the written file does not read as this model does; then there is none.
        """
        from keras_textrec.export.exporting import export  # not needed to read or train

        return export(self, path, quantize=quantize, input=input, width=width, opset=opset, calibrate=calibrate)

    def save_to_preset(self, folder: str | pathlib.Path) -> None:
        """Writes a preset folder: config.json, metadata.json and model.weights.h5 (float32); all of it or nothing.

        The weights are the running mean that a recipe's `ema` keeps, where it does.
        """
        with averaged_weights(getattr(self, "optimizer", None)):
            save_preset(self, folder)


def _steps_of(model: keras.Model) -> int | None:
    """The steps that a model's optimizer has made; None where nobody knows."""
    optimizer = getattr(model, "optimizer", None)  # a model that is not compiled has none
    try:
        return None if optimizer is None else int(keras.ops.convert_to_numpy(optimizer.iterations))
    except RuntimeError:  # on JAX, of a step that broke while it ran, as for want of memory
        return None


def default_jit() -> bool | str:
    """XLA where it pays: TensorFlow without a GPU runs the recognisers faster uncompiled."""
    if keras.backend.backend() != "tensorflow":
        return "auto"
    import tensorflow as tf

    return "auto" if tf.config.list_physical_devices("GPU") else False


def compiles_every_shape() -> bool:
    """Whether the backend compiles a reading graph for each shape of its input: JAX does, and TensorFlow with XLA."""
    return keras.backend.backend() in ("jax", "tensorflow") and bool(default_jit())


def _predict(graph: keras.Model, inputs: Any) -> Any:
    if keras.backend.backend() != "jax":
        return graph.predict_on_batch(inputs)
    # Keras' own step takes the weights' memory and gives it back at its end; who is interrupted in between has no
    # weights any more ("Array has been deleted").
    if not hasattr(graph, "reading_step"):
        import jax

        def step(trainable, others, x):
            return graph.stateless_call(trainable, others, x, training=False)[0]

        graph.reading_step = jax.jit(step)
    weights = [
        [_here(weight) for weight in some] for some in (graph.trainable_variables, graph.non_trainable_variables)
    ]
    return keras.tree.map_structure(np.asarray, graph.reading_step(*weights, inputs))


def _here(weight: keras.Variable) -> Any:
    """A weight for reading, which one device does alone, whatever the others are doing."""
    return weight.value.addressable_data(0) if weight.value.is_fully_replicated else weight.value
