"""Writes rendered words into an LMDB with several processes."""

import multiprocessing
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2
from rich.progress import Progress

from keras_textrec.synthesis.fonts import Font
from keras_textrec.synthesis.render import WordRenderer

_CHUNK = 200  # images a task

_renderer: WordRenderer | None = None  # of a worker process


def synthesize(
    directory: str | Path,
    count: int,
    seed: int = 0,
    charset: Iterable[str] | None = None,
    fonts: Sequence[Font] | None = None,
    words: Sequence[str] | None = None,
    processes: int | None = None,
    start: int = 0,
    difficulty: float = 1.0,
    progress: bool = True,
) -> None:
    """Writes images number `start` to `start + count - 1` into an LMDB below `directory`.

    The file is the same whatever `processes` (None: all cores). With more than one, the caller's script needs its
    `if __name__ == "__main__":`, as workers are spawned. The other arguments are `WordRenderer`'s.

    Raises:
        ValueError: `count` is below 1.
        FileNotFoundError: no usable font.
    """
    from keras_textrec.data.lmdb_writer import LMDBWriter

    if count < 1:
        raise ValueError(f"count is {count}; ask for at least one image.")
    renderer = WordRenderer(fonts, words, charset, seed, difficulty)
    indices = range(start, start + count)
    chunks = [indices[at : at + _CHUNK] for at in range(0, count, _CHUNK)]
    with LMDBWriter(directory) as writer, Progress(disable=not progress) as bar:
        task = bar.add_task("synthesize", total=count)
        for rendered in _render_chunks(renderer, chunks, processes or os.cpu_count() or 1):
            for image, text in rendered:
                writer.append(image, text)
            bar.advance(task, len(rendered))


def _render_chunks(renderer: WordRenderer, chunks: list[range], processes: int) -> Iterator[list[tuple[bytes, str]]]:
    """The chunks' images in their order."""
    if processes == 1 or len(chunks) == 1:
        for chunk in chunks:
            yield [renderer.render_jpeg(index) for index in chunk]
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(processes, len(chunks)), _start_worker, (renderer,)) as pool:
        yield from pool.imap(_render_chunk, chunks)


def _start_worker(renderer: WordRenderer) -> None:
    global _renderer
    _renderer = renderer
    cv2.setNumThreads(1)


def _render_chunk(chunk: range) -> list[tuple[bytes, str]]:
    return [_renderer.render_jpeg(index) for index in chunk]
