"""Another charset for a trained recogniser: what it knows of a character stays with the character."""

import dataclasses
import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np

from keras_textrec.layers.attention_decoder import AttentionDecoder
from keras_textrec.layers.hybrid_decoder import HybridDecoder
from keras_textrec.layers.nrtr_decoder import NRTRDecoder
from keras_textrec.presets.history import ABOUT_WEIGHTS, without
from keras_textrec.text import Charset, NRTRTokenizer, Tokenizer
from keras_textrec.text.charset import config_with_charset

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class CharsetChange:
    """What became of the characters: those in both charsets, in the new one only, in the old one only."""

    kept: tuple[str, ...]
    new: tuple[str, ...]
    dropped: tuple[str, ...]

    def __str__(self) -> str:
        parts = [f"{len(self.kept)} characters kept"]
        if self.new:
            parts.append(f"{len(self.new)} new, which start as the mean of the old ones: {_shown(self.new)}")
        if self.dropped:
            parts.append(f"{len(self.dropped)} dropped: {_shown(self.dropped)}")
        return "; ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Plain values: how many were kept and dropped, and which are new."""
        return {"kept": len(self.kept), "new": list(self.new), "dropped": len(self.dropped)}


def with_charset(model: keras.Model, charset: Charset | str | Sequence[str], keep_weights: bool = True) -> keras.Model:
    """The same recogniser for other characters; its `about["charset_change"]` says what became of the old ones.

    A tokenizer that lower-cases labels stops to do so if the new charset holds upper case, which no label would have
    otherwise. An upper-case letter never starts as the lower-case one.

    Args:
        model: a recogniser.
        charset: the new characters, in the order of their classes.
        keep_weights: False leaves all weights new.

    Raises:
        ValueError: no charset.
    """
    charset = charset if isinstance(charset, Charset) else Charset(charset)
    tokenizer = type(model.tokenizer)(**config_with_charset(model.tokenizer.get_config(), charset))
    new = type(model).from_config({**model.get_config(), "tokenizer": tokenizer})
    new.about = without(model.about, ABOUT_WEIGHTS)
    if keep_weights:
        copy_weights(model, new)
    return new


def copy_weights(old: keras.Model, new: keras.Model) -> None:
    """Gives `new` the weights of `old`; what belongs to a symbol goes by the symbol, not by its place.

    If their charsets differ, the log and `new.about["charset_change"]` say what became of the characters.

    A new character gets the mean of all old ones in the output layer and in every embedding. So its logit is the mean
    of theirs, which is never above the best one: until it is trained, a network with characters added to its charset
    reads as before. (A random row would win now and then.) Its training moves such rows apart at once.

    Args:
        old: the trained recogniser.
        new: a recogniser of the same architecture, whose charset may be another.

    Raises:
        ValueError: they differ by more than the charset; `new` is left as it was.
    """
    before, after = (getattr(model, "tokenizer", None) for model in (old, new))  # a detector has none
    if type(before) is not type(after) or len(old.weights) != len(new.weights):
        raise ValueError(f"The weights of this {type(old).__name__} do not fit: only the charset may be another.")
    other_charset = before is not None and before.charset != after.charset
    axes = {id(variable): place for variable, *place in _symbol_axes(new)} if other_charset else {}
    values = []
    for source, target in zip(old.weights, new.weights, strict=True):
        value = keras.ops.convert_to_numpy(source)
        if id(target) in axes:
            value = _rearranged(value, *axes[id(target)], before.charset, after.charset)
        if value.shape != tuple(target.shape):
            raise ValueError(
                f"The weights of this {type(old).__name__} do not fit: {target.path} has the shape "
                f"{tuple(target.shape)} instead of {value.shape}; only the charset may be another."
            )
        values.append(value)
    for target, value in zip(new.weights, values, strict=True):
        target.assign(value)
    new.origin = old.origin
    if other_charset:
        change = _compare(before.charset, after.charset)
        new.about = {**new.about, "charset_change": change.to_dict()}
        logger.info("Another charset: %s.", change)
        if not change.kept:
            logger.warning("The new charset has no character of the old one: train before reading.")


def _symbol_axes(model: keras.Model) -> Iterator[tuple[keras.Variable, int, int, Tokenizer]]:
    """Every variable that has a slice for each symbol: along which axis, from where on, numbered by which tokenizer."""
    tokenizer = model.tokenizer
    for layer in model.layers:
        if layer.name == "head":  # of CTC
            yield from _outputs(layer, tokenizer)
        elif isinstance(layer, AttentionDecoder):
            cell = layer.rnn.cell
            yield cell.gru.kernel, 0, cell.channels, tokenizer  # sees the glimpse, then the symbol as one-hot
            yield from _outputs(cell.head, tokenizer)
        elif isinstance(layer, HybridDecoder):
            yield layer.rnn.cell.embedding.embeddings, 0, 0, tokenizer
            yield from _outputs(layer.rnn.cell.head, tokenizer)
        elif isinstance(layer, NRTRDecoder):
            guide = NRTRTokenizer(tokenizer.charset)
            yield layer.get_layer("embedding").embeddings, 0, 0, guide
            yield from _outputs(layer.get_layer("projection"), guide)


def _outputs(dense: keras.layers.Dense, tokenizer: Tokenizer) -> Iterator[tuple[keras.Variable, int, int, Tokenizer]]:
    for variable in dense.weights:
        yield variable, -1, 0, tokenizer


def _rearranged(
    value: np.ndarray, axis: int, offset: int, tokenizer: Tokenizer, old: Charset, new: Charset
) -> np.ndarray:
    """`value` with a slice for each symbol of the new charset, along `axis` from `offset` on.

    Every tokenizer numbers the special symbols before its first character, or from its last one on; so they keep their
    number, or their distance from the last character.
    """
    before, rows = np.split(np.moveaxis(value, axis, 0), [offset])
    first = tokenizer.first_id
    characters = rows[first : first + len(old)]
    mean = characters.mean(0)
    # An entry of `new` that no label is encoded to, empty or there again later, has learnt nothing: the mean.
    moved = [
        characters[old.index(entry)] if entry in old and new.index(entry) == place else mean
        for place, entry in enumerate(new)
    ]
    result = np.concatenate([before, rows[:first], np.stack(moved), rows[first + len(old) :]])
    return np.moveaxis(result, 0, axis)


def _compare(old: Charset, new: Charset) -> CharsetChange:
    before, after = (tuple(filter(None, dict.fromkeys(charset))) for charset in (old, new))
    return CharsetChange(
        kept=tuple(character for character in after if character in old),
        new=tuple(character for character in after if character not in old),
        dropped=tuple(character for character in before if character not in new),
    )


def _shown(characters: Iterable[str]) -> str:
    """The first of them, for a message."""
    characters = list(characters)
    return " ".join(characters[:40]) + (" …" if len(characters) > 40 else "")
