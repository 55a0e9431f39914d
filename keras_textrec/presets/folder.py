"""A preset as a folder: config.json, metadata.json and model.weights.h5, as `keras.saving.load_model` reads them.

There is no pickle and no code in it: the configuration may name classes of this package only. The recipe and what the
preset tells about itself stand there too. metadata.json says when and by what the folder was written; of older folders,
`recipe` and `about` are read there, for their configurations have none.
"""

import contextlib
import datetime
import errno
import json
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

import h5py
import keras

from keras_textrec.system.whole_files import take_place
from keras_textrec.version import __version__

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"

_ROOM = 1 << 20  # bytes, beside those of the weights, that are to be free on a disk before a preset is written


def save_preset(model: keras.Model, folder: str | pathlib.Path) -> None:
    """Writes `model` as a preset folder, the whole of it or nothing.

    An older preset there is replaced; other files beside it, such as a model card, stay.

    Raises:
        OSError: the disk is full; what was there stays.
        ValueError: `folder` exists and is no preset, or the model has parts that are not of this package.
    """
    config = keras.saving.serialize_keras_object(model)
    _describe_own(config, model)
    config.pop("compile_config", None)  # the optimizer belongs to the training, not to the trained
    metadata = {
        "keras_version": keras.__version__,
        "keras_textrec_version": __version__,
        "date_saved": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d@%H:%M:%S"),
        "parameter_count": model.count_params(),
    }
    with _replacing(pathlib.Path(folder)) as new:
        if shutil.disk_usage(new).free < 4 * model.count_params() + _ROOM:
            # HDF5 would end in a page of errors that nobody can catch.
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
        (new / CONFIG).write_text(json.dumps(config, indent=2, ensure_ascii=False), encoding="utf-8")
        (new / METADATA).write_text(json.dumps(metadata, indent=2, ensure_ascii=False), encoding="utf-8")
        # Keras would keep the optimizer's state among the weights, at three times the size.
        optimizer, model.optimizer = getattr(model, "optimizer", None), None
        try:
            model.save_weights(new / WEIGHTS)
        finally:
            model.optimizer = optimizer


def check_replaceable(folder: str | pathlib.Path) -> None:
    """Makes sure, before the work is done, that a preset may be written to `folder`.

    Raises:
        ValueError: `folder` exists and is no preset.
    """
    folder = pathlib.Path(folder)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        try:
            describe_folder(folder)
        except ValueError as error:
            raise ValueError(f"{folder} exists and is not a preset; nothing was written. Give another.") from error


def describe_folder(folder: pathlib.Path) -> dict[str, Any]:
    """The description (see `presets.description`) of the preset in a folder.

    Raises:
        ValueError: a file is missing or is not what it should be.
    """
    metadata = _read_json(folder / METADATA)
    older = {key: metadata[key] for key in ("recipe", "about") if key in metadata}
    return _describe_config(_read_json(folder / CONFIG), older, folder / CONFIG)


def describe_model(model: keras.Model) -> dict[str, Any]:
    """The description of a model as it stands: what `describe_folder` gives once it is saved.

    Raises:
        ValueError: it has parts that are not of this package, such as a backbone of one's own.
    """
    return _describe_own(keras.saving.serialize_keras_object(model), model)


def _describe_own(config: dict[str, Any], model: keras.Model) -> dict[str, Any]:
    """The description of a model by its configuration, as `describe_model` gives and refuses it."""
    try:
        return _describe_config(json.loads(json.dumps(config)), {}, model.name)
    except ValueError as error:
        raise ValueError(
            f"A preset has parts of keras_textrec alone, and this {type(model).__name__} has others, such as a "
            "backbone of your own; keep it by save('FILE.keras')."
        ) from error


def _describe_config(config: dict[str, Any], older: dict[str, Any], where: pathlib.Path | str) -> dict[str, Any]:
    """A configuration's description; `older`: recipe and about for one that has none."""
    model = _describe_object(config, where, leave=("recipe", "about"))
    recipe, about = ({**older, **config["config"]}.get(key, {}) for key in ("recipe", "about"))
    if not isinstance(about, dict) or not isinstance(recipe, dict):
        raise ValueError(f"{where} is not a preset's: 'about' and 'recipe' must be JSON objects.")
    return {**about, "model": model, "training": recipe}


def load_weights(model: keras.Model, path: pathlib.Path) -> None:
    """Keras' `load_weights` with one kind of error.

    Raises:
        ValueError: the file is missing, damaged, or holds another network's weights.
    """
    if not path.is_file():
        raise ValueError(f"The preset {path.parent} has no {path.name}; copy the whole folder again.")
    try:
        count = _count_weights(path)
    except (OSError, KeyError) as error:
        raise ValueError(f"{path} is damaged, or is no weight file of Keras: {error}.") from error
    name, wanted = type(model).__name__, model.count_params()
    if count != wanted:  # Keras would not mind weights that the model has no layer for
        raise ValueError(f"{path} is of another network: it holds {count:,} weights, and this {name} has {wanted:,}.")
    try:
        model.load_weights(path)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{path} does not hold the weights of this {name}: {reason}") from error


def _count_weights(path: pathlib.Path) -> int:
    sizes = []
    with h5py.File(path) as file:
        file["layers"].visititems(lambda _, item: sizes.append(getattr(item, "size", 0)))
    return sum(sizes)


def _read_json(path: pathlib.Path) -> dict[str, Any]:
    if not path.is_file():
        best = path.parent / "best"  # of a training's folder
        hint = f" Give {best}." if best.is_dir() else ""
        raise ValueError(f"{path.parent} is not a preset: it has no {path.name}.{hint}")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not a preset's {path.name}: {error}.") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} is not a preset's {path.name}: it holds no JSON object.")
    return content


def _describe_object(config: Any, where: pathlib.Path | str, leave: Sequence[str] = ()) -> dict[str, Any]:
    """Keras' form of an object, {class_name, registered_name, config}, as a description's; only our classes pass.

    Args:
        leave: what is left out of its configuration.
    """
    known = isinstance(config, dict) and isinstance(config.get("config"), dict)
    if not known or config.get("registered_name") != f"keras_textrec>{config.get('class_name')}":
        name = config.get("class_name") if isinstance(config, dict) else config
        raise ValueError(f"{where} is not a preset of keras_textrec: it names {name!r}.")
    arguments = {
        key: _describe_object(value, where) if isinstance(value, dict) else value
        for key, value in config["config"].items()
        if key not in leave
    }
    return {"class": config["class_name"], **arguments}


@contextlib.contextmanager
def _replacing(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """A new folder that takes the place of `folder` when the block ends well, and is gone when it does not."""
    check_replaceable(folder)
    folder = folder.resolve()  # what a link leads to is replaced, and "." has a folder above it
    inside = sorted(folder.iterdir()) if folder.is_dir() else []
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        new = pathlib.Path(scratch, "new")
        new.mkdir()
        yield new
        for path in inside:
            if path.name not in (CONFIG, METADATA, WEIGHTS):
                (shutil.copytree if path.is_dir() else shutil.copy2)(path, new / path.name)
        take_place(new, folder, pathlib.Path(scratch, "old"))
