"""A published checkpoint -> a preset folder."""

import hashlib
import logging
import pathlib
import re
from typing import Any

import keras
import numpy as np

from keras_textrec.converters import mindocr, openocr
from keras_textrec.converters.archives import Tar, is_archive
from keras_textrec.converters.checkpoint import Checkpoint, read_checkpoint
from keras_textrec.converters.configs import describe_config
from keras_textrec.converters.paddle import load_paddle_weights
from keras_textrec.converters.paddle_inference import SUFFIXES
from keras_textrec.converters.paddle_names import structured_names
from keras_textrec.presets import build, describe_name, save_preset
from keras_textrec.presets.description import charset_of
from keras_textrec.presets.folder import check_replaceable
from keras_textrec.presets.history import ABOUT_WEIGHTS, without

logger = logging.getLogger(__name__)

CONFIG = "config.yml"  # what PaddleOCR keeps beside its checkpoints
# The decoder that helps to train SVTRv2 and RepSVTR, and that reading does without.
GUIDE = re.compile(r"head\.(gtc_head|before_gtc)\..*")
# The bias of a recogniser's last layer: it has one number for each class.
CLASSES = (
    "head.fc.bias",
    "head.ctc_head.fc.bias",
    "decoder.fc.bias",
    "head.generator.bias",
    "head.decoder.prediction.bias",
)
# What PyTorch's data-parallel training and its compiler put before the name of every tensor.
WRAPPERS = {"module", "_orig_mod"}


def convert(
    checkpoint_path: str | pathlib.Path,
    folder: str | pathlib.Path,
    *,
    preset: str | None = None,
    config: str | pathlib.Path | None = None,
    charset: str | pathlib.Path | None = None,
    guided: bool = False,
) -> keras.Model:
    """Makes a preset folder of a published checkpoint, the whole of it or nothing.

    What network it is of is said by a preset or by the publisher's configuration; without either, by the `config.yml`
    beside the checkpoint or in its archive. `about["source"]["sha256"]` of the result is that of the file.

    Args:
        checkpoint_path: what `read_checkpoint` reads.
        folder: the preset folder; one that is there is replaced.
        preset: the name of a preset.
        config: a configuration of PaddleOCR, MindOCR or OpenOCR.
        charset: a list of characters, one a line, instead of the preset's or the configuration's.
        guided: keep the guide of SVTRv2 or RepSVTR, which does not read: for a teacher, or to train on.

    Returns:
        The model.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is damaged or of an unknown kind, the network is one that this package does not have, or
            tensors are missing, left over, misshapen or not finite, all of them listed.
    """
    path = pathlib.Path(checkpoint_path)
    if preset and config:
        raise ValueError("Give a preset or a configuration, not both: each says what network the checkpoint is of.")
    check_replaceable(folder)
    checkpoint = read_checkpoint(path)
    description = _describe(path, preset, config and pathlib.Path(config), charset and pathlib.Path(charset))
    if guided:
        if description["model"]["class"] not in ("SVTRv2", "RepSVTR"):
            raise ValueError(f"A {description['model']['class']} has no guide; SVTRv2 and RepSVTR have.")
        description["model"]["guided"] = True
    if checkpoint.framework == "torch":  # no preset is of OpenOCR's weights, though some are of its networks
        description = without(description, (*ABOUT_WEIGHTS, "trained_on"))
        description["source"] = {"publisher": "OpenOCR"}
    source = description.get("source", {})
    checkpoint = _one_network(checkpoint, source.get("part", "Student"))
    if checkpoint.framework != "mindspore" and "tokenizer" in description["model"]:
        _settle_space(description, checkpoint, told=not preset)
    model = build(description, initialize=False)
    load_published(model, checkpoint)
    model.about = {**model.about, "source": {**source, "sha256": _sha256(path)}}
    save_preset(model, folder)
    return model


def load_published(model: keras.Model, checkpoint: Checkpoint) -> None:
    """Sets every variable of `model` from a checkpoint of the same network, whoever published it.

    A network without a guide leaves out the guide's tensors; nothing else may be left over.

    Raises:
        ValueError: tensors missing, left over, of another shape or not finite, all of them listed; the model is left as
            it was.
    """
    tensors = checkpoint.tensors
    if checkpoint.framework == "mindspore":
        tensors = mindocr.to_paddle(tensors, model)
    elif checkpoint.framework == "torch":
        tensors = openocr.to_paddle(tensors, model)
    elif not checkpoint.names_known:
        tensors = structured_names(model, tensors)
    if getattr(model, "guided", None) is False and (guide := [name for name in tensors if GUIDE.fullmatch(name)]):
        logger.info("%d tensors are of the guide, which %s has not; they are left out.", len(guide), model.name)
        tensors = {name: array for name, array in tensors.items() if name not in guide}
    load_paddle_weights(model, tensors)


def _describe(
    path: pathlib.Path, preset: str | None, config: pathlib.Path | None, charset: pathlib.Path | None
) -> dict[str, Any]:
    if charset and not charset.is_file():
        raise FileNotFoundError(f"There is no charset file {str(charset)!r}.")
    if not preset:
        content, where = (config.read_bytes(), config) if config else _config_beside(path)
        return describe_config(content, where, charset)
    description = describe_name(preset)
    # Of the published weights, which these need not be.
    for key in ("results", "results_note", "results_source", "calibration"):
        description.pop(key, None)
    if charset and "tokenizer" in description["model"]:
        description["model"]["tokenizer"]["charset"] = {"file": str(charset)}
    return description


def _config_beside(path: pathlib.Path) -> tuple[bytes, pathlib.Path]:
    """The configuration in the archive `path`, in that folder, or beside that file; and its place."""
    if path.is_file():
        with path.open("rb") as file:
            if is_archive(file.read(512)):
                archive = Tar(file)
                names = [name for name in archive.names if pathlib.PurePosixPath(name).name == CONFIG]
                if len(names) == 1:
                    return archive.read(names[0]), path / names[0]
    beside = (path if path.is_dir() else path.parent) / CONFIG
    if beside.is_file():
        return beside.read_bytes(), beside
    raise ValueError(
        f"Nothing says what network {path} is of: there is no {CONFIG} with it. Give a preset (`keras-textrec presets` "
        "lists them) or the publisher's configuration."
    )


def _one_network(checkpoint: Checkpoint, part: str) -> Checkpoint:
    """The network of a checkpoint without what training put around it; of networks trained together, `part`.

    An inference model holds that one alone, without the prefix.
    """
    while True:
        starts = {name.partition(".")[0] for name in checkpoint.tensors}
        if len(starts) == 1 and starts <= WRAPPERS:
            (start,) = starts
        elif starts & {"Student", "Teacher", part}:
            start = part
        else:
            return checkpoint
        logger.info("The tensors below %r are taken.", start)
        checkpoint = checkpoint.part(start)


def _settle_space(description: dict[str, Any], checkpoint: Checkpoint, told: bool) -> None:
    """Makes the charset of a description the entries of the network's classes, with or without a space at their end.

    PaddleOCR and OpenOCR add the space to a list, even to one that holds it (`use_space_char`): labels are then encoded
    to the added one. What a configuration tells of that is believed, but for one thing: some published networks of
    lists that hold a space, such as the French one, lack the second. A preset tells nothing of a checkpoint; there the
    number of classes decides.

    Args:
        description: changed in place.
        told: the description is of the publisher's configuration, not of a preset.
    """
    tokenizer = description["model"]["tokenizer"]
    space = tokenizer["charset"].pop("space", None) if told else None
    characters = list(charset_of(description))
    bias = next((checkpoint.tensors[name] for name in CLASSES if name in checkpoint.tensors), None)
    special = 1 if tokenizer["class"] == "CTCTokenizer" else 2  # the blank; or the start and the end
    wanted = len(characters) if bias is None else np.size(bias) - special
    if space and wanted == len(characters) and bias is not None and " " in characters:
        logger.warning("The network has no class for the second space that use_space_char adds to its list.")
    elif space:
        characters.append(" ")
    elif space is None and wanted == len(characters) + 1:
        logger.warning("The network has one class more than its charset has entries; it is taken for the space.")
        characters.append(" ")
    elif space is None and wanted == len(characters) - 1 and characters[-1] == " ":
        logger.warning("The network has one class fewer than its charset has entries; it is taken to lack the space.")
        characters.pop()
    if bias is not None and wanted != len(characters):
        logger.warning(
            "The network has %d classes for characters, and its charset has %d entries. A line of a list is a class, "
            "an empty one too: give the list that the network was trained with (--charset).",
            wanted,
            len(characters),
        )
    tokenizer["charset"] = characters


def _sha256(path: pathlib.Path) -> str:
    """Of the file; of a folder or an inference model, of the file with the weights."""
    if path.is_dir():
        endings = ("best_accuracy.pdparams", "*.pdparams", "*.pdiparams")
        path = next(file for ending in endings for file in path.glob(ending))
    for suffix in SUFFIXES.values():
        if path.name.endswith(suffix):
            path = path.with_name(path.name.removesuffix(suffix) + SUFFIXES[".weights"])
            break
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
