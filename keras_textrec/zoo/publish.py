"""Presets onto the Hugging Face Hub."""

import pathlib
import tempfile
from collections.abc import Sequence
from typing import Any

from huggingface_hub import CommitOperationAdd, HfApi

from keras_textrec.presets.card import make_card
from keras_textrec.presets.description import build, charset_of
from keras_textrec.presets.folder import CONFIG, METADATA, WEIGHTS, describe_folder, load_weights, save_preset
from keras_textrec.reading.exported import load_exported
from keras_textrec.zoo.hub import explained, hub_library, parse_hub_uri
from keras_textrec.zoo.load import describe, load_preset, preset_folder

CARD = "README.md"
MESSAGE = "Upload a preset of keras_textrec"


def upload_preset(
    uri: str,
    folder: str | pathlib.Path,
    *,
    private: bool | None = None,
    message: str = MESSAGE,
    card: str | None = None,
    exports: Sequence[str | pathlib.Path] = (),
) -> str:
    """Uploads a preset folder to the Hub, in one commit; the repository is made if it is not there.

    `from_preset(uri)` and `keras.saving.load_model(uri)` (after `import keras, keras_textrec`) load it from there.

    Args:
        uri: hf://user/repo.
        folder: what `save_to_preset` wrote. The model card README.md goes along if there is one; other files do not.
        private: for a new repository; None is the account's own default.
        message: of the commit.
        card: the model card, instead of the folder's README.md.
        exports: files of `model.export`, .onnx or .tflite, which go along.

    Returns:
        The address of the commit.

    Raises:
        ValueError: a malformed `uri`, a folder that is no preset or cannot be loaded, an exported file that is none or
            of another model, a card that the Hub refuses, or a user who is not logged in. Nothing is uploaded then.
        OSError: the Hub cannot be reached, or refuses.
    """
    repository, revision = parse_hub_uri(uri)
    if revision:
        raise ValueError(f"{uri}: a preset is uploaded to hf://user/repo, without a revision.")
    folder = pathlib.Path(folder)
    # Nobody could use what cannot be loaded here.
    description = describe_folder(folder)
    load_weights(build(description, initialize=False), folder / WEIGHTS)
    files: dict[str, pathlib.Path | bytes] = {name: folder / name for name in (CONFIG, METADATA, WEIGHTS)}
    for file in map(pathlib.Path, exports):
        _check_export(file, description)
        files[file.name] = file
    if card is not None:
        files[CARD] = card.encode()
    elif (folder / CARD).is_file():
        files[CARD] = folder / CARD
    api = HfApi(**hub_library())
    with explained(uri):
        api.create_repo(repository, private=private, exist_ok=True)
        operations = [CommitOperationAdd(name, content) for name, content in files.items()]
        return api.create_commit(repository, operations, commit_message=message).commit_url


def _check_export(file: pathlib.Path, description: dict[str, Any]) -> None:
    if not file.is_file():
        raise FileNotFoundError(f"There is no exported file {file}; the Hub takes FILE.onnx and FILE.tflite.")
    contract = load_exported(file).contract
    charset = tuple(charset_of(description)) if "tokenizer" in description["model"] else ()
    if (contract.model, contract.charset) != (description["model"]["class"], charset):
        raise ValueError(f"{file} is of another {contract.model} than this preset; export this one.")


def publish_preset(
    preset: str,
    uri: str,
    *,
    private: bool | None = None,
    message: str = MESSAGE,
    exports: Sequence[str | pathlib.Path] = (),
) -> str:
    """Uploads a preset, a name or a folder, with its model card, which is made where the folder has none.

    Exported files go along, and a card that is made tells how to run them.

    Returns and raises what `upload_preset` does.
    """
    parse_hub_uri(uri)
    folder, name, card = preset_folder(preset), uri, None
    with tempfile.TemporaryDirectory() as scratch:
        if folder is None:
            folder, name = pathlib.Path(scratch, "preset"), preset
            save_preset(load_preset(preset), folder)
        if not (folder / CARD).is_file():
            card = make_card(describe(preset), name, [pathlib.Path(file).name for file in exports])
        return upload_preset(uri, folder, private=private, message=message, card=card, exports=exports)
