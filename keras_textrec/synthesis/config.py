"""The renderer's configuration: `default.yaml`, and what a file and single settings change of it."""

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

from keras_textrec.system.settings import setting_value
from keras_textrec.system.terminal import near_names

# What divides, or is a size of letters or images.
_POSITIVE = {
    "text.longest",
    "layout.em",
    "layout.small_capitals.size",
    "layout.wave.length",
    "layout.elastic.cell",
    "view.foreshortening.distance",
    "view.height.median",
    "view.height.limits",
    "view.widest",
    "camera.blur.focus",
}
# Mappings that are values and no sections.
_WEIGHTS = {"kinds", "cases", "punctuation", "directions", "weights"}


def load_config(config: str | Path | Mapping[str, Any] | None = None, /, **settings: Any) -> dict[str, Any]:
    """The whole configuration: the defaults, changed by a file (or a mapping) and by `settings`.

    Both are nested as the defaults are, or name a place by dots: `load_config(**{"layout.arc.p": 0.3})`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no YAML, or a key or value that does not fit; the sentence names it.
    """
    values = yaml.safe_load((resources.files(__package__) / "default.yaml").read_text("utf-8"))
    if isinstance(config, str | Path):
        if not Path(config).is_file():
            raise FileNotFoundError(f"There is no configuration {config}.")
        try:
            given = yaml.safe_load(Path(config).read_text("utf-8")) or {}
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ValueError(f"{config} is not a YAML file: {error}") from error
        _change(values, given, f"{config}: ")
    elif config:
        _change(values, config, "")
    _change(values, settings, "")
    return values


def parse_settings(settings: Sequence[str]) -> dict[str, Any]:
    """Settings as the command line has them, "layout.arc.p=0.3", values written as in YAML, for `load_config`.

    Raises:
        ValueError: a setting without "=", or a value that is no YAML.
    """
    parsed = {}
    for setting in settings:
        key, separator, _ = setting.partition("=")
        if not separator:
            raise ValueError(f"{setting!r} must be KEY=VALUE, as layout.arc.p=0.3.")
        parsed[key] = setting_value(setting)
    return parsed


def as_section(values: Mapping[str, Any]) -> SimpleNamespace:
    """The configuration with its keys as attributes; weights stay mappings."""
    return SimpleNamespace(
        **{
            key: as_section(value) if isinstance(value, Mapping) and key not in _WEIGHTS else value
            for key, value in values.items()
        }
    )


def _change(known: dict[str, Any], given: Any, where: str) -> None:
    if not isinstance(given, Mapping):
        raise ValueError(f"{where.rstrip(': .') or 'The configuration'} must be a section, KEY: VALUE, not {given!r}.")
    for key, value in given.items():
        key, _, below = str(key).partition(".")
        value = {below: value} if below else value
        name = f"{where}{key}"
        if key not in known and not where.endswith("fonts.weights."):
            raise ValueError(f"{name} is no key of the configuration; {near_names(key, known)}")
        if isinstance(known.get(key), dict):
            _change(known[key], value, f"{name}.")
            if key in _WEIGHTS - {"weights"} and not sum(known[key].values()) > 0:
                raise ValueError(f"The weights of {name} are all 0; give one of them a weight.")
        else:
            known[key] = _checked(name, known.get(key, 1.0), value, weight=where.rstrip(".").split(".")[-1] in _WEIGHTS)


def _checked(name: str, like: Any, value: Any, weight: bool) -> Any:
    """`value`, if it is of the kind of `like`, and in range."""
    if like is None or isinstance(like, str):
        if value is None or all(isinstance(text, str) for text in (value if isinstance(value, list) else [value])):
            return value
        raise ValueError(f"{name} must be a text, a list of texts or null, not {value!r}.")
    if isinstance(like, bool):
        if isinstance(value, bool):
            return value
        raise ValueError(f"{name} must be true or false, not {value!r}.")
    if isinstance(like, list):
        if isinstance(value, list) and value and all(map(_is_number, value)):
            if len(like) > 2 and min(value) >= 0 and sum(value) > 0:
                return value
            if len(like) == len(value) == 2 and value[0] <= value[1]:
                _check_positive(name, value[0])
                return value
        what = "a range [from, to]" if len(like) == 2 else "a list of weights"
        raise ValueError(f"{name} must be {what}, not {value!r}.")
    if not _is_number(value):
        raise ValueError(f"{name} must be a number, not {value!r}.")
    if (weight and value < 0) or (name.endswith((".p", "difficulty")) and not 0 <= value <= 1):
        raise ValueError(f"{name} must be {'at least 0' if weight else 'from 0 to 1'}, not {value}.")
    if isinstance(like, int) and not isinstance(value, int) and not weight and name.split(".")[-1] in _WHOLE:
        raise ValueError(f"{name} must be a whole number, not {value}.")
    _check_positive(name, value)
    return value


def _check_positive(name: str, least: float) -> None:
    """ValueError: a number, or the least of a range, is one that nothing can be drawn with."""
    if least <= 0 and name.rpartition(": ")[2] in _POSITIVE:
        raise ValueError(f"{name} must be above 0, not {least}.")


_WHOLE = {"count", "seed", "longest", "em", "widest", "width", "height"}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
