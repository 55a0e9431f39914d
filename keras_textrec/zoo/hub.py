"""Presets of the Hugging Face Hub: hf://user/repo, or hf://user/repo@revision.

What comes from there is a preset folder like any other: a configuration that may name classes of this package only, and
weights in HDF5. Nothing else of a repository is downloaded; nothing in it is run or unpickled.
"""

import contextlib
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import huggingface_hub
from huggingface_hub import errors

from keras_textrec.presets.folder import CONFIG, METADATA, WEIGHTS
from keras_textrec.version import __version__


def is_hub_uri(preset: Any) -> bool:
    """Whether a preset is given as hf://..."""
    return isinstance(preset, str) and preset.startswith("hf://")


def parse_hub_uri(uri: str) -> tuple[str, str | None]:
    """The repository, "user/repo", and the revision (a branch, tag or commit), None if there is none.

    Raises:
        ValueError: anything but hf://user/repo or hf://user/repo@revision.
    """
    match = re.fullmatch(r"hf://([\w.-]+/[\w.-]+)(?:@(\S+))?", uri)
    if not match:
        raise ValueError(f"{uri!r} must be hf://user/repo or hf://user/repo@revision.")
    return match[1], match[2]


def hub_library() -> dict[str, str]:
    """How the calls of this package name it to the Hub."""
    return {"library_name": "keras_textrec", "library_version": __version__}


def download_preset(uri: str, with_weights: bool = True, local_only: bool = False) -> pathlib.Path:
    """The folder in the Hub's cache that holds a preset's files; what is not there, or is older, is downloaded.

    Args:
        with_weights: False leaves the weights out.
        local_only: look into the cache only, as HF_HUB_OFFLINE=1 does.

    Raises:
        ValueError: no such repository or revision, or one that holds no preset.
        OSError: the Hub cannot be reached and the files are not in the cache (FileNotFoundError), or it refuses.
    """
    repository, revision = parse_hub_uri(uri)
    files = [CONFIG, METADATA, *([WEIGHTS] if with_weights else [])]
    with explained(uri):
        folder = huggingface_hub.snapshot_download(
            repository, revision=revision, allow_patterns=files, local_files_only=local_only, **hub_library()
        )
    for name in files:
        if not pathlib.Path(folder, name).is_file():
            raise ValueError(f"{uri} is not a preset: it has no {name}.")
    return pathlib.Path(folder)


@contextlib.contextmanager
def explained(uri: str) -> Iterator[None]:
    """The errors of huggingface_hub, in one sentence and as this package raises them."""
    repository, revision = parse_hub_uri(uri)
    try:
        yield
    except errors.RevisionNotFoundError as error:
        raise ValueError(f"The repository {repository} on the Hub has no revision {revision!r}.") from error
    except errors.RepositoryNotFoundError as error:
        raise ValueError(
            f"The repository {repository} is not on the Hub, or not for you: check its name, or log in (hf auth login)."
        ) from error
    except errors.LocalEntryNotFoundError as error:
        raise FileNotFoundError(
            f"{uri} is not in the cache, and the Hub cannot be asked: {_sentence(error.__cause__ or error)}"
        ) from error
    # `errors.HTTPError` is the base of what huggingface_hub's HTTP client raises, whichever client that is.
    except (errors.HTTPError, OSError) as error:
        raise OSError(f"{uri}: {_sentence(error)}") from error


def _sentence(error: BaseException) -> str:
    return " ".join(str(error).split())
