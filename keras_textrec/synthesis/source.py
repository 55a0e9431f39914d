"""Rendered words as a source: training reads images that nothing has stored."""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from itertools import islice
from pathlib import Path
from typing import Any

from keras_textrec.data.sources import check_index
from keras_textrec.synthesis.render import WordRenderer
from keras_textrec.system.workers import Workers

_TASK = 32  # images a task
_KEPT = 100_000  # images in memory, of 3.5 KB: they may be wanted twice, first for their size


class RenderedSource:
    """The images of a configuration, each rendered when it is read. Arguments: as `WordRenderer` has them.

    Args:
        processes: how many render ahead, once `prefetch` is called; None: one for each core.
    """

    def __init__(
        self, config: str | Path | Mapping[str, Any] | None = None, processes: int | None = None, **arguments: Any
    ):
        self.path = str(config) if isinstance(config, str | Path) else "rendered words"
        self.renderer = WordRenderer(config=config, **arguments)
        self.processes = processes
        self._open()

    def __repr__(self) -> str:
        return f"RenderedSource({len(self):,} images, {self.path})"

    def __len__(self) -> int:
        return self.renderer.config.count

    def __getitem__(self, index: int) -> tuple[bytes, str]:
        index = self._check(index)
        future, place = self._kept.get(index, (None, 0))
        word = future.result()[place] if future else self.renderer.render_jpeg(index)
        return word.image, word.text

    def text(self, index: int) -> str:
        return self.renderer.text(self._check(index))

    def key(self, index: int) -> str:
        return f"{self.path}: image {self._check(index)}"

    def prefetch(self, indices: Sequence[int]) -> None:
        """Has these images rendered by worker processes and kept for a while; `source[index]` waits for them."""
        with self._lock:
            if self._workers is None:
                self._workers = self.renderer.workers(self.processes)
            indices = [index for index in map(int, indices) if index not in self._kept]
            for at in range(0, len(indices), _TASK):
                task = indices[at : at + _TASK]
                future = self._workers.submit(task)
                self._kept.update({index: (future, place) for place, index in enumerate(task)})
            for index in list(islice(self._kept, max(0, len(self._kept) - _KEPT))):
                del self._kept[index]

    def __getstate__(self) -> dict:
        return {key: value for key, value in self.__dict__.items() if key not in ("_workers", "_kept", "_lock")}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._open()

    def _open(self) -> None:
        self._workers: Workers | None = None
        self._kept: dict[int, tuple[Future, int]] = {}
        self._lock = threading.Lock()

    def _check(self, index: int) -> int:
        return check_index(index, len(self))
