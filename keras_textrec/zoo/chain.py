"""Where the trained weights of a named preset come from when they are not embedded in the package.

In this order: what was converted earlier, in the cache; the preset's repository on the Hub, if its YAML has `hub`; the
publisher's file, `source.url`, which is downloaded, checked and converted here. The cache is the Hub's, one folder for
each preset (`cache_folder`):

    FILE                      the publisher's file, where somebody put it there by hand; it stays
    publisher.json            which file was converted first: its SHA-256 is compared from then on
    converted-XXXXXXXX/       the preset folder made of it
    download/, converting/    what is under way
"""

import datetime
import hashlib
import json
import logging
import os
import pathlib
import shutil
import urllib.parse
from typing import Any

from huggingface_hub import cached_assets_path, constants
from huggingface_hub.utils import WeakFileLock

from keras_textrec.presets.folder import CONFIG, METADATA, WEIGHTS
from keras_textrec.system.whole_files import whole_file
from keras_textrec.zoo.download import download
from keras_textrec.zoo.hub import download_preset

logger = logging.getLogger(__name__)

FORMAT = 2  # to be raised when the converters make something else of the same file
FILES = (CONFIG, METADATA, WEIGHTS)
DIGEST = "sha256"  # the file that holds the SHA-256 of the others


def cache_folder(name: str) -> pathlib.Path:
    """The folder of a preset in the cache ($HF_ASSETS_CACHE, or assets/ in $HF_HOME); it is made if it is not there."""
    return cached_assets_path("keras_textrec", "presets", name)


def trained_preset(name: str, description: dict[str, Any]) -> pathlib.Path:
    """The preset folder of a preset that is described by its YAML, downloaded and converted if need be.

    Raises:
        ValueError: the preset has no trained weights, or a file is not what the publisher's should be.
        OSError: the file cannot be downloaded, or HF_HUB_OFFLINE forbids it (FileNotFoundError); the message says where
            to put it by hand.
    """
    source, hub = description.get("source"), description.get("hub")
    if not source and not hub:
        raise ValueError(f"The preset {name!r} has no trained weights; load_weights=False gives its architecture.")
    home = cache_folder(name)
    if source:
        converted = home / f"converted-{_fingerprint(description)}"
        if _is_sound(converted):
            return converted
    if hub:
        try:
            return _from_hub(hub)
        except (OSError, ValueError) as error:
            if not source:
                raise
            logger.warning("%s Making %s of the publisher's file instead.", error, name)
    with WeakFileLock(home / ".lock"):  # two processes that start together download once
        if not _is_sound(converted):
            _convert(name, source, home, converted)
    return converted


def _from_hub(uri: str) -> pathlib.Path:
    """A preset's weights do not change under its name: what the Hub's cache has is good, and nobody is asked."""
    try:
        return download_preset(uri, local_only=True)
    except (OSError, ValueError):
        return download_preset(uri)


def _convert(name: str, source: dict[str, Any], home: pathlib.Path, converted: pathlib.Path) -> None:
    """Makes the folder `converted` of the publisher's file, the whole of it or nothing."""
    from keras_textrec.converters.convert import convert

    url = source["url"]
    file_name = pathlib.PurePosixPath(urllib.parse.urlsplit(url).path).name
    by_hand, downloaded, scratch = home / file_name, home / "download" / file_name, home / "converting"
    shutil.rmtree(scratch, ignore_errors=True)  # of a process that was killed
    file = by_hand if by_hand.is_file() else downloaded
    if not file.is_file():
        _download(name, url, file, by_hand)
    try:
        digest = _check(file, source, home / "publisher.json")
        logger.info("Converting %s", file)
        convert(file, scratch / "preset", preset=name)
    except ValueError as error:
        if file == downloaded:
            file.unlink()  # or it would be taken for the right one forever
        raise ValueError(f"{file} (from {url}) cannot be used for the preset {name!r}: {error}") from error
    else:
        (scratch / "preset" / DIGEST).write_text(_sha256(*(scratch / "preset" / name for name in FILES)))
        _write_record(home / "publisher.json", url, file, digest)  # first: a process may be killed at any line
        if converted.exists():  # damaged
            shutil.rmtree(converted)
        os.replace(scratch / "preset", converted)
        shutil.rmtree(downloaded.parent, ignore_errors=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _download(name: str, url: str, file: pathlib.Path, by_hand: pathlib.Path) -> None:
    advice = f"download {url} elsewhere and put it at {by_hand}."
    if constants.HF_HUB_OFFLINE:
        raise FileNotFoundError(
            f"The weights of the preset {name!r} are not in the cache, and HF_HUB_OFFLINE forbids to download them: "
            f"unset it, or {advice}"
        )
    file.parent.mkdir(exist_ok=True)
    try:
        download(url, file)
    except OSError as error:
        raise OSError(f"{error} Try again, or {advice}") from error


def _check(file: pathlib.Path, source: dict[str, Any], record: pathlib.Path) -> str:
    """The SHA-256 of the publisher's file, which must be the published one, or that of the first download."""
    digest = _sha256(file)
    published = source.get("sha256") or source.get("sha256_prefix") or ""
    if not digest.startswith(published):
        raise ValueError(f"its SHA-256 is {digest}, and the publisher's {published}.")
    if not published and record.is_file():
        first = _read_record(record)
        if first.get("url") == source["url"] and first["sha256"] != digest:
            raise ValueError(
                f"its SHA-256 is {digest}, and on {first['date']} the file there had {first['sha256']}; "
                f"if you trust the new one, delete {record}."
            )
    return digest


def _read_record(record: pathlib.Path) -> dict[str, Any]:
    """Which file was converted first; nothing if the record is damaged."""
    try:
        first = json.loads(record.read_bytes())
    except ValueError:  # no JSON, or no UTF-8
        first = None
    if not isinstance(first, dict) or not all(isinstance(first.get(key), str) for key in ("url", "sha256", "date")):
        logger.warning("%s is damaged and is made anew; nothing tells whether the publisher's file changed.", record)
        return {}
    return first


def _write_record(record: pathlib.Path, url: str, file: pathlib.Path, digest: str) -> None:
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    content = {"url": url, "sha256": digest, "size": file.stat().st_size, "date": today}
    with whole_file(record) as stream:
        stream.write(json.dumps(content, indent=2).encode())


def _is_sound(folder: pathlib.Path) -> bool:
    """Whether a converted preset is there as it was written."""
    files = [folder / name for name in FILES]
    digest = folder / DIGEST
    return all(file.is_file() for file in [*files, digest]) and digest.read_bytes() == _sha256(*files).encode()


def _sha256(*paths: pathlib.Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


def _fingerprint(description: dict[str, Any]) -> str:
    """Changes with whatever the converted weights depend on, so that a newer package converts anew where it must."""
    source = description["source"]
    content = json.dumps([FORMAT, description["model"], source["url"], source.get("part")], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:8]
