"""Writes rendered words into an LMDB with several processes."""

import contextlib
import functools
import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from keras_textrec.data.lmdb_writer import LMDBWriter
from keras_textrec.synthesis.font import Font
from keras_textrec.synthesis.render import Word, WordRenderer
from keras_textrec.synthesis.words import Words
from keras_textrec.system.terminal import progress_bar
from keras_textrec.system.workers import WorkersFailed

logger = logging.getLogger(__name__)

CHUNK = 200  # images a task


def synthesize(
    directory: str | Path,
    count: int | None = None,
    config: str | Path | Mapping[str, Any] | None = None,
    *,
    fonts: Sequence[Font] | None = None,
    words: Words | None = None,
    processes: int | None = None,
    start: int = 0,
    resume: bool = False,
    boxes: bool = False,
    progress: bool = True,
    **settings: Any,
) -> None:
    """Writes images number `start` to `start + count - 1` into an LMDB below `directory`.

    The LMDB is the same whatever `processes`. Beside it stand `synthesis.yaml`, the whole configuration, and
    `fonts.txt`, the fonts that could be drawn from. However the writing ends, the LMDB is valid up to its last commit;
    without an image there is none.

    Args:
        count: None takes the configuration's.
        processes: None: one for each core. With more than one, the caller's script needs its
            `if __name__ == "__main__":`.
        resume: go on where an interrupted writing ended; a complete LMDB stays as it is.
        boxes: keep the characters' corners too, `Word.boxes` as bytes, little-endian float32, under `boxes-%09d`.
        config, fonts, words, settings: as `WordRenderer` has them.

    Raises:
        FileExistsError: the folder holds an LMDB, and `resume` is False.
        FileNotFoundError: no usable font.
        OSError: the disk is full.
        ValueError: `count` is below 1, or the LMDB to resume was begun otherwise.
        WorkersFailed: processes do not start, or are killed again and again.
    """
    renderer = WordRenderer(fonts, words, config, **settings)
    count = renderer.config.count if count is None else count
    if count < 1:
        raise ValueError(f"count is {count}; ask for at least one image.")
    identity = _identity(renderer, start, boxes).encode()
    # Processes first: in a script without its guard, they are told apart from the script before anything is written.
    with (
        _rendering(renderer, count, processes) as render,
        LMDBWriter(directory, resume) as writer,
        progress_bar(show=progress) as bar,
    ):
        if len(writer) and writer.state is None:
            logger.info("%s is complete, with %s images.", directory, f"{len(writer):,}")
            return
        if len(writer) and writer.state != identity:
            raise ValueError(
                f"{directory} was begun with another configuration, fonts, words or --boxes; resume with those."
            )
        writer.state = identity
        task = bar.add_task("synthesize", total=count, completed=len(writer))
        indices = range(start + len(writer), start + count)
        chunks = [indices[at : at + CHUNK] for at in range(0, len(indices), CHUNK)]
        try:
            for number, rendered in enumerate(render(chunks)):
                if number == 0:
                    _describe(Path(directory), renderer)
                for word in rendered:
                    others = {"boxes": word.boxes.astype("<f4").tobytes()} if boxes else {}
                    writer.append(word.image, word.text, **others)
                bar.advance(task, len(rendered))
        except WorkersFailed as error:
            kept = f" {directory} is valid and keeps its {len(writer):,} images; resume to go on." if writer else ""
            raise WorkersFailed(f"{error}{kept}") from error
        writer.state = None
        logger.info("%s holds %s images.", directory, f"{len(writer):,}")


@contextlib.contextmanager
def _rendering(
    renderer: WordRenderer, count: int, processes: int | None
) -> Iterator[Callable[[list[range]], Iterable[list[Word]]]]:
    """What renders one task after the other: processes, unless they are not worth it."""
    if processes == 1 or count <= CHUNK:
        yield functools.partial(map, renderer.render_jpegs)
        return
    with contextlib.closing(renderer.workers(processes)) as workers:
        yield workers.in_order


def _identity(renderer: WordRenderer, start: int, boxes: bool) -> str:
    """What record follows a record depends on."""
    values = {key: value for key, value in renderer.values.items() if key != "count"}
    fonts = [(font.path, "".join(sorted(font.characters))) for font in renderer.fonts.fonts]
    described = json.dumps([values, start, fonts, renderer.texts.digest(), *(["boxes"] if boxes else [])])
    return hashlib.sha256(described.encode()).hexdigest()


def _describe(directory: Path, renderer: WordRenderer) -> None:
    text = yaml.safe_dump(renderer.values, sort_keys=False, allow_unicode=True, default_flow_style=None, width=120)
    (directory / "synthesis.yaml").write_text(text, "utf-8")
    fonts = "".join(f"{font.family}\t{font.path}\n" for font in renderer.fonts.fonts)
    (directory / "fonts.txt").write_text(fonts, "utf-8")
