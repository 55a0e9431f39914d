"""The field's datasets, known by the names of their folders: how many records, compared by which protocol.

Sizes are those of the published releases: deep-text-recognition-benchmark (as counted by MindOCR), PARSeq and OpenOCR
(their test sets), Union14M (its paper) and benchmarking-chinese-text-recognition (its README).
"""

import contextlib
import logging
import os
import re
from pathlib import Path
from typing import NamedTuple

from keras_textrec.data.sources import Source, text_of

logger = logging.getLogger(__name__)


class Benchmark(NamedTuple):
    """A published dataset.

    Attributes:
        name: its folder, with the folder above where the name alone says too little: `evaluation/SVT` is an `SVT`.
        records: how many it has.
        protocol: what of a text is compared, a `protocol` of `keras_textrec.text.comparing.normalize_text`.
    """

    name: str
    records: int
    protocol: str = "alphanumeric"


def _alike(folders: str, protocol: str = "alphanumeric", **records: int) -> list[Benchmark]:
    """Datasets that lie in any of several folders."""
    return [Benchmark(f"{above}/{name}", n, protocol) for above in folders.split() for name, n in records.items()]


BENCHMARKS = (
    # The ten evaluation sets: IC03, IC13 and IC15 in two versions each, of which a paper reports one. IC13_1095 is all
    # of IC13's test set.
    Benchmark("IIIT5k_3000", 3000),
    Benchmark("IIIT5k", 3000),
    Benchmark("SVT", 647),
    Benchmark("IC03_860", 860),
    Benchmark("IC03_867", 867),
    Benchmark("IC13_857", 857),
    Benchmark("IC13_1015", 1015),
    Benchmark("IC13_1095", 1095),
    Benchmark("IC15_1811", 1811),
    Benchmark("IC15_2077", 2077),
    Benchmark("SVTP", 645),
    Benchmark("CUTE80", 288),
    Benchmark("LTB", 3376),  # long words (OpenOCR)
    # Training splits, the usual validation sets; DTRB's is of all four.
    *_alike("val", IIIT5k=2000, SVT=257, IC13=848, IC15=4468),
    Benchmark("IIIT5k_train", 2000),
    Benchmark("SVT_train", 257),
    Benchmark("IC13_train", 848),
    Benchmark("IC15_train", 4468),
    Benchmark("data_lmdb_release/validation", 6992),
    # Synthetic words. SynthText comes as DTRB crops it, and with every box (ABINet, VisionLAN).
    Benchmark("MJ_train", 7224586),
    Benchmark("MJ_valid", 802731),
    Benchmark("MJ_test", 891924),
    *_alike("MJ", train=7224586, val=802731, test=891924),
    Benchmark("ST", 5522808),
    Benchmark("ST", 6976115),
    # Union14M: the benchmark's challenges, and the training set that OpenOCR filtered against them.
    *_alike(
        "u14m Union14M-Benchmarks Union14M-L-Benchmark",
        artistic=900,
        contextless=779,
        curve=2426,
        general=400000,
        incomplete=1495,
        incomplete_ori=1495,
        multi_oriented=1369,
        multi_words=829,
        salient=1585,
    ),
    *_alike(
        "Union14M-L-LMDB-Filtered",
        train_challenging=481803,
        train_easy=2073822,
        train_hard=306771,
        train_medium=144677,
        train_normal=217070,
    ),
    # Chinese text recognition.
    *(
        Benchmark(f"{setting}_{split}", records, "chinese")
        for setting, *sizes in (
            ("scene", 509164, 63645, 63646),
            ("web", 112471, 14059, 14059),
            ("document", 400000, 50000, 50000),
            ("handwriting", 74603, 18651, 23389),
        )
        for split, records in zip(("train", "val", "test"), sizes)
    ),
)


def find_benchmarks(path: str | Path) -> list[Benchmark]:
    """The datasets that a folder is called as; several where one name has several versions."""
    known = []
    for place in (os.path.abspath(path), os.path.realpath(path)):  # a link may say it, or what it leads to
        place = Path(place).as_posix().lower()
        known = known or [benchmark for benchmark in BENCHMARKS if place.endswith("/" + benchmark.name.lower())]
    longest = max((len(benchmark.name) for benchmark in known), default=0)
    return [benchmark for benchmark in known if len(benchmark.name) == longest]


def check_benchmark(path: str | Path, records: int) -> None:
    """Warns of a folder that is called as a known dataset and has another number of records."""
    known = find_benchmarks(path)
    if not known or records in (benchmark.records for benchmark in known):
        return
    words = set(re.split("[_/]", known[0].name))
    alike = [other for other in BENCHMARKS if not words.isdisjoint(re.split("[_/]", other.name))]
    others = [other.name for other in alike if other.records == records]
    if others:
        logger.warning("%s has %s records: this is %s.", path, f"{records:,}", others[0])
    else:
        logger.warning("%s has %s records; %s has %s.", path, f"{records:,}", known[0].name, f"{known[0].records:,}")


def protocol_of(source: Source) -> str | None:
    """By which protocol a source is compared in papers, if it is a known dataset."""
    known = find_benchmarks(source.path) if hasattr(source, "path") else []
    return next((benchmark.protocol for benchmark in known if benchmark.records == len(source)), None)


def label_case(source: Source) -> str | None:
    """The one case, "upper" or "lower", of all letters in a source's labels (of about a thousand); else None.

    Such labels say nothing of the case in the images, so what is read there must be compared with case ignored.
    """
    letters = set()
    for index in range(0, len(source), max(1, len(source) // 1000)):
        with contextlib.suppress(ValueError, OSError):  # an unreadable record; evaluation counts it
            letters.update(char for char in text_of(source, index) if char.lower() != char.upper())
    upper = {char for char in letters if char.isupper()}
    if not letters or upper not in (set(), letters):
        return None
    return "upper" if upper else "lower"
