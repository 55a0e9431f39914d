"""What can be wrong with the data of a training as a whole, told before its first step."""

import itertools
import logging
import pathlib
import unicodedata
from collections import Counter
from collections.abc import Iterator

import numpy as np

from keras_textrec.data.label_check import looked_at
from keras_textrec.data.lmdb_source import LMDBSource
from keras_textrec.data.mixing import Subset
from keras_textrec.data.sources import ConcatSource, Source, spread, text_of
from keras_textrec.doctor import inspect
from keras_textrec.synthesis.source import RenderedSource
from keras_textrec.text.comparing import normalize_text
from keras_textrec.text.tokenizers import Tokenizer

logger = logging.getLogger(__name__)

# Records in which the same pictures are looked for, of the training set and of the validation set: a few seconds.
_MOST_TRAINING, _MOST_VALIDATION = 3_000, 1_000
_MOST_TEXTS = 100_000  # texts of the training set that are compared with those of the validation set
_SHOWN = 40  # characters of a message


def tell_data(
    training: Source,
    validation: Source,
    tokenizer: Tokenizer,
    replay: Source | None = None,
    has_base: bool = False,
) -> None:
    """Logs what makes a validation set a bad judge of a training, or the training set a bad teacher for it.

    Characters in one of the two only, or that trained weights may forget; a validation set that is rendered; pictures
    that are in both.

    Args:
        replay: what is trained on besides.
        has_base: the weights are trained ones.
    """
    shown = _characters(training, tokenizer)
    if replay is not None:
        shown += _characters(replay, tokenizer)
    tell_characters(shown, _characters(validation, tokenizer))
    if has_base:
        tell_forgetting(shown, tokenizer)
    rendered = sorted({part_name(part) for part in parts(validation) if is_rendered(part)})
    if rendered:
        logger.warning(
            "The validation set is rendered (%s): its accuracy says how well rendered words are read, and may rise "
            "while photographs are read worse. Validate on labelled images of the kind that is to be read.",
            ", ".join(rendered),
        )
    tell_shared(training, validation)


def tell_characters(training: Counter, validation: Counter) -> None:
    """Logs the characters that occur in the training labels only, or in the validation labels only."""
    seen = training, validation
    only = [{c: n for c, n in mine.items() if c not in other} for mine, other in (seen, seen[::-1])]
    if only[1]:
        other_case = all(c.swapcase() in training for c in only[1] if c.isalpha()) and any(map(str.isalpha, only[1]))
        logger.warning(
            "Only in the validation set, so that training never shows them: %s.%s",
            *(_shown(only[1]), " The training labels have the same letters in the other case." if other_case else ""),
        )
    if only[0]:
        logger.info("Only in the training set, so that nothing tells how well they are read: %s.", _shown(only[0]))


def tell_forgetting(training: Counter, tokenizer: Tokenizer) -> None:
    """Logs that trained weights are trained on the smaller part of their characters, if so."""
    characters = set(filter(None, tokenizer.charset))
    if 2 * len(training) < len(characters):
        logger.warning(
            "The training labels have %s of the %s characters that the network reads. What it is no longer shown it "
            "forgets: go on showing it (--mix 0.3:SOURCE) and see how it is read (--old-validation SOURCE), or leave "
            "out the characters that are not needed (--charset).",
            *(f"{len(training):,}", f"{len(characters):,}"),
        )


def tell_shared(training: Source, validation: Source) -> None:
    """Logs how many pictures of the validation set are in the training set too, as far as a few seconds tell.

    The data doctor compares up to 1,000 images of the validation set with up to 3,000 of the training set, first those
    with the same texts. Images that are rendered while they are read are not compared.
    """
    if any(isinstance(part, RenderedSource) for source in (training, validation) for part in parts(source)):
        return
    judged = Subset(validation, spread(len(validation), _MOST_VALIDATION))
    taught = Subset(training, _likely(training, judged))
    found = inspect(taught, judged, reading=False, progress=False)
    positions = {
        int(position)
        for finding in found.findings
        if finding.name in ("in train and test", "nearly in train and test")
        for position in finding.positions
    }
    shared = sorted(position for position in positions if position >= found.train)
    if shared:
        logger.warning(
            "%d of the %d images of the validation set that were compared are in the training set too, as the same "
            "file or nearly (%s, ...): its accuracy is too high by that. `keras-textrec inspect-data TRAINING --test "
            "VALIDATION` lists them.",
            *(len(shared), len(judged), found.source.key(shared[0])),
        )


def parts(source: Source) -> Iterator[Source]:
    """The sources that a source is made of."""
    if isinstance(source, ConcatSource):
        for part in source.sources:
            yield from parts(part)
    elif isinstance(source, Subset):
        yield from parts(source.source)
    else:
        yield source


def is_rendered(source: Source) -> bool:
    """Whether this package rendered a source: while it is read, or into an LMDB with its `synthesis.yaml`."""
    if isinstance(source, RenderedSource):
        return True
    return isinstance(source, LMDBSource) and pathlib.Path(source.path, "synthesis.yaml").is_file()


def part_name(source: Source) -> str:
    return pathlib.Path(getattr(source, "path", type(source).__name__)).name


def _likely(training: Source, judged: Source) -> np.ndarray:
    """The positions of the training set where a picture of the validation set would be: the same texts first."""
    words = {normalize_text(text, "letters") for text in _texts(judged, range(len(judged)))}
    positions = spread(len(training), _MOST_TEXTS)
    if len(training) <= _MOST_TRAINING:
        return positions
    same = [
        position
        for position in positions.tolist()
        if normalize_text("".join(_texts(training, [position])), "letters") in words
    ]
    others = spread(len(training), max(0, _MOST_TRAINING - len(same)))
    return np.unique(np.concatenate([np.array(same[:_MOST_TRAINING], np.int64), others]))


def _characters(source: Source, tokenizer: Tokenizer) -> Counter:
    """How often which character of the charset stands in the labels that are looked at."""
    indices = itertools.chain.from_iterable(looked_at(len(source)))
    counted: Counter = Counter()
    for text in _texts(source, indices):
        counted.update(unicodedata.normalize("NFC", text.lower() if tokenizer.lowercase else text))
    return Counter({c: n for c, n in counted.items() if c in tokenizer.charset})


def _texts(source: Source, indices) -> Iterator[str]:
    """Texts of a source; those that cannot be read are left out, for the pipeline names them."""
    for index in indices:
        try:
            yield text_of(source, index)
        except (ValueError, OSError):
            continue


def _shown(counts: dict[str, int]) -> str:
    most = sorted(counts, key=lambda c: (-counts[c], c))
    return " ".join(most[:_SHOWN]) + (" …" if len(most) > _SHOWN else "")
