"""An LMDB of any source: what `keras-textrec create-lmdb` runs."""

import json
import logging
import os
from typing import Any

from rich.console import Console
from rich.progress import Progress

from keras_textrec.data.lmdb_writer import LMDBWriter
from keras_textrec.data.sources import Source, text_of

logger = logging.getLogger(__name__)


def create_lmdb(path: str | os.PathLike, source: Source, resume: bool = False, progress: bool = True) -> int:
    """Copies a source's records into an LMDB; the image files' bytes stay as they are.

    A record that cannot be read is left out and logged. However the writing ends, the LMDB is valid up to its last
    commit; until it is complete it also tells what it was begun from.

    Args:
        path: the LMDB's folder.
        source: what `keras_textrec.data` opens.
        resume: go on where an interrupted writing of the same source ended; a complete LMDB stays as it is.
        progress: show a bar, on the standard error.

    Returns:
        How many records were left out.

    Raises:
        FileExistsError: the folder holds an LMDB, and `resume` is False.
        ValueError: the LMDB to resume was begun from another source.
        OSError: the disk is full.
    """
    state = {**_identity(source), "left_out": 0}
    with LMDBWriter(path, resume) as writer, Progress(console=Console(stderr=True), disable=not progress) as bar:
        if writer.state is not None:
            begun = json.loads(writer.state)
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
                writer.append(*source[position])
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


def _identity(source: Source) -> dict[str, Any]:
    """What tells a source from another when a writing is resumed."""
    try:
        first = text_of(source, 0)
    except (IndexError, ValueError, OSError):
        first = None
    return {"records": len(source), "first": first}
