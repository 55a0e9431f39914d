"""An LMDB of any source: what `keras-textrec create-lmdb` runs."""

import json
import logging
import os
from typing import Any

import cv2

from keras_textrec.data.lmdb_writer import LMDBWriter
from keras_textrec.data.sources import Source, text_of
from keras_textrec.images.load import decode
from keras_textrec.images.size import shrink
from keras_textrec.system.terminal import progress_bar

logger = logging.getLogger(__name__)


def create_lmdb(
    path: str | os.PathLike,
    source: Source,
    resume: bool = False,
    decoded: int | None = None,
    progress: bool = True,
) -> int:
    """Copies a source's records into an LMDB; the image files' bytes stay as they are, or are decoded once and for all.

    A record that cannot be read is left out and logged. However the writing ends, the LMDB is valid up to its last
    commit; until it is complete it also tells what it was begun from.

    Args:
        path: the LMDB's folder.
        source: what `keras_textrec.data` opens.
        resume: go on where an interrupted writing of the same source ended; a complete LMDB stays as it is.
        decoded: store each image decoded, right side up, as a BMP file, its shorter side shrunk to this many pixels if
            it is longer. Reading it then costs next to nothing; networks up to this height lose nothing.
        progress: show a bar, on the standard error.

    Returns:
        How many records were left out.

    Raises:
        FileExistsError: the folder holds an LMDB, and `resume` is False.
        ValueError: the LMDB to resume was begun from another source, or decoded otherwise; `decoded` is below 1.
        OSError: the disk is full.
    """
    if decoded is not None and decoded < 1:
        raise ValueError(f"Decoded images need a height of at least 1 pixel, not {decoded}.")
    state = {**_identity(source), "decoded": decoded, "left_out": 0}
    with LMDBWriter(path, resume) as writer, progress_bar(show=progress) as bar:
        if writer.state is not None:
            try:
                begun = json.loads(writer.state)
            except ValueError as error:
                raise ValueError(
                    f"{path} was begun by another command than create-lmdb; resume it with that."
                ) from error
            if begun["decoded"] != decoded:
                how = f"decoded at a height of {begun['decoded']}" if begun["decoded"] else "as they are, not decoded"
                raise ValueError(f"{path} was begun with its images {how}; resume it so.")
            if {**begun, "left_out": 0} != state:
                raise ValueError(
                    f"{path} was begun from another source, of {begun['records']:,} records; name that one."
                )
            state = begun
        elif len(writer):
            logger.info("%s is complete, with %s records.", path, f"{len(writer):,}")
            return 0
        writer.state = json.dumps(state).encode()
        # Every record so far was either written or left out.
        start = len(writer) + state["left_out"]
        task = bar.add_task("create-lmdb", total=len(source), completed=start)
        for position in range(start, len(source)):
            try:
                image, text = source[position]
                writer.append(_decoded(image, decoded) if decoded else image, text)
            except (ValueError, OSError) as error:
                if writer.failed:
                    raise
                logger.warning("Left out %s: %s", source.key(position), error)
                state["left_out"] += 1
                writer.state = json.dumps(state).encode()
            bar.advance(task)
        writer.state = None
        logger.info("%s holds %s records; %s could not be read.", path, f"{len(writer):,}", f"{state['left_out']:,}")
    return state["left_out"]


def _decoded(data: bytes, height: int) -> bytes:
    """An image file as a BMP file. The shorter side counts, because upright lines may be turned when they are read."""
    image = decode(data)
    image = shrink(image, height / min(image.shape[:2]))
    return cv2.imencode(".bmp", image[..., ::-1])[1].tobytes()


def _identity(source: Source) -> dict[str, Any]:
    """What tells a source from another when a writing is resumed."""
    try:
        first = text_of(source, 0)
    except (IndexError, ValueError, OSError):
        first = None
    return {"records": len(source), "first": first}
