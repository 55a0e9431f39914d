"""Labelled images without those that nothing can be learnt from: `inspect-data --fix`."""

import os

import numpy as np

from keras_textrec.data.create import create_lmdb
from keras_textrec.data.mixing import Subset
from keras_textrec.doctor.checks import Diagnosis, unteachable
from keras_textrec.doctor.duplicates import equal_groups
from keras_textrec.doctor.scan import REASONS
from keras_textrec.text.faults import FAULTS, SCRIPTS, mended


def write_clean(path: str | os.PathLike, diagnosis: Diagnosis, progress: bool = True) -> dict[str, int]:
    """Copies the training set's good records into a new LMDB, their texts mended; the sources stay as they are.

    Left out are records that cannot be read, have an empty text or, where a model or a charset was given, one that it
    cannot learn; images that are blank or too small to show text; images that the test set has too; images with
    different texts, all copies; of exact duplicates all but the first. What only looks wrong (near duplicates, turned,
    huge and suspicious ones) is for people to judge: `left_in` counts it.

    Returns:
        "kept"; "mended", how many of them had invisible characters, unusual spaces or another normal form (`mended`);
        and how many were left out for which reason, each counted once.

    Raises:
        FileExistsError: the folder holds an LMDB.
        ValueError: no record is left.
        OSError: the disk is full.
    """
    scan, train = diagnosis.scan, diagnosis.train
    kept = np.arange(train)
    counts = {}

    def leave_out(reason: str, bad: np.ndarray) -> None:
        """`bad`: bool, for each that is still kept."""
        nonlocal kept
        counts[reason] = int(np.count_nonzero(bad))
        kept = kept[~bad]

    leave_out("unreadable", (scan.width[kept] == 0) | (scan.characters[kept] < 0))
    leave_out("empty", scan.reason[kept] == REASONS.index("empty"))
    leave_out("outside the charset", scan.outside[kept])
    for reason in ("too long", "infeasible"):
        leave_out(reason, scan.reason[kept] == REASONS.index(reason))
    for name in ("blank", "tiny"):
        leave_out(name, unteachable(scan, name)[kept])
    in_test = np.unique(scan.image_hash[train:][scan.width[train:] > 0])
    leave_out("in the test set", np.isin(scan.image_hash[kept], in_test))
    groups = equal_groups(scan.image_hash[kept], kept)
    leave_out("contradictory", np.isin(kept, groups.select(groups.differ(scan.text_hash)).members))
    _, first = np.unique(scan.image_hash[kept], return_index=True)
    leave_out("duplicates", ~np.isin(np.arange(len(kept)), first))
    if not len(kept):
        raise ValueError(
            f"No record is left for {path}: {', '.join(f'{n:,} {reason}' for reason, n in counts.items() if n)}."
        )
    changed = scan.faults[kept] & ~np.uint8(1 << FAULTS.index(SCRIPTS)) > 0
    lost = create_lmdb(path, Mended(diagnosis.source, kept), progress=progress)
    count = int(np.count_nonzero(changed))
    return {"kept": len(kept) - lost, "mended": count, **counts, "unreadable": counts["unreadable"] + lost}


class Mended(Subset):
    """Some of a source's records, with their texts mended."""

    def __getitem__(self, index: int) -> tuple[bytes, str]:
        image, text = super().__getitem__(index)
        return image, mended(text)

    def text(self, index: int) -> str:
        return mended(super().text(index))


def left_in(diagnosis: Diagnosis) -> dict[str, int]:
    """What `write_clean` leaves to people: how many of the training set's records have which finding."""
    to_judge = (
        SCRIPTS,
        "huge",
        "narrow for its text",
        "turned",
        "two lines",
        "too wide",
        "suspicious",
        "nearly in train and test",
        "near duplicates",
    )
    found = {f.name: int(np.count_nonzero(f.positions < diagnosis.train)) for f in diagnosis.findings}
    return {name: found[name] for name in to_judge if found.get(name)}
