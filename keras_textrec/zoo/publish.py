"""Presets onto the Hugging Face Hub."""

import pathlib
import tempfile

from huggingface_hub import CommitOperationAdd, HfApi

from keras_textrec.presets.card import make_card
from keras_textrec.presets.description import build
from keras_textrec.presets.folder import CONFIG, METADATA, WEIGHTS, describe_folder, load_weights, save_preset
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
) -> str:
    """Uploads a preset folder to the Hub, in one commit; the repository is made if it is not there.

    `from_preset(uri)` and `keras.saving.load_model(uri)` (after `import keras_textrec`) load it from there.

    Args:
        uri: hf://user/repo.
        folder: what `save_to_preset` wrote. The model card README.md goes along if there is one; other files do not.
        private: for a new repository; None is the account's own default.
        message: of the commit.
        card: the model card, instead of the folder's README.md.

    Returns:
        The address of the commit.

    Raises:
        ValueError: a malformed `uri`, a folder that is no preset or cannot be loaded, a card that the Hub refuses, or a
            user who is not logged in. Nothing is uploaded then.
        OSError: the Hub cannot be reached, or refuses.
    """
    repository, revision = parse_hub_uri(uri)
    if revision:
        raise ValueError(f"{uri}: a preset is uploaded to hf://user/repo, without a revision.")
    folder = pathlib.Path(folder)
    # Nobody could use what cannot be loaded here.
    load_weights(build(describe_folder(folder), initialize=False), folder / WEIGHTS)
    files: dict[str, pathlib.Path | bytes] = {name: folder / name for name in (CONFIG, METADATA, WEIGHTS)}
    if card is not None:
        files[CARD] = card.encode()
    elif (folder / CARD).is_file():
        files[CARD] = folder / CARD
    api = HfApi(**hub_library())
    with explained(uri):
        api.create_repo(repository, private=private, exist_ok=True)
        operations = [CommitOperationAdd(name, content) for name, content in files.items()]
        return api.create_commit(repository, operations, commit_message=message).commit_url


def publish_preset(preset: str, uri: str, *, private: bool | None = None, message: str = MESSAGE) -> str:
    """Uploads a preset, a name or a folder, with its model card, which is made where the folder has none.

    Returns and raises what `upload_preset` does.
    """
    parse_hub_uri(uri)
    folder, name, card = preset_folder(preset), uri, None
    with tempfile.TemporaryDirectory() as scratch:
        if folder is None:
            folder, name = pathlib.Path(scratch, "preset"), preset
            save_preset(load_preset(preset), folder)
        if not (folder / CARD).is_file():
            card = make_card(describe(preset), name)
        return upload_preset(uri, folder, private=private, message=message, card=card)
