"""What is wrong with labelled images: every finding is a list of positions."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from rich.progress import Progress

from keras_textrec.data.sources import ConcatSource, Source, text_of
from keras_textrec.doctor.duplicates import Groups, equal_groups
from keras_textrec.doctor.pictures import near_duplicates
from keras_textrec.doctor.scan import REASONS, Scan
from keras_textrec.doctor.suspects import SURE, Suspects, find_suspects
from keras_textrec.images.load import decode
from keras_textrec.system.terminal import progress_bar
from keras_textrec.text.charset import Charset
from keras_textrec.text.ctc_tokenizer import CTCTokenizer
from keras_textrec.text.faults import FAULTS, INVISIBLE, NORMAL_FORM, SCRIPTS, SPACES, text_faults

BLANK = 8  # grey levels between the darkest and the brightest value of an image, at most
TINY = 6  # pixels of the shorter side, less than which show no letter
HUGE = 4096  # pixels of the longer side, more than which are no word's
# Width a character, in heights, and characters: a line of so many is not so narrow unless it is turned, slanted or two
# lines. So are 8 % of IC15_train, where words are slanted, and 0.1 % of IIIT5k_train.
NARROW, SEVERAL = 0.2, 3


@dataclasses.dataclass(frozen=True)
class Finding:
    """Records that share a fault.

    Attributes:
        name, meaning: in a few words, and in a sentence.
        positions: int64 (K,), the records.
        groups: int64 (K,), which of them belong together; None where each stands alone.
        note: what to say of the k-th of them.
    """

    name: str
    meaning: str
    positions: np.ndarray
    groups: np.ndarray | None = None
    note: Callable[[int], str] = lambda k: ""

    def __len__(self) -> int:
        return len(self.positions)


class Diagnosis:
    """What `inspect` found.

    Attributes:
        source: all records, those of the test set last; train: how many come before these.
        scan: numbers of every record.
        findings: what is wrong; empty when all is well.
    """

    def __init__(self, source: Source, train: int, scan: Scan, findings: list[Finding]):
        self.source = source
        self.train = train
        self.scan = scan
        self.findings = findings

    def examples(self, finding: Finding, limit: int) -> Iterator[dict[str, Any]]:
        """Up to `limit` of a finding's records: "position" and "key", "text" (None if it cannot be read), "note", and
        "group" where several belong together."""
        for k, position in enumerate(finding.positions[:limit].tolist()):
            row = {"position": position, "key": self.source.key(position), "text": None, "note": finding.note(k)}
            with contextlib.suppress(ValueError, OSError):
                row["text"] = text_of(self.source, position)
            if finding.groups is not None:
                row["group"] = int(finding.groups[k])
            yield row


def inspect(
    source: Source,
    test: Source | None = None,
    model=None,
    charset: Charset | None = None,
    reading: bool = True,
    progress: bool = True,
) -> Diagnosis:
    """Looks at every record of labelled images, and says what is wrong.

    Args:
        source: the records, of a training set as a rule.
        test: records that must not be among them.
        model: a `TextRecognizer` that is to be trained on them: its tokenizer and its time steps say which texts it can
            learn, and what it reads is compared with them.
        charset: the characters that texts may have, where there is no model.
        reading: whether the model, if there is one, reads the images; False needs no weights.
        progress: show bars, on the standard error.

    Raises:
        ValueError: there are no records.
    """
    records = source if test is None else ConcatSource([source, test])
    if not len(records):
        raise ValueError("There is nothing to inspect: the source has no records.")
    tokenizer, length, steps = None, None, None
    policy = None if model is None else model.tokenizer.unknown
    if model is not None:
        tokenizer, (length, steps) = model.tokenizer, model.label_limits()
    elif charset is not None:
        tokenizer = CTCTokenizer(charset, unknown="drop")
    with progress_bar(show=progress) as bar:
        scan = Scan(records, tokenizer, length, steps, bar)
        findings = [*_labels(scan, records, length, steps, policy), *_texts(scan, records), *_images(scan)]
        findings += _duplicates(scan, records, len(source), bar)
        if model is not None and reading:
            findings += _readings(find_suspects(model, records, np.flatnonzero(usable(scan)), bar))
        else:
            findings.append(_narrow(scan))
    return Diagnosis(records, len(source), scan, [finding for finding in findings if len(finding)])


def unteachable(scan: Scan, name: str) -> np.ndarray:
    """bool (N,): the image can be read, and is "blank" or "tiny"."""
    bad = scan.span <= BLANK if name == "blank" else np.minimum(scan.width, scan.height) < TINY
    return bad & (scan.width > 0)


def usable(scan: Scan) -> np.ndarray:
    """bool (N,): image and text can be read, and a network can be trained on them."""
    return (scan.width > 0) & (scan.characters >= 0) & (scan.reason == 0) & ~scan.outside


def _labels(scan: Scan, source: Source, length: int | None, steps: int | None, policy: str | None) -> Iterator[Finding]:
    unreadable = np.flatnonzero((scan.width == 0) | (scan.characters < 0))
    yield Finding(
        "unreadable",
        "The image or the text cannot be read.",
        unreadable,
        note=lambda k: _why_unreadable(source, int(unreadable[k])),
    )
    meanings = {
        "empty": "The text is empty, or nothing but spaces.",
        "too long": f"The text has more characters than the {length} that the preset is trained on (max_length).",
        "infeasible": f"The text needs more than the network's {steps} time steps: one for each character, and, for "
        "CTC, one between equal neighbours.",
    }
    for reason, meaning in meanings.items():
        yield Finding(reason, meaning, np.flatnonzero(scan.reason == REASONS.index(reason)))
    outside = np.flatnonzero(scan.outside)
    then = {"strip": ", and is learnt without them", "drop": ", and is left out", "error": ", which ends a training"}
    meaning = f"The text has characters that are not in the charset{then.get(policy, '')}."
    yield Finding("outside the charset", meaning, outside)


def _texts(scan: Scan, source: Source) -> Iterator[Finding]:
    """What is wrong with the texts by themselves."""
    meanings = {
        INVISIBLE: "The text has characters that nobody can see, nor a network; --fix removes them.",
        SPACES: "The text has a space, tab or line end that is not the usual space; --fix makes it one.",
        NORMAL_FORM: "Letters and accents apart, or other codes of the same characters; --fix brings them into NFC.",
        SCRIPTS: "A word mixes letters of Latin, Cyrillic or Greek, of which many look alike.",
    }
    for bit, name in enumerate(FAULTS):
        positions = np.flatnonzero(scan.faults & (1 << bit))
        yield Finding(name, meanings[name], positions, note=lambda k, n=name, p=positions: _fault(source, int(p[k]), n))


def _fault(source: Source, position: int, name: str) -> str:
    try:
        return text_faults(text_of(source, position)).get(name, "")
    except (ValueError, OSError):
        return ""


def _why_unreadable(source: Source, position: int) -> str:
    try:
        data, _ = source[position]
        decode(data)
    except (ValueError, OSError) as error:
        return str(error)
    return ""


def _images(scan: Scan) -> Iterator[Finding]:
    for name, meaning, chosen in (
        ("blank", f"All pixels are alike, within {BLANK} grey levels.", unteachable(scan, "blank")),
        ("tiny", f"The image has less than {TINY} pixels on one side.", unteachable(scan, "tiny")),
        ("huge", f"The image has more than {HUGE:,} pixels on one side.", np.maximum(scan.width, scan.height) > HUGE),
    ):
        positions = np.flatnonzero(chosen)
        sizes = scan.width[positions], scan.height[positions]
        yield Finding(name, meaning, positions, note=lambda k, s=sizes: f"{s[0][k]} x {s[1][k]} pixels")


def _narrow(scan: Scan) -> Finding:
    narrow = usable(scan) & (scan.width < NARROW * scan.height * scan.characters) & (scan.characters >= SEVERAL)
    meaning = (
        "The image is narrow for so many characters in one line: turned, slanted, of two lines, or of another label; "
        "--preset reads it."
    )
    return Finding("narrow for its text", meaning, np.flatnonzero(narrow))


def _duplicates(scan: Scan, source: Source, train: int, progress: Progress) -> Iterator[Finding]:
    readable = np.flatnonzero(scan.width > 0)
    test = np.arange(len(scan)) >= train
    equal = equal_groups(scan.image_hash[readable], readable)
    contradictory, in_test, in_train = equal.differ(scan.text_hash), equal.count(test), equal.count(~test)
    yield _grouped("contradictory", "The same image file, with different texts.", equal.select(contradictory))
    yield _grouped(
        "in train and test",
        "The same image file in the training set and in the test set.",
        equal.select(in_test * in_train > 0),
    )
    again = ~contradictory & ((in_test > 1) | (in_train > 1))
    yield _grouped("duplicates", "The same image file with the same text, several times.", equal.select(again))
    # One of each file and side is compared with the others.
    _, first = np.unique(scan.image_hash[readable] ^ test[readable], return_index=True)
    chosen = np.zeros(len(scan), bool)
    chosen[readable[first]] = True
    near = near_duplicates(scan, source, chosen, progress)
    near = near.select(near.differ(scan.image_hash))
    across = near.count(test) * near.count(~test) > 0
    yield _grouped(
        "nearly in train and test", "The same picture in both sets, in different files.", near.select(across)
    )
    yield _grouped(
        "near duplicates",
        "The same picture in different files: written again, resized, or cut otherwise.",
        near.select(~across),
    )


def _grouped(name: str, meaning: str, groups: Groups) -> Finding:
    return Finding(name, meaning, groups.members, groups.numbers)


def _readings(suspects: Suspects) -> Iterator[Finding]:
    yield Finding("too wide", "The image is too long a line for the network to read.", suspects.too_wide)
    yield Finding(
        "turned",
        "The model reads the text when the image is turned, and something else as it stands.",
        suspects.turned,
        note=lambda k: f"read as {suspects.turned_texts[k]!r} when turned by {suspects.degrees[k]} degrees to the left",
    )
    yield Finding(
        "two lines",
        "The model reads the text when the lower half stands to the right of the upper one, which "
        "keras_textrec.images.in_one_line does: before training, and before reading.",
        suspects.two_lines,
        note=lambda k: f"read as {suspects.two_lines_texts[k]!r} in one line",
    )
    yield Finding(
        "suspicious",
        f"The model reads something else, with a confidence of {SURE} or more; the surest first.",
        suspects.positions,
        note=lambda k: f"read as {suspects.texts[k]!r}, {suspects.confidences[k]:.3f}",
    )
